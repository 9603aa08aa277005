// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// again is the same cluster after a restart with its saved world, down for a while.
func (g *guarded) again(t *testing.T, down, hold time.Duration) *guarded {
	t.Helper()
	b, err := json.Marshal(g.Save())
	require.NoError(t, err)
	time.Sleep(down)
	saved := &gslb.Saved{}
	require.NoError(t, json.Unmarshal(b, saved))
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", RemovalHold: hold, Saved: saved})
	require.NoError(t, err)
	next := &guarded{Store: s, mark: g.mark}
	run(t, s)
	settle()
	return next
}

// reads is a complete reading of the objects that are left.
func (g *guarded) reads(from, to int) {
	for i := from; i < to; i++ {
		g.own(i, fmt.Sprintf("192.0.2.%d", i))
	}
	g.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
}

func TestVanishedHostsThatAreHeldOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 14)
		g.us(t, 5)
		g.want(t, "eu", 20, 14, "held")
		g.want(t, "us", 20, 15, "of a peer as well")
		before := g.World().Held
		g = g.again(t, 13*time.Second, hold)
		g.want(t, "eu", 20, 14, "from the first World on")
		g.want(t, "us", 20, 15, "and what is held of the peer")
		g.reads(14, 20)
		g.us(t, 5)
		g.want(t, "eu", 20, 14, "when the objects that are left were read")
		g.want(t, "us", 20, 15, "and the report of the peer")
		assert.Len(t, g.World().OwnReport(zone).Offers, 20, "the others are told the same")
		for i, h := range g.World().Held {
			assert.True(t, h.Until.Equal(before[i].Until), "the end is that of before")
			assert.True(t, h.Since.Equal(before[i].Since))
		}
		time.Sleep(time.Until(before[0].Until) - time.Second)
		g.us(t, 5)
		g.want(t, "eu", 20, 14, "to the last second")
		time.Sleep(time.Second)
		g.us(t, 5)
		g.want(t, "eu", 6, 0, "then it goes")
		g.want(t, "us", 5, 0, "all of it")
	})
}

func TestARestoredHoldEndsAsAnyOther(t *testing.T) {
	held := func(t *testing.T) *guarded {
		g := newGuarded(t, 20, hold)
		g.gone(0, 14)
		g.want(t, "eu", 20, 14, "held")
		return g
	}
	synctest.Test(t, func(t *testing.T) {
		g := held(t).again(t, time.Second, hold)
		g.zones(true)
		g.want(t, "eu", 6, 0, "the annotation lets it go")
	})
	synctest.Test(t, func(t *testing.T) {
		g := held(t).again(t, time.Second, hold)
		g.own(3, "203.0.113.3")
		g.want(t, "eu", 20, 13, "what is offered again is not held")
		assert.Contains(t, tiers(g.World().Host(numbered(3))), "203.0.113.3")
		assert.NotContains(t, tiers(g.World().Host(numbered(3))), "192.0.2.3")
	})
	synctest.Test(t, func(t *testing.T) {
		g := held(t).again(t, hold, hold)
		g.want(t, "eu", 6, 0, "its time ended while the process was down")
	})
	synctest.Test(t, func(t *testing.T) {
		g := held(t).again(t, time.Second, 0)
		g.want(t, "eu", 6, 0, "the guard was turned off")
	})
	synctest.Test(t, func(t *testing.T) {
		g := held(t).again(t, time.Second, time.Minute)
		g.want(t, "eu", 20, 14, "the hold is shorter now")
		time.Sleep(time.Minute)
		g.want(t, "eu", 6, 0, "and so is the rest")
	})
}

func TestWhatIsSavedWhileOffersComeBackIsNotRestoredOverThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20, hold)
		g.gone(0, 14)
		g.want(t, "eu", 20, 14, "held")
		saved := g.Save()
		o := offer(numbered(3), "app3", 1, "203.0.113.3")
		saved.Offers = append(saved.Offers, o)
		s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", RemovalHold: hold, Saved: saved})
		require.NoError(t, err)
		run(t, s)
		next := &guarded{Store: s}
		next.want(t, "eu", 20, 13, "what is offered at the first merge is not held")
		assert.Equal(t, map[string]gslb.Tier{"203.0.113.3": gslb.TierHealthy}, ownTiers(s.World().Host(numbered(3))))
	})
}

// ownTiers is tiers of what eu brings.
func ownTiers(h *gslb.Host) map[string]gslb.Tier {
	out := make(map[string]gslb.Tier)
	for _, e := range h.Part("eu").Entries {
		out[e.Addr.String()] = e.Tier
	}
	return out
}

// tells hands the report of one cluster to another one, as peers do.
func (g *guarded) tells(t *testing.T, other *guarded) {
	t.Helper()
	settle()
	g.mark++
	r := g.World().OwnReport(zone)
	r.Instance, r.Serial = "i1", uint32(g.mark)
	require.NoError(t, other.SetReport(r))
	other.Sight(gslb.Sighting{Kind: gslb.Heard, Of: r.Cluster, Instance: "i1", At: time.Now()})
	settle()
}

// newOther is a Store of the cluster us, without hosts of its own.
func newOther(t *testing.T) *guarded {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "us", ClusterID: "id-us", RemovalHold: hold})
	require.NoError(t, err)
	g := &guarded{Store: s}
	g.zones(false)
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	run(t, s)
	settle()
	return g
}

func TestAMassRemovalThatIsMeantInOneClusterIsBelievedInTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eu, us := newGuarded(t, 20, hold), newOther(t)
		eu.tells(t, us)
		us.want(t, "eu", 20, 0, "heard")
		eu.zones(true)
		eu.tells(t, us)
		eu.gone(0, 20)
		eu.tells(t, us)
		us.want(t, "eu", 0, 0, "the annotation stands in eu alone")
	})
	synctest.Test(t, func(t *testing.T) {
		eu, us := newGuarded(t, 20, hold), newOther(t)
		eu.tells(t, us)
		eu.gone(0, 20)
		bug := eu.World().OwnReport(zone)
		bug.Offers, bug.Instance, bug.Serial = map[gslb.Name]*gslb.Offer{}, "i1", 50
		require.NoError(t, us.SetReport(bug))
		us.want(t, "eu", 20, 20, "a report that loses its hosts is held")
		eu.mark = 50
		eu.zones(true)
		eu.tells(t, us)
		us.want(t, "eu", 0, 0, "until its cluster says that this is meant")
		eu.zones(false)
		for i := range 20 {
			eu.own(i, fmt.Sprintf("192.0.2.%d", i))
		}
		eu.tells(t, us)
		us.want(t, "eu", 20, 0, "all are back, and the annotation is gone")
		bug = eu.World().OwnReport(zone)
		bug.Offers, bug.Instance, bug.Serial = map[gslb.Name]*gslb.Offer{}, "i1", 60
		require.NoError(t, us.SetReport(bug))
		us.want(t, "eu", 20, 20, "so the guard holds again")
	})
}

func TestAGoodbyeAndANewClusterEndWhatIsHeld(t *testing.T) {
	for why, change := range map[string]func(*gslb.Report){
		"it said goodbye":                    func(r *gslb.Report) { r.Announcement = gslb.Leaving },
		"another cluster under the same tag": func(r *gslb.Report) { r.ClusterID = "id-rebuilt" },
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuarded(t, 20, hold)
			g.us(t, 0)
			g.want(t, "us", 20, 20, "held")
			time.Sleep(10 * time.Second)
			g.us(t, 0, change)
			g.want(t, "us", 0, 0, why)
		})
	}
}
