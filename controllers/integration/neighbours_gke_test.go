// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// The checks K of docs/neighbours.md: Google's multi-cluster Ingress writes no status, and
// one anycast address leads to all clusters.

const (
	gceClass  = `kubernetes.io/ingress.class: gce-multi-cluster`
	anycastIP = "203.0.113.80"
	byHand    = "entryAddresses: [\"" + anycastIP + "\"]"
)

func TestK1OneAddressOfTwoClustersIsOneRecord(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("k1")
	for _, s := range []*site{eu, us} {
		nodePort := strings.Replace(aService, "spec: {", "spec: {type: NodePort, ", 1) // G4: as its endpoints say
		s.inNamespace(host, nodePort, readySlice, anIngress(gceClass, "podinfo", ""), aGslb(byHand+"\n  "+roundRobin))
	}
	for _, s := range []*site{eu, us} {
		s.answers(host, anycastIP)
		s.offeredBy(host, "eu", "us")
	}
}

func TestK2OneOfTwoOwnersUnhealthyChangesNoAnswer(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("k2")
	manifest := []string{aService, readySlice, anIngress(gceClass, "podinfo", ""), aGslb(byHand + "\n  " + roundRobin)}
	eu.inNamespace(host, manifest...)
	ns := us.inNamespace(host, manifest...)
	for _, s := range []*site{eu, us} {
		s.offeredBy(host, "eu", "us")
		s.answers(host, anycastIP)
	}
	steady(t, host, anycastIP)
	us.setSlice(ns, "podinfo-1", false)
	g := us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnhealthy })
	us.answers(host, anycastIP)
	eventually(t, func() error {
		if p := eu.store.World().Host(gslb.MustName(host)).Part("us"); p.Offer.Health() != gslb.Unhealthy {
			return notYet("eu knows of us %v", p.Offer.Health())
		}
		return nil
	})
	eu.answers(host, anycastIP)
	healthy := 0
	for _, c := range g.Status.Clusters {
		if c.Health == gslbv1beta1.ClusterHealthy {
			healthy++
		}
	}
	assert.Equal(t, 1, healthy, "owners that are healthy")
	assert.Len(t, g.Status.Clusters, 2, "owners")
}

func TestK3AllOwnersUnhealthyFailsOverToTheNext(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("k3")
	dc := gslb.GeoTag(label(host) + "-dc")
	spec := byHand + "\n  strategy: {type: failover, failoverOrder: [eu, us, " + string(dc) + "]}"
	manifest := []string{aService, readySlice, anIngress(gceClass, "podinfo", ""), aGslb(spec)}
	there := eu.inNamespace(host, manifest...)
	here := us.inNamespace(host, manifest...)
	standIn(t, eu, dc, host, "198.51.100.1")
	standIn(t, us, dc, host, "198.51.100.1")
	for _, s := range []*site{eu, us} {
		s.offeredBy(host, "eu", dc, "us")
		s.answers(host, anycastIP)
	}
	end := steady(t, host, anycastIP)
	eu.setSlice(there, "podinfo-1", false)
	eu.own(there, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnhealthy })
	eu.answers(host, anycastIP)
	eventually(t, func() error {
		if p := us.store.World().Host(gslb.MustName(host)).Part("eu"); p.Offer.Health() != gslb.Unhealthy {
			return notYet("us knows of eu %v", p.Offer.Health())
		}
		return nil
	})
	end()
	us.setSlice(here, "podinfo-1", false)
	eu.answers(host, "198.51.100.1")
	us.answers(host, "198.51.100.1")
}

func TestK4SharedAddressIsNotDrawnTwiceAsOften(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("k4")
	dc := gslb.GeoTag(label(host) + "-dc")
	spec := byHand + "\n  strategy: {type: weightedRoundRobin, weight: {eu: 50, us: 50, " + string(dc) + ": 50}}"
	manifest := []string{aService, readySlice, anIngress(gceClass, "podinfo", ""), aGslb(spec)}
	eu.inNamespace(host, manifest...)
	us.inNamespace(host, manifest...)
	standIn(t, eu, dc, host, "198.51.100.2")
	eu.offeredBy(host, "eu", dc, "us")
	eu.answers(host, "198.51.100.2", anycastIP)
	// The answers are a finite list with weights: what is drawn from it is exact.
	d := strategies.Decide(eu.store.World().Host(gslb.MustName(host)))
	weights := map[netip.Addr]uint32{}
	for _, a := range d.Answers {
		require.Len(t, a.Addrs, 1)
		weights[a.Addrs[0]] += a.Weight
	}
	assert.Equal(t, map[netip.Addr]uint32{netip.MustParseAddr(anycastIP): 50, netip.MustParseAddr("198.51.100.2"): 50}, weights)
}

func TestK5NoAddressAnywhereIsSaidAndTheOthersAnswer(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("k5")
	manifest := []string{aService, readySlice, anIngress(gceClass, "podinfo", ""), aGslb(roundRobin)}
	ns := eu.inNamespace(host, manifest...)
	g := eu.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	assert.Contains(t, meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message, "give entryAddresses")
	g = eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Reason == string(gslb.ReasonAddressUnknown) })
	assert.Equal(t, gslbv1beta1.ClusterUnknown, g.Status.Clusters[0].Health, "an address that is not known is not unhealthy")
	assert.NotContains(t, g.Status.ServiceHealth, host, "k8gb's words have none for unknown")
	us.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.5}"), aGslb(roundRobin))
	us.answers(host, "192.0.2.5")
	eu.answers(host, "192.0.2.5")
	eventually(t, func() error { // and the other cluster hears the same word
		if p := us.store.World().Host(gslb.MustName(host)).Part("eu"); p == nil || p.Offer.Health() != gslb.HealthUnknown || p.Offer.Reason != gslb.ReasonAddressUnknown {
			return notYet("us knows of eu %+v", p)
		}
		return nil
	})
}

// offeredBy waits until just these clusters offer a host, by tag.
func (s *site) offeredBy(host string, want ...gslb.GeoTag) {
	s.t.Helper()
	eventually(s.t, func() error {
		h := s.store.World().Host(gslb.MustName(host))
		if h == nil {
			return notYet("nobody offers %s", host)
		}
		var have []gslb.GeoTag
		for i := range h.Parts {
			have = append(have, h.Parts[i].Cluster)
		}
		if !assert.ObjectsAreEqual(want, have) {
			return notYet("%s is offered by %v", host, have)
		}
		return nil
	})
}

// TestG5MultiClusterIngressOfTheConfigClusterGivesItsAddress: GKE's kind is there or not, and
// its status has the address of the load balancer in front of all clusters.
func TestG5MultiClusterIngressOfTheConfigClusterGivesItsAddress(t *testing.T) {
	const host = "g5.cloud.example.com"
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "mci-podinfo-svc-lgq966x5mxwwvvum", true)
	require.NoError(t, s.api.Create(t.Context(), gslbFor(ns, "podinfo", toKind("networking.gke.io/v1", "MultiClusterIngress", "podinfo"))))
	s.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonResourceKindUnsupported)

	install(t, []*apiextensionsv1.CustomResourceDefinition{customKind("networking.gke.io", "MultiClusterIngress", "multiclusteringresses", "v1", "v1beta1")})
	applyAll(t, s.api, ns, `apiVersion: networking.gke.io/v1
kind: MultiClusterIngress
metadata: {namespace: $NS, name: podinfo}
spec:
  template:
    spec:
      backend: {serviceName: podinfo, servicePort: 80}
      rules: [{host: `+host+`}]`)
	s.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	mci := named(schema.GroupVersion{Group: "networking.gke.io", Version: "v1beta1"}, "MultiClusterIngress", ns, "podinfo")
	writeStatus(t, s.api, mci, map[string]any{"VIP": anycastIP})
	s.answers(host, anycastIP)
	setReady(t, s.api, ns, "mci-podinfo-svc-lgq966x5mxwwvvum", false)
	s.answers(host)
	setReady(t, s.api, ns, "mci-podinfo-svc-lgq966x5mxwwvvum", true)
	s.answers(host, anycastIP)
}
