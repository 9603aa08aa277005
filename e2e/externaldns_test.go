// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meridian-gslb/meridian/internal/bindtest"
	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// externalDNSEnv names the variable with the path of a released external-dns binary to
// run instead of the one that is built of its parts.
const externalDNSEnv = "MERIDIAN_EXTERNALDNS"

// carriedSite is a site whose edge zone, in BIND, is written by ExternalDNS alone.
type carriedSite struct {
	*kubeSite
	bind   *bindtest.Server
	key    bindtest.Key
	binary string
	dns    map[string]*lab.Process // ExternalDNS, by cluster
}

func newCarriedSite(t *testing.T, tags ...string) *carriedSite {
	t.Helper()
	s := &carriedSite{kubeSite: &kubeSite{site: layOut(t), clusters: map[string]*kubeCluster{}}, dns: map[string]*lab.Process{}}
	s.key = bindtest.Key{Name: "externaldns", Secret: []byte(strings.Repeat("e", 32))}
	s.bind = bindtest.Start(t, bindtest.Config{
		Conf: `zone "example.com" { type primary; file "DIR/zone"; update-policy { grant externaldns zonesub ANY; }; };`,
		Files: map[string]string{"zone": `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
`},
		Transfer: s.key,
	})
	s.binary = buildExternalDNS(t)
	s.planes = kplane.ForTest(t, tags...)
	for i, tag := range tags {
		cfg, err := clientcmd.BuildConfigFromFlags("", s.planes.Cluster(tag).Kubeconfig)
		require.NoError(t, err)
		api, err := kubernetes.NewForConfig(cfg)
		require.NoError(t, err)
		c := &kubeCluster{s: s.kubeSite, tag: tag, n: 11 + i, api: api, extra: []string{"--edge-provider", "externaldns", "--edge-dns", s.bind.Addr.String()}}
		s.clusters[tag] = c
		for _, crds := range []string{"../api/v1beta1/crds", "../controllers/externaldns/testdata"} {
			c.kubectl("apply", "-f", crds)
			c.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", crds)
		}
	}
	return s
}

// buildExternalDNS builds e2e/externaldns, a module of its own.
func buildExternalDNS(t *testing.T) string {
	t.Helper()
	if real := os.Getenv(externalDNSEnv); real != "" {
		return real
	}
	file := filepath.Join(t.TempDir(), "external-dns")
	require.NoError(t, gobuild.Build(t.Context(), "externaldns", ".", file))
	return file
}

// join starts Meridian and ExternalDNS in a cluster, with the flags of docs/edge.
func (s *carriedSite) join(tag string) {
	s.t.Helper()
	s.clusters[tag].start()
	s.dns[tag] = s.carry("external-dns-"+tag, tag, "--namespace=default", "--label-filter=gslb.meridian.dev/delegation=externaldns", "--policy=upsert-only", "--txt-owner-id=meridian")
}

// carry starts an ExternalDNS in a cluster.
func (s *carriedSite) carry(name, tag string, args ...string) *lab.Process {
	s.t.Helper()
	ours := s.lab.Bin
	s.lab.Bin = s.binary
	defer func() { s.lab.Bin = ours }()
	p, err := s.lab.Start(name, append(args,
		"--kubeconfig="+s.planes.Cluster(tag).Kubeconfig, "--interval=1s", "--min-event-sync-interval=1s",
		"--metrics-address="+s.lab.Addr(s.clusters[tag].n).String()+":0",
		"--source=crd", "--domain-filter="+lab.EdgeZone, "--registry=txt",
		"--managed-record-types=NS", "--managed-record-types=A", "--managed-record-types=AAAA",
		"--provider=rfc2136", "--rfc2136-host="+s.bind.Addr.Addr().String(), "--rfc2136-port="+strconv.Itoa(int(s.bind.Addr.Port())), "--rfc2136-zone="+lab.EdgeZone,
		"--rfc2136-tsig-axfr", "--rfc2136-tsig-keyname="+s.key.Name, "--rfc2136-tsig-secret-alg=hmac-sha256",
		"--rfc2136-tsig-secret="+base64.StdEncoding.EncodeToString(s.key.Secret))...)
	require.NoError(s.t, err)
	return p
}

// beside starts another ExternalDNS in a cluster, as one that was there before Meridian: with
// an owner of its own, that takes away what it does not want, for an application.
func (s *carriedSite) beside(tag string) {
	s.t.Helper()
	_, err := s.planes.Kubectl(s.t.Context(), tag, strings.NewReader(`apiVersion: v1
kind: Namespace
metadata: {name: apps}
---
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: app, namespace: apps}
spec: {endpoints: [{dnsName: app.example.com, recordType: A, recordTTL: 60, targets: [192.0.2.90]}, {dnsName: below.cloud.example.com, recordType: A, recordTTL: 60, targets: [192.0.2.91]}]}
`), "apply", "-f", "-")
	require.NoError(s.t, err)
	s.carry("external-dns-beside", tag, "--namespace=apps", "--policy=sync", "--txt-owner-id=apps", "--exclude-domains="+lab.Zone)
	s.until("the application has its record", func() bool {
		return slices.ContainsFunc(s.bind.AXFR(lab.EdgeZone), func(l string) bool { return strings.HasPrefix(l, "app.") })
	})
}

// delegated is the delegation in BIND, as lines of NS, A and AAAA.
func (s *carriedSite) delegated() []string {
	var out []string
	for _, l := range s.bind.AXFR(lab.EdgeZone) {
		f := strings.Fields(l)
		if len(f) == 5 && (f[0] == lab.Zone+"." || strings.HasPrefix(f[0], "gslb-ns-")) && f[3] != "TXT" {
			out = append(out, f[0]+" "+f[3]+" "+f[4])
		}
	}
	slices.Sort(out)
	return out
}

// want is the delegation that these clusters should have.
func (s *carriedSite) want(tags ...string) []string {
	var out []string
	for _, tag := range tags {
		ns := "gslb-ns-" + tag + "-cloud.example.com."
		out = append(out, lab.Zone+". NS "+ns, ns+" A "+s.lab.Addr(s.clusters[tag].n).String())
	}
	slices.Sort(out)
	return out
}

func (s *carriedSite) awaitDelegated(tags ...string) {
	s.t.Helper()
	var have []string
	s.until(fmt.Sprintf("the delegation names %v", tags), func() bool {
		have = s.delegated()
		return slices.Equal(have, s.want(tags...))
	})
}

// spec is what the DNSEndpoint of a cluster says; a reason of its own while it has none,
// which another cluster's can be ahead of.
func (s *carriedSite) spec(tag string) string {
	out, err := s.planes.Kubectl(s.t.Context(), tag, nil, "get", "dnsendpoints.externaldns.k8s.io", "meridian-"+lab.Zone, "-o", "jsonpath={.spec}")
	if err != nil {
		return tag + ": " + err.Error()
	}
	return out
}

// rounds counts how often ExternalDNS of a cluster compared the zone with what it wants.
// Its RFC 2136 provider takes an NS set of several for different each time it reads it.
func (s *carriedSite) rounds(tag string) int {
	log := s.dns[tag].Log()
	return strings.Count(log, "All records are already up to date") + strings.Count(log, "Adding RR: ns-cloud.example.com")
}

// round waits until ExternalDNS of these clusters went round n times more; meanwhile is
// called all the while.
func (s *carriedSite) round(n int, meanwhile func(), tags ...string) {
	s.t.Helper()
	for _, tag := range tags {
		until := s.rounds(tag) + n
		s.until("ExternalDNS of "+tag+" goes round", func() bool {
			meanwhile()
			return s.rounds(tag) >= until
		})
	}
}

// holds waits until nothing old is on its way any more, and then watches that the
// delegation names these clusters all the while.
func (s *carriedSite) holds(want []string, tags ...string) {
	s.t.Helper()
	s.round(2, func() {}, tags...)
	s.round(3, func() { require.Equal(s.t, want, s.delegated()) }, tags...)
}

// loses takes the DNSEndpoint of a cluster away.
func (s *carriedSite) loses(tag string) {
	s.t.Helper()
	s.clusters[tag].kubectl("delete", "dnsendpoints.externaldns.k8s.io", "meridian-"+lab.Zone)
}

func (s *carriedSite) kill(tag string) {
	s.t.Helper()
	require.NoError(s.t, s.dns[tag].Kill())
	require.NoError(s.t, s.clusters[tag].process.Kill())
}

// TestExternalDNSKnowsTheDocumentedFlags asks the flags of docs/edge of the version that is
// named there.
func TestExternalDNSKnowsTheDocumentedFlags(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "test", "-C", "externaldns", "-count=1", "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestDelegationByExternalDNS is the delegation of clusters that come, die and restart,
// written by an ExternalDNS in each of them to one edge zone.
func TestDelegationByExternalDNS(t *testing.T) {
	s := newCarriedSite(t, "eu", "us", "cz")
	others := func() []string {
		return slices.DeleteFunc(s.bind.AXFR(lab.EdgeZone), func(l string) bool {
			return !strings.HasPrefix(l, "www.") && !strings.HasPrefix(l, "app.") && !strings.HasPrefix(l, "below.")
		})
	}
	s.beside("eu")
	before := others()

	t.Log("the first cluster")
	s.join("eu")
	s.awaitDelegated("eu")

	t.Log("a cluster joins, and nobody's own record set keeps it out")
	s.join("us")
	s.awaitDelegated("eu", "us")
	s.until("both say the same", func() bool { return s.spec("eu") == s.spec("us") })
	s.holds(s.want("eu", "us"), "eu", "us")

	t.Log("a cluster dies with all it has, and the other restarts without knowing it")
	s.kill("us")
	eu := s.clusters["eu"]
	s.until("us is lost", func() bool { return strings.Contains(eu.process.Log(), "liveness=lost") })
	require.NoError(t, eu.process.Stop())
	eu.start()
	s.until("eu serves", func() bool { return lab.Addrs(t.Context(), eu.at(), rr) == "NXDOMAIN" })
	s.holds(s.want("eu", "us"), "eu")

	t.Log("and loses its object while it is down")
	require.NoError(t, eu.process.Stop())
	s.loses("eu")
	s.round(3, func() { require.Equal(t, s.want("eu", "us"), s.delegated()) }, "eu")
	eu.start()
	s.until("the object is written again", func() bool {
		_, err := s.planes.Kubectl(t.Context(), "eu", nil, "get", "dnsendpoints.externaldns.k8s.io", "meridian-"+lab.Zone)
		return err == nil
	})
	s.round(5, func() { require.Equal(t, s.want("eu", "us"), s.delegated()) }, "eu")

	t.Log("a third cluster joins although one is dead")
	s.join("cz")
	s.awaitDelegated("cz", "eu", "us")
	s.until("both say the same", func() bool { return s.spec("cz") == s.spec("eu") })
	s.holds(s.want("cz", "eu", "us"), "cz", "eu")

	t.Log("somebody spoils the edge zone: it is shown, and put right")
	_, err := s.bind.NSUpdate(s.key, "update delete gslb-ns-eu-cloud.example.com. A", "update add gslb-ns-eu-cloud.example.com. 300 A 192.0.2.66", "send")
	require.NoError(t, err)
	s.awaitDelegated("cz", "eu", "us")
	assert.Equal(t, before, others(), "records of others are as they were")

	t.Log("with another policy the same loss takes the delegation away")
	for _, tag := range []string{"eu", "cz"} {
		s.kill(tag)
	}
	s.loses("eu")
	s.carry("external-dns-sync", "eu", "--namespace=default", "--policy=sync", "--txt-owner-id=meridian")
	s.until("the delegation is gone", func() bool { return len(s.delegated()) == 0 })
	assert.Equal(t, before, others(), "those of others are not")
}
