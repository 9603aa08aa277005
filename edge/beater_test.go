// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// beats gives how long after begin each heartbeat was taken by the edge.
func (r *rig) beats(begin time.Time) (out []time.Duration) {
	for _, u := range r.taken() {
		if len(u.Change.Require) > 0 && !u.At.Before(begin) {
			out = append(out, u.At.Sub(begin))
		}
	}
	return out
}

func TestAlarmSchedule(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		heard := []edge.HeardKeepAlive{{Cluster: "us", Instance: "u1", Number: 118}, {Cluster: "ap", Instance: "p1", Number: 3}}
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) {
			c.Heard = func() []edge.HeardKeepAlive { return heard }
		})
		r.tell(nil)
		pass(7 * time.Minute)

		begin := time.Now()
		r.miss("us")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, []edge.HeardKeepAlive{{Cluster: "us", Instance: "u1", Number: 118}}, h.Missed, "whom we miss, and what we heard of it last")
		assert.Equal(t, 5*time.Second, h.Interval)
		pass(3*time.Minute + 7*time.Second)
		want := []time.Duration{}
		for at := time.Duration(0); at <= 2*time.Minute; at += 5 * time.Second {
			want = append(want, at)
		}
		for at := 2*time.Minute + 15*time.Second; at <= 3*time.Minute; at += 15 * time.Second {
			want = append(want, at)
		}
		assert.Equal(t, want, r.beats(begin), "at once, every 5 s, and after two minutes every 15 s")
		h, _ = z.Beat(euBeat)
		assert.Equal(t, 15*time.Second, h.Interval, "the heartbeat states the interval that holds")

		begin = time.Now()
		r.miss()
		pass(30 * time.Minute)
		assert.Len(t, r.beats(begin), 1, "calm is written once, at once")
		h, _ = z.Beat(euBeat)
		assert.Empty(t, h.Missed)
		assert.Equal(t, time.Hour, h.Interval)
	})
}

func TestASecondMissedClusterIsNamedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		pass(time.Minute)
		r.miss("us")
		pass(2 * time.Second)
		r.miss("ap", "us")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, []edge.HeardKeepAlive{{Cluster: "ap"}, {Cluster: "us"}}, h.Missed, "never heard: the tag alone")
		pass(1500 * time.Millisecond)
		r.miss("us")
		h, _ = z.Beat(euBeat)
		assert.Equal(t, []edge.HeardKeepAlive{{Cluster: "us"}}, h.Missed, "and taken out at once")
	})
}

func TestAFlappingAlarmWritesOnceASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		pass(time.Minute)
		begin := time.Now()
		for range 100 {
			r.miss("us")
			pass(50 * time.Millisecond)
			r.miss()
			pass(50 * time.Millisecond)
		}
		assert.LessOrEqual(t, len(r.beats(begin)), 12)
	})
}

func TestAlarmKeepsTryingWhileTheEdgeIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		pass(time.Minute)
		z.Break(edgetest.Trouble{Down: true})
		r.miss("us")
		pass(9*time.Minute + 50*time.Second)
		z.Break(edgetest.Trouble{})
		pass(6 * time.Second)
		h, _ := z.Beat(euBeat)
		assert.True(t, h.Names("us"), "an alarm is not put off for a minute")
	})
}

// TestAnAlarmIsRaisedAsSoonAsTheEdgeIsBack: a cluster that cannot reach us sees the edge
// again as soon as we do, and decides 4.5 s later.
func TestAnAlarmIsRaisedAsSoonAsTheEdgeIsBack(t *testing.T) {
	for away := 20 * time.Second; away < 26*time.Second; away += 300 * time.Millisecond {
		bubble(t, func(t *testing.T) {
			z := &edgetest.Zone{}
			r, _ := start(t, z, "i1", "eu-id")
			r.tell(nil)
			pass(time.Minute)
			r.us(gslb.Vouched)
			r.miss("us")
			pass(7 * time.Second)
			before, _ := z.Beat(euBeat)
			z.Break(edgetest.Trouble{Down: true})
			pass(away)
			z.Break(edgetest.Trouble{})
			pass(1100 * time.Millisecond)
			after, _ := z.Beat(euBeat)
			assert.Greaterf(t, after.Counter, before.Counter, "the edge was away for %v", away)
		})
	}
}

func TestTheLoserOfARaceReadsAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		pass(time.Minute)
		first, _ := z.Beat(euBeat)
		rival := edge.Heartbeat{Cluster: "eu", ClusterID: "eu-id", Instance: "i2", Counter: 77, Interval: 5 * time.Second, NS: first.NS,
			Missed: []edge.HeardKeepAlive{{Cluster: "us", Instance: "u1", Number: 9}}}
		z.Before(func() { z.Set(euBeat, edge.TypeTXT, rival.Data()) })
		r.miss("us")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, rival, h, "the winner says what we would say: nothing is left to write")
		pass(5 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.Equal(t, uint64(78), h.Counter, "the next beat counts on from the winner's")
		assert.Equal(t, "i1", h.Instance)
	})
}

func TestInstancesOfAClusterShareOneHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, _ := start(t, z, "i1", "eu-id")
		b, _ := start(t, z, "i2", "eu-id")
		a.tell(nil)
		b.tell(nil)
		assert.Len(t, a.beats(time.Time{}), 1, "the second finds it written")
		pass(time.Minute)

		begin := time.Now()
		a.miss("us")
		b.miss("ap", "us")
		pass(time.Minute)
		h, _ := z.Beat(euBeat)
		assert.True(t, h.Names("us") && h.Names("ap"), "what one of them misses, the cluster misses")
		n := len(a.beats(begin))
		assert.GreaterOrEqual(t, n, 12)
		assert.LessOrEqual(t, n, 27, "they do not beat each other's every beat")
		last := uint64(0)
		for _, u := range a.taken() {
			for _, rec := range u.Change.Add {
				if rec.Type == edge.TypeTXT {
					h, err := edge.ParseHeartbeat(rec.Data)
					require.NoError(t, err)
					assert.Greater(t, h.Counter, last)
					last = h.Counter
				}
			}
		}

		b.miss()
		pass(30 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.True(t, h.Names("us"), "one that is calm leaves the alarm of another alone")
		assert.False(t, h.Names("ap"))
		a.miss()
		pass(30 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.Empty(t, h.Missed)
	})
}

func TestInstancesNameWhatTheOthersMiss(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, _ := start(t, z, "i1", "eu-id")
		b, _ := start(t, z, "i2", "eu-id")
		a.tell(nil)
		b.tell(nil)
		pass(time.Minute)
		a.miss("us")
		pass(2 * time.Second)
		b.miss("ap")
		both := 0
		for range 120 {
			if h, _ := z.Beat(euBeat); h.Names("us") && h.Names("ap") {
				both++
			}
			pass(500 * time.Millisecond)
		}
		assert.Greater(t, both, 80, "of 120 readings")

		a.miss()
		pass(30 * time.Second)
		h, _ := z.Beat(euBeat)
		assert.False(t, h.Names("us"), "what is lent is given back")
		assert.True(t, h.Names("ap"))
		assert.LessOrEqual(t, h.Interval, 15*time.Second)
		b.miss()
		pass(30 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.Empty(t, h.Missed)
		assert.Equal(t, time.Hour, h.Interval)
	})
}

// Each instance of us reads an instance of eu; who misses the whole of us names every
// instance of it that any of ours heard, since one that is not named has no witness.
func TestEveryInstanceOfAMissedClusterIsNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		hears := func(heard ...edge.HeardKeepAlive) func(*edge.Config) {
			return func(c *edge.Config) { c.Heard = func() []edge.HeardKeepAlive { return heard } }
		}
		u1, u2 := edge.HeardKeepAlive{Cluster: "us", Instance: "u1", Number: 100_000}, edge.HeardKeepAlive{Cluster: "us", Instance: "u2", Number: 50_000}
		later := u1
		later.Number += 900 // of the same cut, by the other connection
		a, _ := start(t, z, "i1", "eu-id", hears(u1))
		b, _ := start(t, z, "i2", "eu-id", hears(u2, later))
		a.tell(nil)
		b.tell(nil)
		pass(time.Minute)
		a.miss("us")
		b.miss("us")
		pass(time.Second)
		h, _ := z.Beat(euBeat)
		assert.ElementsMatch(t, []edge.HeardKeepAlive{u2, later}, h.Missed, "each instance once, by the newest keep-alive")
		begin := time.Now()
		pass(time.Minute)
		assert.LessOrEqual(t, len(a.beats(begin)), 15, "and they are content with it")
	})
}

func TestAnAlarmOfAnEarlierCutIsBroughtUpToDate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		number := uint64(100_000)
		a, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) {
			c.Heard = func() []edge.HeardKeepAlive {
				return []edge.HeardKeepAlive{{Cluster: "us", Instance: "u1", Number: number}}
			}
		})
		b, _ := start(t, z, "i2", "eu-id")
		a.tell(nil)
		b.tell(nil)
		pass(time.Minute)
		a.miss("us")
		b.miss("us")
		pass(6 * time.Second)
		a.miss() // it heals for i1, while i2 still misses us
		number += 8_000
		pass(8 * time.Second)
		a.miss("us")
		h, _ := z.Beat(euBeat)
		assert.Contains(t, h.Missed, edge.HeardKeepAlive{Cluster: "us", Instance: "u1", Number: number}, "a keep-alive of this cut is named at once")
	})
}

// An alarm that stays when the cut has healed would vouch for us in the next one.
func TestAnAlarmGoesWithTheCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		hears := func(id string) func(*edge.Config) {
			return func(c *edge.Config) {
				c.Heard = func() []edge.HeardKeepAlive {
					return []edge.HeardKeepAlive{{Cluster: "us", Instance: id, Number: 100_000}}
				}
			}
		}
		a, _ := start(t, z, "i1", "eu-id", hears("u1"))
		b, _ := start(t, z, "i2", "eu-id", hears("u2"))
		a.tell(nil)
		b.tell(nil)
		pass(time.Minute)
		a.miss("us")
		b.miss("us")
		pass(7 * time.Second)
		h, _ := z.Beat(euBeat)
		require.Len(t, h.Missed, 2)
		a.miss()
		b.miss()
		pass(1500 * time.Millisecond)
		h, _ = z.Beat(euBeat)
		assert.Empty(t, h.Missed)
		assert.Equal(t, time.Hour, h.Interval)

		a.miss("us")
		b.miss("us")
		pass(7 * time.Second)
		a.miss()
		b.miss()
		a.miss("us") // one of them misses it on
		pass(6 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.True(t, h.Names("us"))
	})
}

func TestTheAlarmOfADeadInstanceIsTakenDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, stop := start(t, z, "i1", "eu-id")
		a.tell(nil)
		pass(time.Minute)
		a.miss("us")
		stop()
		b, _ := start(t, z, "i2", "eu-id")
		b.tell(nil)
		h, _ := z.Beat(euBeat)
		require.True(t, h.Names("us"), "it may still be alive")
		pass(16 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.Empty(t, h.Missed, "three intervals later it is not")
		assert.Equal(t, "i2", h.Instance)
	})
}

func TestAWildcardIsNoHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Wildcard(edge.TypeTXT, `"v=spf1 -all"`)
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		_, ok := z.Beat(euBeat)
		assert.True(t, ok, "what a wildcard makes up is not there for prerequisites")
		assert.True(t, r.status().OK)
	})
}

func TestARebuiltClusterTakesItsPlaceBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		before, stop := start(t, z, "i1", "old-id")
		before.tell(nil)
		stop()
		pass(time.Minute)
		r, _ := start(t, z, "i2", "new-id")
		r.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.50") })
		assert.Equal(t, edge.ReasonGeoTagConflicted, r.status().Reason, "the other cluster may live")
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA))
		pass(22 * time.Second)
		h, _ := z.Beat(euBeat)
		assert.Equal(t, "new-id", h.ClusterID, "nothing was heard of it")
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "it would write its own back")
		pass(76 * time.Second)
		assert.True(t, r.status().OK)
		assert.Equal(t, []string{"192.0.2.1", "192.0.2.50"}, z.Get(euServer, edge.TypeA), "the old address may be a living rival's")
		pass(30 * time.Minute)
		assert.Equal(t, []string{"192.0.2.50"}, z.Get(euServer, edge.TypeA), "nobody objected")
	})
}

func TestTwoClustersWithOneGeoTagFindOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, _ := start(t, z, "i1", "first-id")
		a.tell(nil)
		pass(20 * time.Minute)
		b, _ := start(t, z, "i2", "second-id")
		b.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.50") })
		pass(2 * time.Hour)
		n := len(z.Updates())
		pass(30 * time.Minute)
		assert.LessOrEqual(t, len(z.Updates()), n+1, "they do not write over each other for ever")
		for _, r := range []*rig{a, b} {
			if s := r.status(); s.Reason != edge.ReasonGeoTagConflicted {
				continue
			}
			assert.Contains(t, r.status().Message, "first-id")
			assert.Contains(t, r.status().Message, "second-id")
		}
		assert.True(t, slices.ContainsFunc([]*rig{a, b}, func(r *rig) bool { return r.status().Reason == edge.ReasonGeoTagConflicted }))
		assert.Subset(t, z.Get(euServer, edge.TypeA), []string{"192.0.2.1"}, "the glue of the first stays")
	})
}
