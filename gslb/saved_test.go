// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// restart writes what a Store knows as JSON, and starts another one with it, as a
// process does that comes back without the API.
func restart(t *testing.T, s *gslb.Store) *gslb.Store {
	t.Helper()
	b, err := json.Marshal(s.Save())
	require.NoError(t, err)
	saved := &gslb.Saved{}
	require.NoError(t, json.Unmarshal(b, saved))
	next, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Saved: saved, SeeksPeers: true})
	require.NoError(t, err)
	return next
}

// tiers gives the tier of each address of a host.
func tiers(h *gslb.Host) map[string]gslb.Tier {
	out := make(map[string]gslb.Tier)
	if h == nil {
		return out
	}
	for i := range h.Parts {
		for _, e := range h.Parts[i].Entries {
			out[e.Addr.String()] = e.Tier
		}
	}
	return out
}

// before is a Store of eu that knows a host of its own, one of us, records and challenges.
func before(t *testing.T) *gslb.Store {
	t.Helper()
	s := store(t)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")},
		Records: []gslb.Record{{Name: gslb.MustName("mail.cloud.example.com"), Type: 15, TTL: 60, Data: "10 mx.example.net."}}}})
	o := offer(app, "app", 1, "192.0.2.1")
	o.Policy.WhenAllUnhealthy = gslb.LastHealthy
	o.Entries[0].Ask = gslb.Ask{Scheme: "https", Port: 443, Path: "/"}
	o.Check = &gslb.Check{Kind: gslb.CheckHTTP, Port: 80, Path: "/", Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1, Statuses: [2]int{200, 399}}
	s.SetObject(o.Source, []*gslb.Offer{o})
	s.SetVerdict(gslb.Verdict{Host: app, Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy})
	s.SetChallenges([]gslb.Record{{Name: gslb.MustName("_acme-challenge.app.cloud.example.com"), Type: 16, TTL: 60, Data: `"token"`}})
	s.KnowPeer("us")
	require.NoError(t, s.SetReport(report("us", "i1", 7, offer(app, "app", 2, "198.51.100.1"))))
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", ID: "id-us", Instance: "i1", At: time.Now()})
	run(t, s)
	settle()
	return s
}

func TestAfterARestartTheSavedWorldAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		was := s.World()
		require.True(t, was.Ready)
		next := restart(t, s)
		run(t, next)
		synctest.Wait()
		w := next.World()
		require.NotNil(t, w, "without any input")
		assert.True(t, w.Ready, "although nothing was read and nobody was heard")
		assert.Equal(t, tiers(was.Host(app)), tiers(w.Host(app)))
		assert.Equal(t, map[string]gslb.Tier{"192.0.2.1": gslb.TierHealthy, "198.51.100.1": gslb.TierHealthy}, tiers(w.Host(app)))
		assert.Equal(t, was.Host(app).Policy, w.Host(app).Policy)
		assert.Equal(t, was.Host(app).Part("eu").Offer.Check, w.Host(app).Part("eu").Offer.Check)
		require.NotNil(t, w.Zone(zone))
		assert.Equal(t, was.Zone(zone).NameServers, w.Zone(zone).NameServers)
		assert.Equal(t, was.Zone(zone).Static, w.Zone(zone).Static)
		assert.Positive(t, int32(w.Zone(zone).Serial-was.Zone(zone).Serial), "the serial never falls")
		assert.Equal(t, was.Local.Mark, w.Local.Mark)
		assert.False(t, w.Local.Blind.IsZero(), "what it says is that of before")
		assert.Equal(t, gslb.Doubtful, w.Cluster("us").Liveness, "it was not heard, so nobody may be told that it is")
	})
}

func TestARestoredPeerThatStaysSilentIsLostAfterTheUsualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := restart(t, before(t))
		run(t, next)
		time.Sleep(4400 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, gslb.TierHealthy, tiers(next.World().Host(app))["198.51.100.1"])
		assert.Equal(t, []gslb.GeoTag{"us"}, next.World().Alarm.Missed, "our alarm goes up as for one that was heard")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, gslb.TierLost, tiers(next.World().Host(app))["198.51.100.1"])
	})
}

func TestARestoredPeerThatWasLostStaysLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		next := restart(t, s)
		run(t, next)
		synctest.Wait()
		assert.Equal(t, gslb.TierLost, tiers(next.World().Host(app))["198.51.100.1"])
	})
}

func TestAGoodbyeOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		bye := report("us", "i1", 8)
		bye.Announcement = gslb.Leaving
		require.NoError(t, s.SetReport(bye))
		settle()
		require.Equal(t, gslb.Left, s.World().Cluster("us").Liveness)
		next := restart(t, s)
		run(t, next)
		synctest.Wait()
		w := next.World()
		require.NotNil(t, w.Cluster("us"))
		assert.Equal(t, gslb.Left, w.Cluster("us").Liveness)
		assert.Equal(t, []gslb.GeoTag{"us"}, w.Zone(zone).Dead, "its name server is to go, if it did not yet")
		assert.NotContains(t, tiers(w.Host(app)), "198.51.100.1")
		require.NoError(t, next.SetReport(report("us", "i2", 1, offer(app, "app", 2, "198.51.100.7"))))
		next.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", ID: "id-us", Instance: "i2", At: time.Now()})
		settle()
		assert.Equal(t, gslb.Fresh, next.World().Cluster("us").Liveness, "it came back")
	})
}

func TestWhatNoObjectSaysAnyMoreGoesWhenObjectsWereRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		old := offer(gslb.MustName("old.cloud.example.com"), "old", 3, "192.0.2.2")
		s.SetObject(old.Source, []*gslb.Offer{old})
		settle()
		next := restart(t, s)
		run(t, next)
		changed := offer(app, "app", 1, "192.0.2.9")
		next.SetObject(changed.Source, []*gslb.Offer{changed})
		next.UpdateLocal(func(l *gslb.LocalState) { l.Blind = time.Time{} }) // "the API answers"
		settle()
		w := next.World()
		assert.Equal(t, gslb.TierHealthy, tiers(w.Host(app))["192.0.2.9"], "what was read counts at once")
		assert.NotContains(t, tiers(w.Host(app)), "192.0.2.1")
		assert.NotNil(t, w.Host(old.Host), "what was not read yet stands")
		assert.False(t, w.Local.Blind.IsZero(), "until everything was read")
		next.UpdateLocal(func(l *gslb.LocalState) { l.Synced, l.Mark = true, 12 })
		settle()
		w = next.World()
		assert.Nil(t, w.Host(old.Host))
		assert.NotNil(t, w.Host(app))
		assert.Equal(t, gslb.LocalState{Mark: 12, Synced: true}, w.Local)
	})
}

func TestAReportAfterARestartReplacesTheRestoredOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := restart(t, before(t))
		run(t, next)
		synctest.Wait()
		require.NoError(t, next.SetReport(report("us", "i2", 1, offer(app, "app", 2, "198.51.100.7"))), "a lower mark: it restarted as well")
		next.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", ID: "id-us", Instance: "i2", At: time.Now()})
		settle()
		assert.Contains(t, tiers(next.World().Host(app)), "198.51.100.7")
		assert.NotContains(t, tiers(next.World().Host(app)), "198.51.100.1")
		assert.Equal(t, gslb.Fresh, next.World().Cluster("us").Liveness)
	})
}

func TestWhatWasHealthyLastSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		s.SetVerdict(gslb.Verdict{Host: app, Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Unhealthy})
		dead := offer(app, "app", 2, "198.51.100.1")
		dead.Entries[0].Health = gslb.Unhealthy
		require.NoError(t, s.SetReport(report("us", "i1", 8, dead)))
		settle()
		was := s.World().Host(app)
		require.NotEmpty(t, was.LastHealthy)
		next := restart(t, s)
		run(t, next)
		synctest.Wait()
		assert.Equal(t, was.LastHealthy, next.World().Host(app).LastHealthy)
	})
}

func TestTheWorldOfAnotherClusterIsRefused(t *testing.T) {
	_, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-new", Saved: &gslb.Saved{Self: "eu", ClusterID: "id-old"}})
	require.ErrorContains(t, err, "id-old")
}
