// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

const app = "app.cloud.example.com"

var (
	ownSource = gslb.Source{Kind: "Gslb", Namespace: "a", Name: "g"}
	older     = gslb.Source{Kind: "Gslb", Namespace: "b", Name: "first"}
)

// part is what a cluster offers in a scene.
type part struct {
	from   gslb.Source
	policy gslb.Policy
	health gslb.Health
	reason gslb.Reason
	over   gslb.Override
	addrs  []string
	needs  []string
	age    time.Duration
}

func (p part) offer(host string) *gslb.Offer {
	o := &gslb.Offer{Host: gslb.MustName(host), Source: p.from, Policy: p.policy, Override: p.over, DependsOn: p.needs,
		Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(-p.age)}
	if o.Source == (gslb.Source{}) {
		o.Source = ownSource
	}
	if o.Policy.Strategy == "" {
		o.Policy.Strategy = gslb.RoundRobin
	}
	for _, a := range p.addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: netip.MustParseAddr(a), Health: p.health, Reason: p.reason})
	}
	if len(p.addrs) == 0 {
		o.Reason = p.reason
	}
	return o
}

func healthy(addrs ...string) part {
	return part{health: gslb.Healthy, reason: gslb.ReasonReady, addrs: addrs}
}

func unhealthy(why gslb.Reason, addrs ...string) part {
	return part{health: gslb.Unhealthy, reason: why, addrs: addrs}
}

// scene is a World, and the translation of the Gslb in it. It is played in a bubble, by
// a real store.
type scene struct {
	own    []part // of this cluster, eu
	us     []part // of another; empty: there is none
	silent time.Duration
	blind  bool
	out    translate.Output
	old    gslbv1beta1.GslbStatus
	noKey  bool
	refuse string
}

func (s scene) input(t *testing.T) statusInput {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = store.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })
	store.SetZones([]gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}})
	offered := false
	for _, p := range s.own {
		o := p.offer(app)
		store.SetObject(o.Source, []*gslb.Offer{o})
		offered = offered || o.Source == ownSource
	}
	if len(s.us) > 0 {
		r := &gslb.Report{Cluster: "us", ClusterID: "id-us", Instance: "1", Zone: gslb.MustName("cloud.example.com"),
			EdgeZone: gslb.MustName("example.com"), Offers: map[gslb.Name]*gslb.Offer{gslb.MustName(app): s.us[0].offer(app)}}
		require.NoError(t, store.SetReport(r))
		store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "1", At: time.Now()})
	}
	store.UpdateLocal(func(l *gslb.LocalState) {
		l.Synced = true
		if s.blind {
			l.Blind = time.Now()
		}
	})
	time.Sleep(time.Second + s.silent)
	synctest.Wait()
	out := s.out
	out.Source = ownSource
	if out.Hosts == nil {
		out.Hosts = []translate.HostStatus{{Host: gslb.MustName(app), Text: app, Offered: offered}}
	}
	if out.Conditions == nil {
		out.Conditions = []metav1.Condition{
			{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted", ObservedGeneration: 3},
			{Type: "Resolved", Status: metav1.ConditionTrue, Reason: "Resolved", ObservedGeneration: 3},
		}
	}
	w := store.World()
	require.True(t, w.Ready)
	return statusInput{gslb: &gslbv1beta1.Gslb{Status: s.old}, out: &out, world: w, peerKey: !s.noKey, refusal: s.refuse, now: time.Now()}
}

func notTrue(kind, reason string) []metav1.Condition {
	all := []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted"}, {Type: "Resolved", Status: "True", Reason: "Resolved"}}
	for i := range all {
		if all[i].Type == kind {
			all[i].Status, all[i].Reason = metav1.ConditionFalse, reason
		}
	}
	return all
}
