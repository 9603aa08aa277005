// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

func numbered(i int) gslb.Name {
	return gslb.MustName(fmt.Sprintf("app%d.cloud.example.com", i))
}

// guarded is a Store of eu with n hosts of its own and n of us.
type guarded struct {
	*gslb.Store
	mark uint64
}

func newGuarded(t *testing.T, n int, hold time.Duration) *guarded {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", RemovalHold: hold})
	require.NoError(t, err)
	g := &guarded{Store: s}
	g.zones(false)
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	for i := range n {
		g.own(i, fmt.Sprintf("192.0.2.%d", i))
	}
	g.us(t, n)
	run(t, s)
	settle()
	return g
}

func (g *guarded) zones(allow bool) {
	g.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30, AllowRemoval: allow}})
}

func (g *guarded) own(i int, addrs ...string) {
	o := offer(numbered(i), fmt.Sprint("app", i), 1, addrs...)
	g.SetObject(o.Source, []*gslb.Offer{o})
}

func (g *guarded) gone(from, to int) {
	for i := from; i < to; i++ {
		g.SetObject(gslb.Source{Kind: "Gslb", Namespace: "default", Name: fmt.Sprint("app", i)}, nil)
	}
}

// us hears a report of us that offers the first n hosts.
func (g *guarded) us(t *testing.T, n int, change ...func(*gslb.Report)) {
	t.Helper()
	var all []*gslb.Offer
	for i := range n {
		all = append(all, offer(numbered(i), fmt.Sprint("app", i), 2, fmt.Sprintf("198.51.100.%d", i)))
	}
	g.mark++
	r := report("us", "i1", g.mark, all...)
	for _, f := range change {
		f(r)
	}
	require.NoError(t, g.SetReport(r))
	g.hear()
}

func (g *guarded) hear() {
	g.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
}

// offers counts the hosts that a cluster brings entries to, and how many of them are held.
func (g *guarded) offers(tag gslb.GeoTag) (n, held int) {
	for h := range g.World().Hosts() {
		if p := h.Part(tag); p != nil && len(p.Entries) > 0 {
			n++
			if p.Held {
				held++
			}
		}
	}
	return n, held
}

func (g *guarded) want(t *testing.T, tag gslb.GeoTag, n, held int, why string) {
	t.Helper()
	settle()
	gotN, gotHeld := g.offers(tag)
	assert.Equal(t, [2]int{n, held}, [2]int{gotN, gotHeld}, why)
	said := 0
	for _, h := range g.World().Held {
		if h.Cluster == tag {
			said = h.Hosts
		}
	}
	assert.Equal(t, held, said, "the World says how many are held")
}

const hold = gslb.DefaultRemovalHold

func TestHostsThatVanishInAMassAreHeld(t *testing.T) {
	for _, c := range []struct {
		why         string
		hosts, gone int
		n, held     int
	}{
		{"more than ten and more than half", 20, 11, 20, 11},
		{"all of many", 20, 20, 20, 20},
		{"ten are believed", 10, 10, 0, 0},
		{"half is believed", 40, 20, 20, 0},
		{"one more than half", 40, 21, 40, 21},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuarded(t, c.hosts, hold)
				g.gone(0, c.gone)
				g.want(t, "eu", c.n, c.held, c.why)
				assert.Len(t, g.World().OwnReport(zone).Offers, c.n, "the others are told the same")
			})
			synctest.Test(t, func(t *testing.T) {
				g := newGuarded(t, c.hosts, hold)
				g.us(t, c.hosts-c.gone)
				g.want(t, "us", c.n, c.held, "of a peer: "+c.why)
			})
		})
	}
}

func TestEntriesThatVanishInAMassAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		for i := range 15 {
			g.own(i)
		}
		g.want(t, "eu", 20, 15, "the objects are there, their addresses are not")
		g.own(3, "192.0.2.99")
		g.want(t, "eu", 20, 14, "one has an address again")
		assert.Contains(t, tiers(g.World().Host(numbered(3))), "192.0.2.99")
	})
}

// Services or EndpointSlices are deleted by mistake, or an API server that lost its store does not list them:
// the Gslbs are there, and their addresses.
func TestServicesThatVanishInAMassAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		backends := func(i int, health gslb.Health, why gslb.Reason, by ...gslb.Override) {
			o := offer(numbered(i), fmt.Sprint("app", i), 1, fmt.Sprintf("192.0.2.%d", i))
			o.Entries[0].Health, o.Entries[0].Reason = health, why
			for _, by := range by {
				o.Override = by
			}
			g.SetObject(o.Source, []*gslb.Offer{o})
		}
		serving := func() (n int) {
			for h := range g.World().Hosts() {
				if slices.ContainsFunc(h.Part("eu").Entries, func(c gslb.Candidate) bool { return c.Tier == gslb.TierHealthy }) {
					n++
				}
			}
			return n
		}
		for i := range 20 {
			backends(i, gslb.Unhealthy, gslb.ReasonNotReady)
		}
		g.want(t, "eu", 20, 0, "readiness is believed")
		assert.Zero(t, serving())
		for i := range 20 {
			backends(i, gslb.Healthy, gslb.ReasonReady)
		}
		settle()
		for i := range 9 {
			backends(i, gslb.Unhealthy, gslb.ReasonServiceNotFound)
		}
		g.want(t, "eu", 20, 0, "some Services are deleted")
		assert.Equal(t, 11, serving())
		for i := range 15 {
			backends(i, gslb.Unhealthy, []gslb.Reason{gslb.ReasonServiceNotFound, gslb.ReasonNoSlices}[i/9])
		}
		g.want(t, "eu", 20, 15, "they are no accident")
		assert.Equal(t, 20, serving(), "as they were")
		backends(3, gslb.Unhealthy, gslb.ReasonNotReady)
		backends(4, gslb.Unhealthy, gslb.ReasonServiceNotFound, gslb.Drain)
		g.want(t, "eu", 20, 13, "what is said of a Service that is there counts, and what is set by hand")
		assert.Equal(t, 18, serving())
		time.Sleep(hold)
		g.want(t, "eu", 20, 0, "then it is believed")
		assert.Equal(t, 5, serving())
		time.Sleep(time.Minute)
		g.own(99, "192.0.2.99")
		g.want(t, "eu", 21, 0, "and not held once more")
	})
}

func TestHostsThatVanishOneByOneWithinTheWindowAreAMass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		for i := range 10 {
			g.gone(i, i+1)
			g.hear()
			settle()
			time.Sleep(500 * time.Millisecond)
		}
		g.want(t, "eu", 10, 0, "ten within the window are believed")
		g.gone(10, 11)
		g.want(t, "eu", 20, 11, "the eleventh brings the others back")
		g.gone(11, 12)
		g.hear()
		g.want(t, "eu", 20, 12, "what follows within the window is held with them")
		time.Sleep(11 * time.Second)
		g.gone(12, 13)
		g.want(t, "eu", 19, 12, "later, one is believed as ever")
	})
}

func TestHostsThatVanishSlowlyAreBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 30, hold)
		for i := range 30 {
			g.gone(i, i+1)
			g.hear()
			settle()
			time.Sleep(time.Second)
		}
		g.want(t, "eu", 0, 0, "ten in ten seconds, all the time")
	})
}

func TestWhatIsHeldEndsWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 20)
		g.want(t, "eu", 20, 20, "held")
		time.Sleep(hold - time.Second)
		g.want(t, "eu", 20, 20, "to the last second")
		time.Sleep(time.Second)
		g.want(t, "eu", 0, 0, "then it goes")
		time.Sleep(time.Minute)
		g.own(99, "192.0.2.99")
		g.want(t, "eu", 1, 0, "and is not held once more")
	})
}

func TestWhatReturnsIsWhatItOffersNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 20)
		settle()
		for i := range 20 {
			g.own(i, fmt.Sprintf("203.0.113.%d", i))
		}
		g.want(t, "eu", 20, 0, "all returned")
		assert.Contains(t, tiers(g.World().Host(numbered(7))), "203.0.113.7")
		assert.NotContains(t, tiers(g.World().Host(numbered(7))), "192.0.2.7")
		g.gone(0, 5)
		g.want(t, "eu", 15, 0, "later removals are judged for themselves")
	})
}

func TestWhatVanishedAndReturnedIsNotReplacedByOldOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 1)
		settle()
		g.own(0, "203.0.113.1")
		settle()
		g.gone(1, 15)
		g.want(t, "eu", 20, 14, "the others are held")
		assert.Contains(t, tiers(g.World().Host(numbered(0))), "203.0.113.1")
	})
}

func TestAZoneCanAllowMassRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 20)
		g.want(t, "eu", 20, 20, "held")
		g.zones(true)
		g.want(t, "eu", 0, 0, "let through")
		g.us(t, 0)
		g.want(t, "us", 0, 0, "of a peer as well")
	})
}

func TestNothingIsHeldWithoutAGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, 0)
		g.gone(0, 20)
		g.want(t, "eu", 0, 0, "off")
	})
}

func TestAClusterThatLeavesOrIsReplacedIsNoAccident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.us(t, 20, func(r *gslb.Report) { r.Announcement = gslb.Leaving })
		g.want(t, "us", 0, 0, "it said goodbye")
	})
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		time.Sleep(10 * time.Second)
		g.us(t, 1, func(r *gslb.Report) { r.ClusterID = "id-rebuilt" })
		g.want(t, "us", 1, 0, "another cluster under the same tag: the addresses of the old one are stale")
	})
}

func TestAZoneThatIsNotServedAnyMoreTakesItsHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.SetZones(nil)
		settle()
		assert.Empty(t, g.World().Held)
	})
}
