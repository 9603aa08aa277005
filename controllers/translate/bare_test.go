// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// half is one cluster: its Services, and in which cluster the endpoint of each is said to be.
type half struct {
	tag gslb.GeoTag
	at  map[string]string // Service → cluster
	all bool              // spec.serviceHealthPolicy
}

// offer translates what a cluster has, while others say that they are bare.
func (c *half) offer(t *testing.T, bare map[gslb.GeoTag]bool) *gslb.Offer {
	t.Helper()
	g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app"}}
	g.Spec.ResourceRef = &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "app"}
	g.Spec.Strategy.Type, g.Spec.ServiceHealthScope = gslbv1beta1.RoundRobin, gslbv1beta1.ScopeClusterset
	if c.all {
		g.Spec.ServiceHealthPolicy = gslbv1beta1.ServiceHealthAll
	}
	ing := annotatedIngress(nil)
	ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}
	http := &networkingv1.HTTPIngressRuleValue{}
	ing.Spec.Rules[0].HTTP = http
	objects := map[refs.Key]refs.Object{refs.IngressKey("test", "app"): ing}
	slicesOf := map[string]refs.Object{}
	for name, cluster := range c.at {
		http.Paths = append(http.Paths, networkingv1.HTTPIngressPath{Path: "/" + name, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name}}})
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name}}
		objects[refs.ByName(refs.KindService, "test", name)] = svc
		if cluster == "opaque" {
			svc.Spec.Type = corev1.ServiceTypeExternalName
		}
		slicesOf[name] = &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}, Annotations: map[string]string{"endpointslice.karmada.io/provision-cluster": cluster}},
			Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}}},
		}
	}
	find := func(k refs.Key) ([]refs.Object, refs.State) {
		if k.Kind == refs.KindEndpointSlice {
			for name, o := range slicesOf {
				if k == refs.SlicesKey(types.NamespacedName{Namespace: "test", Name: name}) && c.at[name] != "" {
					return []refs.Object{o}, refs.Listed
				}
			}
		}
		if o := objects[k]; o != nil {
			return []refs.Object{o}, refs.Listed
		}
		return nil, refs.Listed
	}
	in := translate.Input{
		Gslb: g, Self: c.tag, Zones: []translate.Zone{{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}},
		Found: refs.Gather(func(have *refs.Found) []refs.Key { return translate.DependsOn(g, have) }, func([]refs.Key) {}, find),
		Bare: func(host gslb.Name, cluster string) bool {
			return host == gslb.MustName("app.cloud.example.com") && bare[gslb.GeoTag(cluster)]
		},
	}
	out := translate.Build(in)
	require.Len(t, out.Offers, 1)
	return out.Offers[0]
}

// TestClustersThatCountEachOtherDoNotFlap runs clusters that hear each other, round after
// round at the same time, which is the schedule in which they would take turns.
func TestClustersThatCountEachOtherDoNotFlap(t *testing.T) {
	for _, c := range []struct {
		why      string
		clusters []half
		healthy  []bool
		bare     []bool
	}{
		{"a stale slice of a provider without pods", []half{{tag: "a", at: map[string]string{"s": "b"}}, {tag: "b", at: map[string]string{"s": ""}}}, []bool{false, false}, []bool{true, true}},
		{"a provider with pods", []half{{tag: "a", at: map[string]string{"s": "b"}}, {tag: "b", at: map[string]string{"s": "b"}}}, []bool{true, true}, []bool{true, false}},
		{"two that have stale slices of each other", []half{{tag: "a", at: map[string]string{"s": "b"}}, {tag: "b", at: map[string]string{"s": "a"}}}, []bool{false, false}, []bool{true, true}},
		{"a ring of three", []half{{tag: "a", at: map[string]string{"s": "b"}}, {tag: "b", at: map[string]string{"s": "c"}}, {tag: "c", at: map[string]string{"s": "a"}}}, []bool{false, false, false}, []bool{true, true, true}},
		{
			"each has one half of what the host needs", []half{
				{tag: "a", all: true, at: map[string]string{"s": "a", "r": "b"}}, {tag: "b", all: true, at: map[string]string{"s": "a", "r": "b"}},
			}, []bool{true, true}, []bool{false, false},
		},
		{
			"nobody can tell of one Service", []half{
				{tag: "a", at: map[string]string{"s": "b", "o": "opaque"}}, {tag: "b", at: map[string]string{"s": "a", "o": "opaque"}},
			}, []bool{true, true}, []bool{false, false},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			for start := range 1 << len(c.clusters) { // whatever they believe of each other at first
				believed := map[gslb.GeoTag]bool{}
				for i, one := range c.clusters {
					believed[one.tag] = start>>i&1 == 1
				}
				for round := range 6 {
					said := map[gslb.GeoTag]bool{}
					for i, one := range c.clusters {
						offer := one.offer(t, believed)
						said[one.tag] = offer.Bare
						assert.Equal(t, c.bare[i], offer.Bare, "%s in round %d from %b: by its own objects alone", one.tag, round, start)
						if round > 0 {
							assert.Equal(t, c.healthy[i], offer.Health() == gslb.Healthy, "%s in round %d from %b", one.tag, round, start)
						}
					}
					believed = said
				}
			}
		})
	}
}
