// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// from gives an offer of an object in a namespace, created at an hour; 0: nobody tells.
func from(namespace string, hour int, addrs ...string) *gslb.Offer {
	o := offer(app, "app", hour, addrs...)
	o.Source.Namespace = namespace
	o.Policy = gslb.Policy{Strategy: gslb.Failover, Primary: gslb.GeoTag("eu"), TTL: 30}
	if hour == 0 {
		o.Created = time.Time{}
	}
	return o
}

func TestNamespacesDoNotTakeEachOthersHostsAcrossClusters(t *testing.T) {
	for _, c := range []struct {
		why     string
		eu, us  *gslb.Offer
		foreign gslb.GeoTag
	}{
		{"one namespace, whoever is older", from("shop", 2, "192.0.2.1"), from("shop", 1, "198.51.100.1"), ""},
		{"ours is older", from("shop", 1, "192.0.2.1"), from("evil", 2, "198.51.100.1"), "us"},
		{"theirs is older", from("evil", 2, "192.0.2.1"), from("shop", 1, "198.51.100.1"), "eu"},
		{"equal ages: the smaller namespace", from("a", 1, "192.0.2.1"), from("b", 1, "198.51.100.1"), "us"},
		{"an age that is not told is no claim to be the oldest", from("a", 0, "192.0.2.1"), from("b", 1, "198.51.100.1"), "eu"},
		{"no ages at all", from("b", 0, "192.0.2.1"), from("a", 0, "198.51.100.1"), "eu"},
		{"a cluster that names no namespace is nobody's rival", from("b", 1, "192.0.2.1"), from("", 2, "198.51.100.1"), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := store(t)
			s.SetObject(c.eu.Source, []*gslb.Offer{c.eu})
			run(t, s)
			require.NoError(t, s.SetReport(report("us", "a", 1, c.us)), c.why)
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
			settle()
			h := s.World().Host(app)
			require.NotNil(t, h, c.why)
			require.Len(t, h.Parts, 2, "%s: both are shown", c.why)
			for _, tag := range []gslb.GeoTag{"eu", "us"} {
				p := h.Part(tag)
				assert.Equal(t, tag == c.foreign, p.Foreign, "%s: %s", c.why, tag)
				if p.Foreign {
					assert.Equal(t, gslb.TierOut, p.Best(), c.why)
					assert.Equal(t, gslb.ReasonForeignNamespace, p.Entries[0].Reason, c.why)
					assert.NotEqual(t, tag, h.PolicyFrom, "%s: its policy is not followed", c.why)
					assert.NotEqual(t, tag, h.Owner().Cluster, c.why)
				} else {
					assert.Equal(t, gslb.TierHealthy, p.Best(), c.why)
				}
			}
			assert.Empty(t, h.Diverged, c.why)
		})
	}
}

func TestNewcomerOfAnotherNamespaceChangesNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		own := from("shop", 1, "192.0.2.1")
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		settle()
		before := addrs(s.World().Host(app), "eu")
		require.NoError(t, s.SetReport(report("us", "a", 1, from("evil", 2, "198.51.100.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		h := s.World().Host(app)
		assert.Equal(t, before, addrs(h, "eu"))
		assert.Equal(t, own.Policy, h.Policy)

		s.SetObject(own.Source, nil) // the owner goes: then it is the other's
		settle()
		h = s.World().Host(app)
		assert.False(t, h.Part("us").Foreign)
		assert.Equal(t, gslb.TierHealthy, h.Part("us").Best())
	})
}

// TestNamespaceThatHasAHostElsewhereHasItHere: of two objects of this cluster that claim a
// host, the one stands for it whose namespace has the host in another cluster; without that
// cluster, the one that claimed it first.
func TestNamespaceThatHasAHostElsewhereHasItHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		squatter, owner := from("evil", 2, "192.0.2.66"), from("shop", 3, "192.0.2.1")
		s.SetObject(squatter.Source, []*gslb.Offer{squatter})
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, from("shop", 1, "198.51.100.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		assert.True(t, s.World().Host(app).Part("eu").Foreign)

		s.SetObject(owner.Source, []*gslb.Offer{owner})
		settle()
		h := s.World().Host(app)
		assert.Equal(t, owner.Source, h.Part("eu").Offer.Source)
		assert.Equal(t, gslb.TierHealthy, h.Part("eu").Best())
		assert.Equal(t, gslb.TierHealthy, h.Part("us").Best())
		assert.Equal(t, []gslb.Source{squatter.Source}, h.Rivals)
		assert.Equal(t, owner.Source, s.World().OwnReport(h.Zone).Offers[app].Source, "that is what the others hear")

		require.NoError(t, s.SetReport(report("us", "a", 2)))
		settle()
		assert.Equal(t, squatter.Source, s.World().Host(app).Part("eu").Offer.Source, "it gave the host up there, and came later here")
	})
}

// TestClustersThatHearOfEachOtherComeToOneOwner: whatever claims each has of its own.
func TestClustersThatHearOfEachOtherComeToOneOwner(t *testing.T) {
	for _, c := range []struct {
		why    string
		eu, us []*gslb.Offer
		want   string
	}{
		{"each has both", []*gslb.Offer{from("a", 5, "192.0.2.1"), from("b", 3, "192.0.2.2")}, []*gslb.Offer{from("b", 4, "198.51.100.2"), from("a", 1, "198.51.100.1")}, "a"},
		{"and the other way round", []*gslb.Offer{from("a", 2, "192.0.2.1"), from("b", 3, "192.0.2.2")}, []*gslb.Offer{from("b", 1, "198.51.100.2"), from("a", 4, "198.51.100.1")}, "b"},
		{"three namespaces", []*gslb.Offer{from("a", 6, "192.0.2.1"), from("b", 2, "192.0.2.2"), from("c", 3, "192.0.2.3")},
			[]*gslb.Offer{from("c", 1, "198.51.100.3"), from("a", 5, "198.51.100.1")}, "c"},
	} {
		synctest.Test(t, func(t *testing.T) {
			us, err := gslb.NewStore(gslb.Config{Self: "us", ClusterID: "id-us"})
			require.NoError(t, err)
			us.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
			us.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
			stores := map[gslb.GeoTag]*gslb.Store{"eu": store(t), "us": us}
			for tag, offers := range map[gslb.GeoTag][]*gslb.Offer{"eu": c.eu, "us": c.us} {
				for _, o := range offers {
					stores[tag].SetObject(o.Source, []*gslb.Offer{o})
				}
				run(t, stores[tag])
			}
			settle()
			for round := range uint64(4) {
				for tag, other := range map[gslb.GeoTag]gslb.GeoTag{"eu": "us", "us": "eu"} {
					h := stores[tag].World().Host(app)
					require.NoError(t, stores[other].SetReport(report(tag, "a", round+1, h.Part(tag).Offer)))
					stores[other].Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "a", At: time.Now()})
				}
				settle()
			}
			for tag, s := range stores {
				h := s.World().Host(app)
				require.Len(t, h.Parts, 2, c.why)
				for i := range h.Parts {
					assert.Equal(t, c.want, h.Parts[i].Offer.Source.Namespace, "%s: %s of %s", c.why, tag, h.Parts[i].Cluster)
					assert.False(t, h.Parts[i].Foreign, c.why)
				}
			}
		})
	}
}

// TestWhatIsHeldSaysWhoseAHostIs: the namespace that has the host in a cluster whose offers the
// deletion guard holds has it here too, as before.
func TestWhatIsHeldSaysWhoseAHostIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold) // us claims since 2
		squatter, owner := offer(numbered(0), "app0", 3, "192.0.2.66"), offer(numbered(0), "app0", 4, "192.0.2.1")
		squatter.Source.Namespace = "evil"
		g.SetObject(owner.Source, []*gslb.Offer{owner})
		g.SetObject(squatter.Source, []*gslb.Offer{squatter})
		settle()
		check := func(why string) {
			t.Helper()
			h := g.World().Host(numbered(0))
			assert.Equal(t, owner.Source, h.Part("eu").Offer.Source, why)
			assert.Equal(t, gslb.TierHealthy, h.Part("eu").Best(), why)
			assert.Equal(t, gslb.TierHealthy, h.Part("us").Best(), why)
		}
		check("before")
		g.us(t, 0)
		g.want(t, "us", 20, 20, "held")
		check("while it is held")
	})
}
