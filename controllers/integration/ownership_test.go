// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// byName sorts two namespaces.
func byName(a, b string) (first, last string) {
	if a > b {
		return b, a
	}
	return a, b
}

// untilYounger waits until what is created is younger than an object, whose time is told in
// whole seconds.
func (s *site) untilYounger(obj client.Object) {
	s.t.Helper()
	eventually(s.t, func() error {
		next := embedded(obj.GetNamespace(), "next", "next.cloud.example.com", "shop")
		if err := s.api.Create(s.t.Context(), next, client.DryRunAll); err != nil {
			return err
		}
		if !obj.GetCreationTimestamp().Time.Before(next.CreationTimestamp.Time) {
			return notYet("it is %s", next.CreationTimestamp)
		}
		return nil
	})
}

// TestSecondNamespaceThatClaimsAHostGetsNeitherAnswerNorIngress: the older has it, also where
// its namespace comes last by name, and nothing else is ever answered.
func TestSecondNamespaceThatClaimsAHostGetsNeitherAnswerNorIngress(t *testing.T) {
	var watching atomic.Bool
	var others atomic.Int32
	s := newSite(t, server, func(c *controllers.Config) {
		c.Store.(*gslb.Store).OnWorld(func(w *gslb.World) { // every one that there ever is
			if !watching.Load() {
				return
			}
			h := w.Host(gslb.MustName("owned.cloud.example.com"))
			if h == nil {
				others.Add(1)
			} else if d := strategies.Decide(h); !slices.Equal(texts(d.Addrs()), []string{"192.0.2.1"}) {
				others.Add(1)
			}
		})
	})
	second, first := byName(namespace(t, s.api, nil), namespace(t, s.api, nil))
	for _, ns := range []string{first, second} {
		app(t, s.api, ns, "shop", true)
	}
	const host = "owned.cloud.example.com"
	own := embedded(first, "shop", host, "shop")
	require.NoError(t, s.api.Create(t.Context(), own))
	ing := &networkingv1.Ingress{}
	eventually(t, func() error { return s.api.Get(t.Context(), client.ObjectKeyFromObject(own), ing) })
	setAddresses(t, s.api, ing, "192.0.2.1")
	s.answers(host, "192.0.2.1")
	watching.Store(true)
	s.untilYounger(own)

	rival := embedded(second, "shop", host, "shop")
	rival.Spec.EntryAddresses = []gslbv1beta1.Address{"192.0.2.66"}
	require.NoError(t, s.api.Create(t.Context(), rival))
	g := s.condition(second, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonConflicted)
	assert.Contains(t, g.Status.Conditions[0].Message, first+"/shop")
	s.condition(second, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonIngressNotWritten)
	s.quiet()
	assert.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), client.ObjectKeyFromObject(rival), &networkingv1.Ingress{})),
		"it would take the host's clients in this cluster")
	s.answers(host, "192.0.2.1")
	assert.True(t, containing(s.events("Gslb", second, "shop"), gslbv1beta1.EventHostConflicted))

	watching.Store(false)
	assert.Zero(t, others.Load(), "Worlds in which the host is answered otherwise")
	require.NoError(t, s.api.Delete(t.Context(), own)) // then it is the other's
	s.answers(host, "192.0.2.66")
	eventually(t, func() error {
		return s.api.Get(t.Context(), client.ObjectKeyFromObject(rival), &networkingv1.Ingress{})
	})
}

func TestNamespaceOfAnotherClusterWithTheOlderClaimKeepsItsHost(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	const host = "across.cloud.example.com"
	ing := ingressOf(ns, "web", host, "shop", nil)
	ingress(t, s.api, ing, "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers(host, "192.0.2.1")

	theirs := &gslb.Offer{
		Host: gslb.MustName(host), Source: gslb.Source{Kind: "Gslb", Namespace: "the-first", Name: "shop"},
		Created: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
		Entries: []gslb.Entry{{Addr: netip.MustParseAddr("198.51.100.1"), Health: gslb.Healthy, Reason: gslb.ReasonReady}},
	}
	require.NoError(t, s.store.SetReport(&gslb.Report{
		Cluster: "us", ClusterID: "id-us", Instance: "1", Zone: zone().Zone, EdgeZone: zone().EdgeZone,
		Offers: map[gslb.Name]*gslb.Offer{theirs.Host: theirs},
	}))
	s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "1", At: time.Now()})
	s.answers(host, "198.51.100.1")
	g := s.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonConflicted)
	i := slices.IndexFunc(g.Status.Conditions, func(c metav1.Condition) bool { return c.Type == gslbv1beta1.ConditionAccepted })
	assert.Contains(t, g.Status.Conditions[i].Message, "belongs to Gslb the-first/shop of cluster us, which claims it since 2020-01-01T00:00:00Z")
}

func TestZonesComeAndGoAndHoldHostsByTheLongestMatch(t *testing.T) {
	made := client.MatchingLabels{gslbv1beta1.LabelManagedBy: gslbv1beta1.ManagedByMeridian}
	require.NoError(t, newClient(t, server).DeleteAllOf(t.Context(), &gslbv1beta1.ZoneDelegation{}, made), "that of earlier tests gives a zone where the flags give none")
	s := newSite(t, server, func(c *controllers.Config) { c.Zone = nil })
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ing := ingressOf(ns, "web", "shop.a.zones.example.net", "shop", nil)
	ing.Spec.Rules = append(ing.Spec.Rules, rules("a.zones.example.net", "shop")...)
	ing.Spec.Rules = append(ing.Spec.Rules, rules("shop.xa.zones.example.net", "shop")...)
	ingress(t, s.api, ing, "192.0.2.1")
	delegate := func(name, zone, parent string) *gslbv1beta1.ZoneDelegation {
		zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: gslbv1beta1.ZoneDelegationSpec{LoadBalancedZone: gslbv1beta1.Zone(zone), ParentZone: gslbv1beta1.Zone(parent)}}
		delegation(t, s.api, zd)
		return zd
	}
	in := func(host, zone string) {
		t.Helper()
		eventually(t, func() error {
			if h := s.store.World().Host(gslb.MustName(host)); h == nil || h.Zone.String() != zone {
				return notYet("%s lies in %+v", host, h)
			}
			return nil
		})
	}
	delegate("far", "far.example.org", "example.org")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	g := s.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonHostOutsideZones)
	assert.Contains(t, g.Status.Conditions[0].Message, "lies in none of the zones (far.example.org)", "it says which there are")
	eventually(t, func() error {
		if events := s.events("Gslb", ns, "shop"); !containing(events, gslbv1beta1.ReasonHostOutsideZones) {
			return notYet("events are %q", events)
		}
		return nil
	})

	delegate("outer", "zones.example.net", "example.net")
	for _, host := range []string{"shop.a.zones.example.net", "a.zones.example.net", "shop.xa.zones.example.net"} {
		in(host, "zones.example.net")
	}
	inner := delegate("inner", "a.zones.example.net", "zones.example.net")
	in("shop.a.zones.example.net", "a.zones.example.net")
	in("a.zones.example.net", "a.zones.example.net") // its apex is a host
	in("shop.xa.zones.example.net", "zones.example.net")
	s.zoneCondition("outer", gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonNoEdge)
	s.zoneCondition("inner", gslbv1beta1.ConditionDelegated, metav1.ConditionTrue, gslbv1beta1.ReasonServedByOwnZone)
	s.answers("a.zones.example.net", "192.0.2.1")
	assert.Equal(t, "example.org", s.store.World().Zone(gslb.MustName("far.example.org")).EdgeZone.String(), "each zone has its own edge")
	s.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)

	require.NoError(t, s.api.Delete(t.Context(), inner))
	in("shop.a.zones.example.net", "zones.example.net")
	s.answers("shop.a.zones.example.net", "192.0.2.1")
}
