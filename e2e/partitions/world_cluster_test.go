// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// Last octets of a cluster's addresses.
const (
	dnsN   = 53 // in its glue
	firstN = 11 // of instances, where there are several
	appN   = 80 // its entries, and the next one
)

// cluster is Meridian, one instance or several, and an application that serves at its
// entries.
type cluster struct {
	w         *world
	tag       string
	space     *space
	dir       string                // of its manifests
	apply     func(manifest string) // to its API server; nil: it has none
	source    []string              // flags of its objects' source
	edge      []string              // flags of its edge
	peerKey   string
	extra     []string
	clock     string // file that sets its clock of signatures; "": this machine's
	keeps     bool   // each instance keeps its world on a disk
	instances []*instance
	app       *lab.Process
	ready     bool // its backends
	serves    bool // whether its entries may be answered
}

// cluster makes a cluster that is not started.
func (w *world) cluster(tag string, third int) *cluster {
	w.t.Helper()
	replicas := max(w.plan.replicas, w.plan.more[tag], 1)
	addrs := []int{dnsN, appN, appN + 1}
	c := &cluster{w: w, tag: tag, dir: filepath.Join(w.lab.Dir, "objects-"+tag), peerKey: w.peerKey, ready: true, serves: true}
	for i := range replicas {
		in := &instance{c: c, name: fmt.Sprintf("%s-%d", tag, i+1), n: firstN + i}
		if replicas == 1 && w.plan.way == nil {
			in.name, in.n = tag, dnsN
		} else {
			addrs = append(addrs, in.n)
		}
		c.instances = append(c.instances, in)
	}
	c.space = w.attach(tag, third, addrs...)
	require.NoError(w.t, os.MkdirAll(c.dir, 0o700))
	c.source = []string{"--manifests", c.dir}
	c.write()
	c.file("hosts.yaml", c.hosts())
	w.clusters = append(w.clusters, c)
	return c
}

// file writes a manifest as an editor would: whole, by rename.
func (c *cluster) file(name, content string) {
	c.w.t.Helper()
	tmp := filepath.Join(c.w.lab.Dir, c.tag+"-"+name+".tmp")
	require.NoError(c.w.t, os.WriteFile(tmp, []byte(content), 0o600))
	require.NoError(c.w.t, os.Rename(tmp, filepath.Join(c.dir, name)))
}

// hosts are the cluster's objects for both hosts.
func (c *cluster) hosts() string {
	return c.objects("rr", rr, "roundRobin", "") + "---\n" + c.objects("fail", fail, "failover", "primaryGeoTag: eu")
}

// objects is a Gslb with the cluster's entries.
func (c *cluster) objects(name, host, strategy, more string) string {
	return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: %[1]s, namespace: demo}
spec:
  ingress:
    rules:
    - host: %[2]s
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
  entryAddresses: [%[5]s, %[6]s]
  strategy:
    type: %[3]s
    %[4]s
`, name, host, strategy, more, c.space.addr(appN), c.space.addr(appN+1))
}

// write writes the application as it is now.
func (c *cluster) write() {
	c.w.t.Helper()
	if c.apply != nil {
		c.apply(backend(c.ready))
		return
	}
	c.file("app.yaml", backend(c.ready))
}

func backend(ready bool) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: app, namespace: demo}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: demo, labels: {kubernetes.io/service-name: app, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [192.0.2.10], conditions: {ready: %t}}]
`, ready)
}

// turn turns the backends of the cluster on or off; a moment later nobody may answer
// its entries, or everybody has to.
func (c *cluster) turn(ready bool) {
	c.w.t.Helper()
	c.ready = ready
	c.setServes(ready)
	c.write()
}

// setServes says whether the cluster's entries may be answered from now on.
func (c *cluster) setServes(serves bool) {
	c.serves = serves
	if c.w.seen != nil {
		c.w.seen.truth(c)
	}
}

// start starts the application and every instance.
func (c *cluster) start() {
	c.w.t.Helper()
	c.startApp()
	if len(c.instances) > 1 || c.w.plan.way != nil {
		var to []string
		for _, i := range c.instances {
			to = append(to, i.at())
		}
		way := c.w.plan.way
		if way == nil {
			way = spread
			if c.w.plan.asksReady {
				way = spreadReady
			}
		}
		way(c, to)
	}
	for _, i := range c.instances {
		i.start()
	}
}

func (c *cluster) startApp() {
	c.w.t.Helper()
	self, err := os.Executable()
	require.NoError(c.w.t, err)
	c.app = c.w.start(c.space, c.tag+"-application", "env",
		fmt.Sprintf("%s=%s,%s", appEnv, c.space.addr(appN), c.space.addr(appN+1)), self)
}

// one is the only instance of the cluster.
func (c *cluster) one() *instance { return c.instances[0] }

// all applies a fault to every process of the cluster.
func (c *cluster) all(fault func(*lab.Process) error) {
	c.w.t.Helper()
	require.NoError(c.w.t, fault(c.app))
	for _, i := range c.instances {
		require.NoError(c.w.t, fault(i.process))
	}
}

// offerNothing leaves the folder of manifests empty: the cluster is a witness.
func (c *cluster) offerNothing() {
	c.w.t.Helper()
	for _, name := range []string{"app.yaml", "hosts.yaml"} {
		require.NoError(c.w.t, os.Remove(filepath.Join(c.dir, name)))
	}
	c.setServes(false)
}

// copyKey gives a key with the same name and secret, of a file of its own.
func (w *world) copyKey(key, file string) string {
	w.t.Helper()
	name, _, _ := strings.Cut(key, ":")
	path := filepath.Join(w.lab.Dir, file+".key")
	copied := name + ":hmac-sha256:" + path
	require.NoError(w.t, os.WriteFile(path, []byte(w.secret(key)), 0o600))
	return copied
}

// setSecret replaces the secret of a key, whole.
func (w *world) setSecret(key, secret string) {
	w.t.Helper()
	_, path, _ := strings.Cut(key, ":hmac-sha256:")
	require.NoError(w.t, os.WriteFile(path+".new", []byte(secret+"\n"), 0o600))
	require.NoError(w.t, os.Rename(path+".new", path))
}
