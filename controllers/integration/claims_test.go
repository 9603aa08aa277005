// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// otherAnswers counts the Worlds that answer a host otherwise, from when it is told to.
func otherAnswers(watching *atomic.Bool, host string, want ...string) (option, *atomic.Int32) {
	others := &atomic.Int32{}
	return func(c *controllers.Config) {
		c.Store.(*gslb.Store).OnWorld(func(w *gslb.World) { // every one that there ever is
			if !watching.Load() || !w.Ready {
				return
			}
			h := w.Host(gslb.MustName(host))
			if h == nil {
				others.Add(1)
			} else if d := strategies.Decide(h); !slices.Equal(texts(d.Addrs()), want) {
				others.Add(1)
			}
		})
	}, others
}

// takesUp adds a host to an embedded Ingress.
func (s *site) takesUp(g *gslbv1beta1.Gslb, host string) {
	s.t.Helper()
	eventually(s.t, func() error {
		next := &gslbv1beta1.Gslb{}
		if err := s.api.Get(s.t.Context(), client.ObjectKeyFromObject(g), next); err != nil {
			return err
		}
		rule := *next.Spec.Ingress.Rules[0].DeepCopy()
		rule.Host = gslbv1beta1.Host(host)
		next.Spec.Ingress.Rules = append(next.Spec.Ingress.Rules, rule)
		return s.api.Update(s.t.Context(), next)
	})
}

// claimedAt gives since when the status of a Gslb says that it claims a host.
func claimedAt(t *testing.T, g *gslbv1beta1.Gslb, host string) time.Time {
	t.Helper()
	for i := range g.Status.Servers {
		if v := &g.Status.Servers[i]; v.Host == host && v.ClaimedAt != nil {
			return v.ClaimedAt.Time
		}
	}
	require.FailNow(t, "the status tells no time", "%s: %+v", host, g.Status.Servers)
	return time.Time{}
}

// TestOlderObjectThatTakesUpTheHostOfAnotherChangesNoAnswer: the host belongs to who claimed it
// first, also after a restart that knows only what the statuses tell.
func TestOlderObjectThatTakesUpTheHostOfAnotherChangesNoAnswer(t *testing.T) {
	const host, own = "taken.cloud.example.com", "taker.cloud.example.com"
	var watching atomic.Bool
	watch, others := otherAnswers(&watching, host, "192.0.2.1")
	s := newSite(t, server, watch)
	taker, holder := byName(namespace(t, s.api, nil), namespace(t, s.api, nil)) // that which would win by name, too
	for _, ns := range []string{taker, holder} {
		app(t, s.api, ns, "shop", true)
	}
	older := embedded(taker, "shop", own, "shop")
	older.Spec.EntryAddresses = []gslbv1beta1.Address{"192.0.2.66"}
	require.NoError(t, s.api.Create(t.Context(), older))
	s.answers(own, "192.0.2.66")
	s.untilYounger(older)
	newer := embedded(holder, "shop", host, "shop")
	newer.Spec.EntryAddresses = []gslbv1beta1.Address{"192.0.2.1"}
	require.NoError(t, s.api.Create(t.Context(), newer))
	s.answers(host, "192.0.2.1")
	watching.Store(true)

	s.takesUp(older, host)
	conflicted := func(s *site) {
		t.Helper()
		g := s.condition(taker, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonConflicted)
		have := s.condition(holder, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
		since := claimedAt(t, have, host)
		assert.True(t, since.Equal(newer.CreationTimestamp.Time), "it had the host when it was made: %s, %s", since, newer.CreationTimestamp)
		assert.Contains(t, meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionAccepted).Message,
			fmt.Sprintf("host %s belongs to Gslb %s/shop, which claims it since %s", host, holder, since.UTC().Format(time.RFC3339)))
		assert.True(t, claimedAt(t, g, own).Equal(older.CreationTimestamp.Time))
		assert.True(t, claimedAt(t, g, host).After(since), "%s", claimedAt(t, g, host))
		s.answers(host, "192.0.2.1")
		s.answers(own, "192.0.2.66")
	}
	conflicted(s)
	s.quiet()
	s.stop()
	assert.Zero(t, others.Load(), "Worlds in which the host is answered otherwise")

	watch, others = otherAnswers(&watching, host, "192.0.2.1")
	s = newSite(t, server, watch, instance("two"))
	s.answers(host, "192.0.2.1")
	s.quiet()
	conflicted(s)
	watching.Store(false)
	assert.Zero(t, others.Load(), "Worlds in which the host is answered otherwise")

	require.NoError(t, s.api.Delete(t.Context(), newer)) // then it is the next one's
	s.answers(host, "192.0.2.66")
	s.condition(taker, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
}

// TestOlderObjectThatTakesUpTheHostOfAnotherClusterChangesNoAnswer: though the clock there is
// before ours.
func TestOlderObjectThatTakesUpTheHostOfAnotherClusterChangesNoAnswer(t *testing.T) {
	const host, own = "far.cloud.example.com", "near.cloud.example.com"
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	g := embedded(ns, "shop", own, "shop")
	g.Spec.EntryAddresses = []gslbv1beta1.Address{"192.0.2.66"}
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers(own, "192.0.2.66")

	since := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
	theirs := &gslb.Offer{
		Host: gslb.MustName(host), Source: gslb.Source{Kind: "Gslb", Namespace: "zz-theirs", Name: "shop"},
		Created: since, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
		Entries: []gslb.Entry{{Addr: netip.MustParseAddr("198.51.100.1"), Health: gslb.Healthy, Reason: gslb.ReasonReady}},
	}
	require.NoError(t, s.store.SetReport(&gslb.Report{
		Cluster: "us", ClusterID: "id-us", Instance: "1", Zone: zone().Zone, EdgeZone: zone().EdgeZone,
		Offers: map[gslb.Name]*gslb.Offer{theirs.Host: theirs},
	}))
	s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "1", At: time.Now()})
	s.answers(host, "198.51.100.1")
	s.takesUp(g, host)
	read := s.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonConflicted)
	assert.Contains(t, meta.FindStatusCondition(read.Status.Conditions, gslbv1beta1.ConditionAccepted).Message,
		"host "+host+" belongs to Gslb zz-theirs/shop of cluster us, which claims it since "+since.Format(time.RFC3339Nano))
	s.answers(host, "198.51.100.1")
	s.answers(own, "192.0.2.66")
	report := s.store.World().OwnReport(zone().Zone)
	assert.Equal(t, since.Add(time.Microsecond), report.Offers[theirs.Host].Created.UTC(), "that is what others hear of it")
}
