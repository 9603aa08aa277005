// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

const delay = 2 * time.Minute

func delayed(addrs ...string) *gslb.Offer {
	o := offer(app, "app", 1, addrs...)
	o.Policy.ReturnDelay = delay
	return o
}

func candidate(t *testing.T, s *gslb.Store, tag gslb.GeoTag) gslb.Candidate {
	t.Helper()
	p := s.World().Host(app).Part(tag)
	require.NotNil(t, p)
	return p.Entries[0]
}

// keepsHearing has us heard every second for a time.
func keepsHearing(s *gslb.Store, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
	}
}

func TestAClusterThatWasLostWaitsBeforeItCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		s.SetObject(delayed().Source, []*gslb.Offer{delayed("192.0.2.1")})
		require.NoError(t, s.SetReport(report("us", "i1", 1, delayed("198.51.100.1"))))
		keepsHearing(s, 3*time.Second)
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "us").Tier, "heard for the first time: nothing returned")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, gslb.TierLost, candidate(t, s, "us").Tier)

		back := time.Now()
		keepsHearing(s, time.Second)
		settle()
		c := candidate(t, s, "us")
		assert.Equal(t, gslb.TierReturning, c.Tier)
		assert.Equal(t, gslb.ReasonReturning, c.Reason)
		assert.WithinDuration(t, back.Add(delay), c.Until, time.Second)
		assert.Equal(t, gslb.Waiting{Returning: 1}, s.World().Waiting)
		assert.Equal(t, []gslb.GeoTag{"us"}, s.World().OwnReport(zone).Returned, "so that us knows")
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "eu").Tier)

		saved := s.Save()
		next, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Saved: saved})
		require.NoError(t, err)
		run(t, next)
		settle()
		assert.Equal(t, gslb.TierReturning, candidate(t, next, "us").Tier, "a restart shortens no wait")

		keepsHearing(s, delay)
		settle()
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "us").Tier)
		assert.Empty(t, s.World().Waiting)
		keepsHearing(s, 2*time.Second)
		assert.Empty(t, s.World().OwnReport(zone).Returned)
	})
}

func TestAClusterThatAllFoundLostWaitsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		s.SetObject(delayed().Source, []*gslb.Offer{delayed("192.0.2.1")})
		tells := func(tag gslb.GeoTag, mark uint64, returned ...gslb.GeoTag) {
			r := report(tag, "i1", mark, delayed("198.51.100.1"))
			r.Returned = returned
			require.NoError(t, s.SetReport(r))
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "i1", At: time.Now()})
		}
		tells("us", 1, "eu")
		tells("ap", 1)
		settle()
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "eu").Tier, "ap never missed us")
		tells("ap", 2, "eu")
		settle()
		assert.Equal(t, gslb.TierReturning, candidate(t, s, "eu").Tier)
		assert.Equal(t, gslb.ReasonReady, s.World().Host(app).Part("eu").Offer.Entries[0].Reason, "the others see for themselves")
		for range int(delay/time.Second) + 1 {
			tells("us", 1, "eu")
			tells("ap", 2, "eu")
			time.Sleep(time.Second)
		}
		settle()
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "eu").Tier, "the wait ends however long they say so")
	})
}

func TestAnEntryThatReturnsSaysSoInTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		set := func(h gslb.Health, why gslb.Reason) {
			o := delayed("192.0.2.1")
			o.Entries[0].Health, o.Entries[0].Reason = h, why
			s.SetObject(o.Source, []*gslb.Offer{o})
			settle()
		}
		set(gslb.Healthy, gslb.ReasonReady)
		set(gslb.Unhealthy, gslb.ReasonNotReady)
		assert.Equal(t, gslb.TierOut, candidate(t, s, "eu").Tier, "a fall is never delayed")
		set(gslb.Healthy, gslb.ReasonReady)
		e := s.World().OwnReport(zone).Offers[app].Entries[0]
		assert.Equal(t, gslb.Healthy, e.Health, "a version that does not know of waits takes it at once")
		assert.Equal(t, gslb.ReasonReturning, e.Reason)
		assert.Equal(t, e.Until, candidate(t, s, "eu").Until)
		assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.1")}, s.World().Host(app).LastHealthy)

		other, err := gslb.NewStore(gslb.Config{Self: "us", ClusterID: "id-us"})
		require.NoError(t, err)
		other.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
		other.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		run(t, other)
		r := s.World().OwnReport(zone)
		r.Instance = "i1"
		require.NoError(t, other.SetReport(r))
		other.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "eu", Instance: "i1", At: time.Now()})
		settle()
		assert.Equal(t, gslb.TierReturning, candidate(t, other, "eu").Tier, "all clusters decide alike")

		time.Sleep(delay)
		synctest.Wait()
		assert.Equal(t, gslb.TierHealthy, candidate(t, s, "eu").Tier)
		assert.Equal(t, gslb.ReasonReady, s.World().OwnReport(zone).Offers[app].Entries[0].Reason)
	})
}

// TestAFlappingBackendChangesAnswersABoundedNumberOfTimes: a square wave of a second.
func TestAFlappingBackendChangesAnswersABoundedNumberOfTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		tier, changes := gslb.TierHealthy, 0
		for i := range 600 {
			o := offer(app, "app", 1, "192.0.2.1")
			if i%2 == 1 {
				o.Entries[0].Health, o.Entries[0].Reason = gslb.Unhealthy, gslb.ReasonNotReady
			}
			s.SetObject(o.Source, []*gslb.Offer{o})
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
			now := candidate(t, s, "eu").Tier
			if i%2 == 1 {
				require.Equal(t, gslb.TierOut, now, "what is down leaves at once, always")
			}
			if (now == gslb.TierHealthy) != (tier == gslb.TierHealthy) {
				changes++
			}
			tier = now
			time.Sleep(450 * time.Millisecond)
		}
		assert.Equal(t, 5, changes, "down, up, down, up, down, and then out while it flaps: where others serve, 5 changes in 300")
	})
}

func TestAWaitEmptiesNoFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		set := func(six gslb.Health) {
			o := delayed("192.0.2.1", "2001:db8::1")
			o.Entries[1].Health = six
			s.SetObject(o.Source, []*gslb.Offer{o})
			settle()
		}
		set(gslb.Unhealthy)
		set(gslb.Healthy)
		assert.Equal(t, map[string]gslb.Tier{"192.0.2.1": gslb.TierHealthy, "2001:db8::1": gslb.TierHealthy}, tiers(s.World().Host(app)), "nobody else has the family")
		require.NoError(t, s.SetReport(report("us", "i1", 1, delayed("2001:db8:2::1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
		settle()
		assert.Equal(t, gslb.TierReturning, tiers(s.World().Host(app))["2001:db8::1"])
	})
}
