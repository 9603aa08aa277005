// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// lostUS is a Store of eu for which us, which offers app, was lost just now.
func lostUS(t *testing.T) *gslb.Store {
	t.Helper()
	s := store(t)
	require.NoError(t, s.SetReport(report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))))
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
	run(t, s)
	time.Sleep(5 * time.Second)
	synctest.Wait()
	require.Equal(t, gslb.TierLost, tiers(s.World().Host(app))["198.51.100.1"])
	return s
}

func TestOffersOfAClusterThatReturnsCountWhenTheyWereRead(t *testing.T) {
	calls := func(s *gslb.Store) {
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()})
		settle()
	}
	synctest.Test(t, func(t *testing.T) {
		s := lostUS(t)
		calls(s)
		assert.Equal(t, gslb.Fresh, s.World().Cluster("us").Liveness)
		assert.Equal(t, gslb.TierLost, tiers(s.World().Host(app))["198.51.100.1"], "it called, and may have changed while it was away")
		down := offer(app, "app", 1, "198.51.100.1")
		down.Entries[0].Health = gslb.Unhealthy
		require.NoError(t, s.SetReport(report("us", "i1", 2, down)))
		settle()
		assert.Equal(t, gslb.TierOut, tiers(s.World().Host(app))["198.51.100.1"], "it had: the old offer was never answered as healthy")
	})
	synctest.Test(t, func(t *testing.T) {
		for _, calledFirst := range []bool{true, false} {
			s := lostUS(t)
			if calledFirst {
				calls(s)
			}
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
			settle()
			assert.Equal(t, gslb.TierHealthy, tiers(s.World().Host(app))["198.51.100.1"], "the instance confirmed what it said before; called first: %t", calledFirst)
		}
	})
}

func TestAProcessThatStoodStillDoesNotJudgeTheOthers(t *testing.T) {
	for _, stood := range []time.Duration{6 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
			require.NoError(t, err)
			s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
			s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
			var frozen atomic.Bool
			var worst atomic.Uint32
			s.OnWorld(func(w *gslb.World) {
				if c := w.Cluster("us"); c != nil {
					worst.Store(max(worst.Load(), uint32(c.Liveness)))
				}
				if w.Local.Mark == 7 && frozen.CompareAndSwap(false, true) { // the loop stands here
					time.Sleep(stood)
				}
			})
			require.NoError(t, s.SetReport(report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))))
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
			run(t, s)
			settle()
			s.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 7 })
			time.Sleep(stood + 1200*time.Millisecond) // the keep-alive is read a moment after it goes on
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i1", At: time.Now()})
			settle()
			require.True(t, frozen.Load())
			assert.Equal(t, gslb.Fresh, s.World().Cluster("us").Liveness)
			assert.LessOrEqual(t, worst.Load(), uint32(gslb.Doubtful), "it was never lost, though nothing was heard for %s", stood)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			assert.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness, "silence while we run counts as ever")
		})
	}
}

func TestAClusterThatAThirdHearsAgainCountsWhenItsReportIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lostUS(t)
		third := report("ap", "i9", 1)
		third.Hears = []gslb.GeoTag{"us"}
		again := func() {
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "ap", Instance: "i9", At: time.Now()})
			settle()
		}
		require.NoError(t, s.SetReport(third))
		again()
		assert.Equal(t, gslb.Vouched, s.World().Cluster("us").Liveness)
		assert.Equal(t, gslb.TierLost, tiers(s.World().Host(app))["198.51.100.1"], "what it said before it was lost may be wrong by now")
		for range 18 {
			time.Sleep(500 * time.Millisecond)
			again()
		}
		assert.Equal(t, gslb.TierHealthy, tiers(s.World().Host(app))["198.51.100.1"], "nothing newer came in time, so that is the best there is")
	})
	synctest.Test(t, func(t *testing.T) {
		s := lostUS(t)
		third := report("ap", "i9", 1)
		third.Hears = []gslb.GeoTag{"us"}
		require.NoError(t, s.SetReport(third))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "ap", Instance: "i9", At: time.Now()})
		require.NoError(t, s.SetReport(report("us", "i2", 2, offer(app, "app", 1, "198.51.100.2"))))
		settle()
		assert.Equal(t, gslb.TierHealthy, tiers(s.World().Host(app))["198.51.100.2"], "its report is passed on")
	})
}

func TestAClusterThatCallsAndIsNotReadIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		read(t, s)
		run(t, s)
		last := time.Now()
		unread := func(d time.Duration, every func()) time.Time {
			t.Helper()
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
				every()
			}
			synctest.Wait()
			return s.World().Cluster("us").Unread
		}
		calls := func() { s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()}) }
		assert.Zero(t, unread(4*time.Second, calls))
		assert.Equal(t, last, unread(2*time.Second, calls), "it lives, and nobody tells its report")
		assert.Equal(t, gslb.Fresh, s.World().Cluster("us").Liveness)
		assert.Equal(t, last, unread(time.Minute, calls))
		revision := s.World().Revision
		assert.Zero(t, unread(time.Second, func() {
			calls()
			s.Sight(gslb.Sighting{Kind: gslb.ReportRead, Of: "us", At: time.Now()})
		}), "a third cluster passes it on")
		assert.Equal(t, revision+1, s.World().Revision)
		last = time.Now().Add(-500 * time.Millisecond)
		assert.Equal(t, last, unread(10*time.Second, calls))
		assert.Zero(t, unread(time.Second, func() { heard(s, "us") }), "it answers itself")
		assert.Zero(t, unread(10*time.Second, func() {}), "silence has a state of its own")
	})
}
