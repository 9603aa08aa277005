// SPDX-License-Identifier: Apache-2.0

// Package e2e_test runs whole processes: from files with Go alone (make test),
// and beside real BIND with dig and nsupdate (make e2e, build tag e2e).
package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// Places in the lab's network.
const (
	edgeN = 1
	httpN = 8080
)

// patience bounds every wait; nothing here asserts a duration.
const patience = 60 * time.Second

// site is one lab for one test.
type site struct {
	t       testing.TB
	lab     *lab.Lab
	edgeKey string
	peerKey string
	edgeAt  string // "" until startEdge
}

// binary is meridian.
var binary gobuild.Binary

// TestMain builds it once for all tests.
func TestMain(m *testing.M) { os.Exit(binary.Main(m, "../cmd/meridian")) }

func newSite(t *testing.T) *site {
	t.Helper()
	t.Parallel()
	return layOut(t)
}

// layOut makes a site for a test or a benchmark.
func layOut(t testing.TB) *site {
	t.Helper()
	require.NoError(t, binary.Err)
	l, err := lab.New(t.Context(), t.TempDir(), binary.Path)
	require.NoError(t, err)
	s := &site{t: t, lab: l}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		s.noPanics()
		if t.Failed() {
			s.printLogs()
		}
	})
	s.edgeKey, err = l.Key("edge")
	require.NoError(t, err)
	s.peerKey, err = l.Key("peers")
	require.NoError(t, err)
	return s
}

// noPanics fails if a process survived a bug, or did not: meridian_dnsserver_panics_total
// counts what is logged so, and the logs of those that were killed are there too.
func (s *site) noPanics() {
	logs, err := filepath.Glob(filepath.Join(s.lab.Dir, "*.log"))
	require.NoError(s.t, err)
	for _, f := range logs {
		b, err := os.ReadFile(f)
		require.NoError(s.t, err)
		for _, line := range strings.Split(string(b), "\n") {
			if strings.Contains(line, "recovered from a panic") || strings.HasPrefix(line, "panic: ") {
				s.t.Errorf("%s: %s", filepath.Base(f), line)
			}
		}
	}
}

func (s *site) printLogs() {
	logs, err := filepath.Glob(filepath.Join(s.lab.Dir, "*.log"))
	if err != nil {
		s.t.Log(err)
	}
	for _, f := range logs {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Log(err)
			continue
		}
		s.t.Logf("--- %s\n%s", filepath.Base(f), b[max(0, len(b)-8000):])
	}
}

func (s *site) startEdge() {
	s.t.Helper()
	_, err := s.lab.Start("edge", s.lab.EdgeArgs(edgeN, s.edgeKey)...)
	require.NoError(s.t, err)
	s.edgeAt = s.lab.At(edgeN)
	s.await(s.edgeAt, lab.EdgeZone, "NODATA")
}

// addrs gives addresses of the lab as answers show them.
func (s *site) addrs(ns ...int) string {
	var out []string
	for _, n := range ns {
		out = append(out, s.lab.Addr(n).String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (s *site) await(server, name, want string) time.Duration {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	took, err := lab.Await(ctx, server, name, want)
	require.NoError(s.t, err)
	return took
}

func (s *site) until(what string, f func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, lab.Until(ctx, f), "waiting until %s", what)
}

// steady watches that the answers of clusters stay as they are.
func (s *site) steady(d time.Duration, name, want string, cs ...*cluster) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		for _, c := range cs {
			require.Equal(s.t, want, lab.Addrs(s.t.Context(), c.at(), name), "the answer of %s changed", c.tag)
		}
	}
}

func (s *site) occupy(at string) {
	s.t.Helper()
	c, err := (&net.ListenConfig{}).ListenPacket(s.t.Context(), "udp", at)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() }) // the test is over
}

// link is the only way to a cluster, which can be cut: it listens on the n-th
// address, which stands in the cluster's glue too.
func (s *site) link(n int, to *cluster) *lab.Link {
	s.t.Helper()
	to.glue = n
	l, err := lab.NewLink(s.t.Context(), s.lab.At(n), to.at())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = l.Close() }) // the test is over
	return l
}

// cluster is one meridian with a folder of manifests.
type cluster struct {
	s       *site
	tag     string
	n       int
	dir     string
	peerKey string
	peers   []string
	extra   []string
	glue    int // the address in its glue; 0: its own
	process *lab.Process
	up      bool
}

// cluster makes a cluster at the n-th address; its entries are 100+10(n-10)+1
// and the next one.
func (s *site) cluster(tag string, n int) *cluster {
	s.t.Helper()
	c := &cluster{s: s, tag: tag, n: n, dir: filepath.Join(s.lab.Dir, "objects-"+tag), peerKey: s.peerKey, up: true}
	require.NoError(s.t, os.MkdirAll(c.dir, 0o700))
	c.file("app.yaml", c.app())
	return c
}

func (c *cluster) at() string { return c.s.lab.At(c.n) }

func (c *cluster) metrics() string {
	return "http://" + net.JoinHostPort(c.s.lab.Addr(c.n).String(), fmt.Sprint(httpN))
}

// file writes a manifest as an editor would: whole, by rename.
func (c *cluster) file(name, content string) {
	c.s.t.Helper()
	tmp := filepath.Join(c.s.lab.Dir, c.tag+"-"+name+".tmp")
	require.NoError(c.s.t, os.WriteFile(tmp, []byte(content), 0o600))
	require.NoError(c.s.t, os.Rename(tmp, filepath.Join(c.dir, name)))
}

var gslbName = regexp.MustCompile(`name: (\S+)`)

// write puts Gslbs into the folder, each with the Ingress that gives it entries.
func (c *cluster) write(gslbs ...string) {
	for _, g := range gslbs {
		name := gslbName.FindStringSubmatch(g)[1]
		c.file("gslb-"+name+".yaml", g)
		c.file("ingress-"+name+".yaml", fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: demo}
spec: {defaultBackend: {service: {name: app, port: {number: 80}}}}
status: {loadBalancer: {ingress: [{ip: %s}, {ip: %s}]}}
`, name, c.entry(1), c.entry(2)))
	}
}

func (c *cluster) entry(i int) string { return c.s.lab.Addr(100 + 10*(c.n-10) + i).String() }

// ready turns the backends of the cluster on or off.
func (c *cluster) ready(up bool) {
	c.up = up
	c.file("app.yaml", c.app())
}

func (c *cluster) app() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: app, namespace: demo}
spec: {selector: {app: app}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: demo, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: %t}}]
`, c.up)
}

func (c *cluster) start() {
	c.s.t.Helper()
	lc := lab.Cluster{
		Tag: c.tag, N: c.n, Glue: c.glue, EdgeAt: c.s.edgeAt, EdgeKey: c.s.edgeKey, PeerKeys: []string{c.peerKey}, Peers: c.peers,
		HTTP: httpN, Extra: append([]string{"--manifests", c.dir}, c.extra...),
	}
	p, err := c.s.lab.Start(c.tag, c.s.lab.ServeArgs(lc)...)
	require.NoError(c.s.t, err)
	c.process = p
}

// liveness asks the metrics what the cluster thinks of another.
func (c *cluster) liveness(of string) string {
	ctx, cancel := context.WithTimeout(c.s.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.metrics()+"/metrics", nil)
	require.NoError(c.s.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	m := regexp.MustCompile(`meridian_gslb_cluster_liveness\{geo_tag="` + of + `",liveness="(\w+)"\} 1`).FindStringSubmatch(string(b))
	if m == nil {
		return "unknown"
	}
	return m[1]
}

// gslb writes a Gslb with an embedded Ingress.
func gslb(name, host, strategy, more string) string {
	return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata:
  name: %s
  namespace: demo
spec:
  ingress:
    rules:
    - host: %s
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
  strategy:
    type: %s
    %s
`, name, host, strategy, more)
}

func sortedAddrs(m *dns.Msg) string {
	var out []string
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
