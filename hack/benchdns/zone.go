// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// The zone: 1,000 hosts with four addresses each.
const (
	zoneName  = "cloud.example.com"
	hosts     = 1000
	perHost   = 4
	questions = 20000
	changing  = 100 // the last hosts, each in a file of its own: what changes is published again
)

func hostName(i int) string { return fmt.Sprintf("app%d", i) }

// address gives the k-th address of a host.
func address(i, k int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(k), byte(i / 250), byte(i%250 + 1)})
}

// writeZone writes the zone as a zone file.
func writeZone(path string) error {
	var z strings.Builder
	z.WriteString("$ORIGIN " + zoneName + ".\n$TTL 30\n@ IN SOA ns1 hostmaster 1 7200 1800 86400 30\n@ IN NS ns1\nns1 IN A 127.0.0.1\n")
	for i := range hosts {
		for k := range perHost {
			fmt.Fprintf(&z, "%s IN A %s\n", hostName(i), address(i, k))
		}
	}
	return os.WriteFile(path, []byte(z.String()), 0o644)
}

// writeQuestions writes questions for dnsperf: of hosts, or of names that do not
// exist. They are the same in every run.
func writeQuestions(path string, exist bool) error {
	r := rand.New(rand.NewPCG(1, 2))
	var q strings.Builder
	for range questions {
		name := hostName(r.IntN(hosts))
		if !exist {
			name = fmt.Sprintf("no%d", r.IntN(1_000_000))
		}
		q.WriteString(name + "." + zoneName + " A\n")
	}
	return os.WriteFile(path, []byte(q.String()), 0o644)
}

// writeManifests writes the zone as Meridian reads it: a Service that is ready,
// and a Gslb for each host, whose addresses are those from one index on.
func writeManifests(dir, strategy string, from, to int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"app.yaml": backend}
	var all strings.Builder
	for i := range hosts {
		if i < hosts-changing {
			all.WriteString("---\n" + gslb(i, strategy, from, to))
			continue
		}
		files[hostName(i)+".yaml"] = gslb(i, strategy, from, to)
	}
	files["hosts.yaml"] = all.String()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const backend = `apiVersion: v1
kind: Service
metadata: {name: app, namespace: bench}
spec: {selector: {app: app}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: bench, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.255.0.1], conditions: {ready: true}}]
`

func gslb(i int, strategy string, from, to int) string {
	addrs := make([]string, 0, perHost)
	for k := from; k < to; k++ {
		addrs = append(addrs, address(i, k).String())
	}
	return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: %[1]s, namespace: bench}
spec:
  ingress:
    rules:
    - host: %[1]s.%[2]s
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
  strategy: {%[3]s, dnsTtlSeconds: 30}
  entryAddresses: [%[4]s]
`, hostName(i), zoneName, strategy, strings.Join(addrs, ", "))
}
