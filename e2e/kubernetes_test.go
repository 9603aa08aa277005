// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	model "github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/internal/lab"
	"github.com/meridian-gslb/meridian/internal/lastgood"
)

// kubeSite is a site whose clusters are real API servers.
type kubeSite struct {
	*site
	planes   *kplane.Planes
	clusters map[string]*kubeCluster
}

// kubeCluster is one of them, with its Meridian.
type kubeCluster struct {
	s       *kubeSite
	tag     string
	n       int
	api     kubernetes.Interface
	process *lab.Process
	extra   []string
}

// newKubeSite starts control planes, an edge, and one Meridian in each cluster.
func newKubeSite(t testing.TB, tags ...string) *kubeSite {
	t.Helper()
	s := &kubeSite{site: layOut(t), planes: kplane.ForTest(t, tags...), clusters: map[string]*kubeCluster{}}
	s.startEdge()
	for i, tag := range tags {
		cfg, err := clientcmd.BuildConfigFromFlags("", s.planes.Cluster(tag).Kubeconfig)
		require.NoError(t, err)
		cfg.QPS, cfg.Burst = 1000, 1000
		api, err := kubernetes.NewForConfig(cfg)
		require.NoError(t, err)
		c := &kubeCluster{s: s, tag: tag, n: 11 + i, api: api}
		s.clusters[tag] = c
		c.kubectl("apply", "-f", "../api/v1beta1/crds")
		c.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "../api/v1beta1/crds")
		c.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n" + backend(true))
	}
	for _, tag := range tags {
		s.clusters[tag].start()
	}
	return s
}

// backend is a Service without a selector and its EndpointSlice, written by hand.
func backend(ready bool) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: demo}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: demo, labels: {kubernetes.io/service-name: app, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: %t}}]
`, ready)
}

func (c *kubeCluster) at() string { return c.s.lab.At(c.n) }

func (c *kubeCluster) start() {
	c.s.t.Helper()
	lc := lab.Cluster{
		Tag: c.tag, N: c.n, EdgeAt: c.s.edgeAt, EdgeKey: c.s.edgeKey, PeerKeys: []string{c.s.peerKey}, HTTP: httpN,
		Extra: append([]string{"--kubeconfig", c.s.planes.Cluster(c.tag).Kubeconfig, "--state-dir", c.stateDir()}, c.extra...),
	}
	if c.s.lab.NeedsPorts() {
		for _, o := range c.s.clusters {
			if o != c {
				lc.Peers = append(lc.Peers, o.tag+"="+o.at())
			}
		}
	}
	p, err := c.s.lab.Start(c.tag, c.s.lab.ServeArgs(lc)...)
	require.NoError(c.s.t, err)
	c.process = p
}

func (c *kubeCluster) stateDir() string { return filepath.Join(c.s.lab.Dir, "state-"+c.tag) }

// kept waits until the last good world on disk has another cluster healthy for a host.
func (c *kubeCluster) kept(other model.GeoTag, host string) {
	c.s.t.Helper()
	c.s.until("the world of "+c.tag+" is kept", func() bool {
		saved, err := lastgood.Load(c.stateDir(), model.GeoTag(c.tag))
		if err != nil {
			return false
		}
		for _, r := range saved.Reports {
			if o := r.Offers[model.MustName(host)]; r.Cluster == other && o != nil {
				return o.Health() == model.Healthy
			}
		}
		return false
	})
}

func (c *kubeCluster) kubectl(args ...string) string {
	c.s.t.Helper()
	out, err := c.s.planes.Kubectl(c.s.t.Context(), c.tag, nil, args...)
	require.NoError(c.s.t, err, "kubectl %v", args)
	return out
}

func (c *kubeCluster) apply(manifest string) {
	c.s.t.Helper()
	_, err := c.s.planes.Kubectl(c.s.t.Context(), c.tag, strings.NewReader(manifest), "apply", "-f", "-")
	require.NoError(c.s.t, err)
}

// ready turns the cluster's only endpoint on or off, and returns when the API
// server has taken it.
func (c *kubeCluster) ready(ctx context.Context, up bool) error {
	slices := c.api.DiscoveryV1().EndpointSlices("demo")
	sl, err := slices.Get(ctx, "app-1", metav1.GetOptions{})
	if err != nil {
		return err
	}
	sl.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &up}}}
	_, err = slices.Update(ctx, sl, metav1.UpdateOptions{})
	return err
}

// entries gives the addresses of the cluster's Ingresses, as answers show them.
func (s *kubeSite) entries(tags ...string) string {
	var out []string
	for _, tag := range tags {
		for _, a := range s.planes.Cluster(tag).IngressAddresses {
			out = append(out, a.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestTwoClustersOnKubernetes is the main job on real API servers.
func TestTwoClustersOnKubernetes(t *testing.T) {
	s := newKubeSite(t, "eu", "us")
	eu, us := s.clusters["eu"], s.clusters["us"]
	for _, c := range s.clusters {
		c.apply(gslb("roundrobin", rr, "roundRobin", "") + "---\n" + gslb("failover", fail, "failover", "primaryGeoTag: eu"))
	}
	for _, server := range []string{s.edgeAt, eu.at(), us.at()} {
		s.await(server, rr, s.entries("eu", "us"))
		s.await(server, fail, s.entries("eu"))
	}

	t.Log("EndpointSlices of eu not ready: own answer, the other's, and the edge's")
	require.NoError(t, eu.ready(t.Context(), false))
	t.Logf("eu changed after %v", s.await(eu.at(), fail, s.entries("us")))
	s.await(us.at(), fail, s.entries("us"))
	s.await(s.edgeAt, rr, s.entries("us"))
	s.until("the status says why", func() bool {
		return strings.Contains(eu.kubectl("-n", "demo", "get", "gslbs.gslb.meridian.dev", "failover", "-o", "yaml"), "NoLocalReadyEndpoints")
	})
	require.NoError(t, eu.ready(t.Context(), true))
	s.await(us.at(), fail, s.entries("eu"))

	t.Log("an annotated Ingress, with the incumbent's annotations, is balanced and goes when it goes")
	const host = "annotated." + lab.Zone
	for _, c := range s.clusters {
		c.apply(annotated(host))
	}
	s.await(eu.at(), host, s.entries("us"))
	assert.Contains(t, us.kubectl("-n", "demo", "get", "gslbs.gslb.meridian.dev", "annotated", "-o", "yaml"), "primaryGeoTag: us")
	for _, c := range s.clusters {
		c.kubectl("-n", "demo", "delete", "ingress", "annotated")
	}
	s.await(eu.at(), host, "NXDOMAIN")

	t.Log("a bad object is refused with the field's path")
	_, err := s.planes.Kubectl(t.Context(), "eu", strings.NewReader(gslb("bad", rr, "failover", "weight: {eu: 1}")), "apply", "-f", "-")
	require.ErrorContains(t, err, "spec.strategy")

	t.Log("the API server of eu goes away: answers stay, and us still hears eu")
	require.NoError(t, s.planes.Cluster("eu").Kill(kplane.APIServer))
	assert.Equal(t, s.entries("eu", "us"), lab.Addrs(t.Context(), eu.at(), rr))
	require.NoError(t, us.ready(t.Context(), false))
	s.await(eu.at(), rr, s.entries("eu"))
	require.NoError(t, us.ready(t.Context(), true))
	s.await(eu.at(), rr, s.entries("eu", "us"))
	eu.kept("us", rr)

	t.Log("its process is killed and starts again meanwhile: it answers as before, and follows the others")
	require.NoError(t, eu.process.Kill())
	eu.start()
	took := s.await(eu.at(), rr, s.entries("eu", "us"))
	t.Logf("eu answers as before %v after its start", took)
	require.Less(t, took, 30*time.Second, "a start needs no API to answer")
	s.await(eu.at(), fail, s.entries("eu"))
	s.await(us.at(), fail, s.entries("eu"))
	require.NoError(t, us.ready(t.Context(), false))
	s.await(eu.at(), rr, s.entries("eu"))
	require.NoError(t, us.ready(t.Context(), true))
	s.await(eu.at(), rr, s.entries("eu", "us"))
	assert.Contains(t, eu.process.Log(), "going on from the last good world")

	t.Log("the API server of eu is back")
	require.NoError(t, s.planes.Revive(t.Context()))
	s.until("eu is watched again", func() bool { return eu.ready(t.Context(), false) == nil })
	s.await(us.at(), rr, s.entries("us"))
}

// annotated is an Ingress as the incumbent's users write it.
func annotated(host string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: annotated
  namespace: demo
  annotations: {k8gb.io/strategy: failover, k8gb.io/primary-geotag: us, k8gb.io/dns-ttl-seconds: "10"}
spec:
  rules:
  - host: %s
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
`, host)
}
