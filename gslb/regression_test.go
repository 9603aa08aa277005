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

func hearUS(s *gslb.Store, id string) {
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: id, At: time.Now()})
}

// Seen: a rebuilt cluster (same tag, new id) that speaks is never admitted.
func TestRebuiltClusterTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		hearUS(s, "a")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		r := report("us", "x", 1, offer(app, "app", 1, "192.0.2.66"))
		r.ClusterID = "rebuilt"
		var err error
		for range 600 { // as peers do: an answer is heard first, then its report is taken
			hearUS(s, "x")
			err = s.SetReport(r)
			time.Sleep(500 * time.Millisecond)
		}
		synctest.Wait()
		assert.NoError(t, err)
		assert.Equal(t, gslb.Fresh, s.World().Cluster("us").Liveness)
		assert.Equal(t, []string{"192.0.2.66/0"}, addrs(s.World().Host(app), "us"), "five minutes later the dead cluster's entries are still answered")
	})
}

// Seen: silence alone changes an answer: lower mark, or blind, of an equally silent instance.
func TestSilenceDoesNotPromoteAWorseInstance(t *testing.T) {
	for _, blind := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := store(t)
			run(t, s)
			worse := report("us", "b", 8, offer(app, "app", 1, "192.0.2.2"))
			if blind {
				worse.Mark, worse.Blind = 9, at(0)
			}
			require.NoError(t, s.SetReport(report("us", "a", 9, offer(app, "app", 1, "192.0.2.1"))))
			require.NoError(t, s.SetReport(worse))
			hearUS(s, "a")
			time.Sleep(300 * time.Millisecond)
			hearUS(s, "b")
			for range 100 { // link cut: vouched by the heartbeat
				time.Sleep(time.Second)
				s.Sight(gslb.Sighting{Kind: gslb.Heartbeat, Of: "us", At: time.Now(), ValidFor: 15 * time.Second})
			}
			synctest.Wait()
			require.Equal(t, gslb.Vouched, s.World().Cluster("us").Liveness)
			assert.Equal(t, []string{"192.0.2.1/0"}, addrs(s.World().Host(app), "us"), "blind=%v: nobody of us was heard since, yet the answer changed", blind)
		})
	}
}

// Seen: ready although the known peer's report was never read.
func TestNotReadyBeforeTheReportOfAKnownPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		s.KnowPeer("us")
		run(t, s)
		hearUS(s, "a") // it called us; we have not read it yet
		settle()
		assert.False(t, s.World().Ready, "its hosts are answered NXDOMAIN now")
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		settle()
		assert.True(t, s.World().Ready)
	})
}

func outsideStore(t *testing.T) *gslb.Store {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", MeasuresOutside: true})
	require.NoError(t, err)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	return s
}

// Seen: the end of isolation drops every peer for as long as reconnecting takes.
func TestHealAfterIsolationDoesNotLosePeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := outsideStore(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		hearUS(s, "a")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, gslb.Isolation, s.World().Cluster("us").Witness.Kind)
		s.Sight(gslb.Sighting{Kind: gslb.OutsideSeen, At: time.Now()}) // the cable is back, the edge answers first
		settle()
		assert.Equal(t, []string{"192.0.2.1/0"}, addrs(s.World().Host(app), "us"), "before the connection to us is there again")
		time.Sleep(400 * time.Millisecond)
		hearUS(s, "a")
		settle()
		assert.Equal(t, []string{"192.0.2.1/0"}, addrs(s.World().Host(app), "us"))
	})
}

// Seen: nobody wakes the loop when the last sighting of the outside runs out.
func TestIsolationIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := outsideStore(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1)))
		hearUS(s, "a")
		time.Sleep(4 * time.Second)
		s.Sight(gslb.Sighting{Kind: gslb.OutsideSeen, At: time.Now()}) // then the edge goes silent too
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.False(t, s.World().Isolated.IsZero(), "nothing answers for an hour and World.Isolated is zero")
	})
}

// Seen: an announced restart raises the alarm between 2 s and 3 s of silence.
func TestPauseRaisesNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		r := report("us", "a", 1)
		r.Announcement = gslb.Pausing
		require.NoError(t, s.SetReport(r))
		hearUS(s, "a")
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		assert.Empty(t, s.World().Alarm.Missed)
	})
}

// Seen: a takeover by another id leaves offers of zones that the new one lacks.
func TestTakeoverLeavesNoGhosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		two, ghost := gslb.MustName("two.example.com"), gslb.MustName("ghost.two.example.com")
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}, {Zone: two, EdgeZone: edge}})
		run(t, s)
		r := report("us", "a", 1, offer(ghost, "ghost", 1, "192.0.2.1"))
		r.Zone = two
		require.NoError(t, s.SetReport(r))
		hearUS(s, "a")
		time.Sleep(time.Minute)
		n := report("us", "x", 1, offer(app, "app", 1, "192.0.2.66"))
		n.ClusterID = "rebuilt"
		require.NoError(t, s.SetReport(n))
		hearUS(s, "x")
		settle()
		assert.Empty(t, addrs(s.World().Host(ghost), "us"), "of a cluster that is gone, answered as fresh")
	})
}

// Seen: conflicts never end.
func TestConflictEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		imp := report("us", "x", 1)
		imp.ClusterID = "another"
		mine := report("eu", "x", 1)
		mine.ClusterID = "another"
		require.NoError(t, s.SetReport(report("us", "a", 1)))
		hearUS(s, "a")
		require.Error(t, s.SetReport(imp))
		require.Error(t, s.SetReport(mine))
		for range 600 {
			time.Sleep(time.Second)
			hearUS(s, "a")
		}
		require.NoError(t, s.SetReport(report("us", "a", 2)))
		settle()
		assert.Empty(t, s.World().Cluster("us").Conflict, "the impostor is gone for ten minutes")
		assert.Empty(t, s.World().Cluster("eu").Conflict, "the impostor is gone for ten minutes")
	})
}

// Seen: an instance whose report is no longer read, but which calls us, blocks
// another's equal-marked news (mark counts EndpointSlices only) for ever.
func TestCallsDoNotKeepAnUnreadReportBest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 9, offer(app, "app", 1, "192.0.2.1"))))
		hearUS(s, "a")
		require.NoError(t, s.SetReport(report("us", "b", 9, offer(app, "app", 1, "192.0.2.1"))))
		hearUS(s, "b")
		drained := offer(app, "app", 1, "192.0.2.1") // drained by hand: no EndpointSlice moved
		drained.Override, drained.Entries[0].Health, drained.Entries[0].Reason = gslb.Drain, gslb.Unhealthy, gslb.ReasonDrained
		require.NoError(t, s.SetReport(report("us", "b", 9, drained)))
		for range 600 {
			time.Sleep(time.Second)
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()}) // a calls us; our own connections all lead to b
			hearUS(s, "b")
		}
		settle()
		assert.Equal(t, []string{"192.0.2.1/4"}, addrs(s.World().Host(app), "us"), "drained ten minutes ago")
	})
}

// Seen: an older heartbeat sighting (another edge zone's) shortens a newer one.
func TestOlderBeatDoesNotShorten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1)))
		hearUS(s, "a")
		time.Sleep(5 * time.Second)
		s.Sight(gslb.Sighting{Kind: gslb.Heartbeat, Of: "us", At: time.Now(), ValidFor: 15 * time.Second})
		s.Sight(gslb.Sighting{Kind: gslb.Heartbeat, Of: "us", At: time.Now().Add(-3 * time.Second), ValidFor: 4 * time.Second})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		assert.Equal(t, gslb.Vouched, s.World().Cluster("us").Liveness)
	})
}

// Seen: the first report of a restarted process lists nobody, and the edge was written at each rolling restart.
func TestRestartAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		r := report("us", "a", 1)
		r.Announcement = gslb.Pausing
		require.NoError(t, s.SetReport(r))
		hearUS(s, "a")
		time.Sleep(time.Second)
		n := report("us", "b", 2) // the new process has heard nobody yet
		n.Hears = nil
		require.NoError(t, s.SetReport(n))
		hearUS(s, "b")
		settle()
		assert.Empty(t, s.World().Alarm.Missed, "an edge write at each rolling restart")
	})
}

// Seen: a witness that stalled for four seconds took the cluster that it vouched
// for out of the answers.
func TestStallOfTheWitnessDropsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		hearUS(s, "a")
		ap := report("ap", "c", 1)
		ap.Hears = []gslb.GeoTag{"eu", "us"}
		require.NoError(t, s.SetReport(ap))
		hearAP := func() { s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "ap", Instance: "c", At: time.Now()}) }
		for range 10 { // the link to us is cut
			hearAP()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.Equal(t, gslb.Witness{Kind: gslb.ThirdCluster, By: "ap"}, s.World().Cluster("us").Witness)
		time.Sleep(3 * time.Second) // silent for 4 s now
		synctest.Wait()
		assert.Equal(t, gslb.Doubtful, s.World().Cluster("ap").Liveness)
		assert.Equal(t, gslb.Vouched, s.World().Cluster("us").Liveness)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, gslb.Lost, s.World().Cluster("ap").Liveness)
		assert.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness, "and no longer than it is undecided itself")
	})
}

// The wall clock was ahead, went back, and the process was restarted: what it served
// before is in its peers' memory only (found by the simulator).
func TestASerialThatAPeerRemembersIsKeptOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		s.KnowPeer("us")
		run(t, s)
		settle()
		require.False(t, s.World().Ready)
		r := report("us", "u1", 1)
		r.Public = uint32(time.Now().Unix()) + 100
		require.NoError(t, s.SetReport(r))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "u1", At: time.Now()})
		settle()
		require.True(t, s.World().Ready)
		assert.Equal(t, r.Public, s.World().Zone(zone).Serial, "from the first answer on")
	})
}

// A witness that comes back calls us before we read its report: whom it heard before
// it went is no news (found by the simulator).
func TestAnOldListOfAWitnessVouchesForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		hears := func(tag gslb.GeoTag, others ...gslb.GeoTag) *gslb.Report {
			r := report(tag, string(tag)+"1", 1)
			r.Hears = append([]gslb.GeoTag{"eu"}, others...)
			return r
		}
		require.NoError(t, s.SetReport(hears("sa", "us")))
		require.NoError(t, s.SetReport(hears("us", "sa")))
		for _, tag := range []gslb.GeoTag{"sa", "us"} {
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: string(tag) + "1", At: time.Now()})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, gslb.Lost, s.World().Cluster("sa").Liveness)
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()})
		settle()
		require.Equal(t, gslb.Fresh, s.World().Cluster("us").Liveness)
		assert.Equal(t, gslb.Lost, s.World().Cluster("sa").Liveness, "us has not been read since it came back")

		require.NoError(t, s.SetReport(hears("us", "sa")))
		settle()
		assert.Equal(t, gslb.Vouched, s.World().Cluster("sa").Liveness, "now it says so")
		for range 10 { // it goes on calling, and cannot be read
			time.Sleep(time.Second)
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()})
		}
		settle()
		assert.Equal(t, gslb.Lost, s.World().Cluster("sa").Liveness, "its list has grown old")
	})
}
