// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// beatOf writes the heartbeat of cluster us into the zone.
func beatOf(z *edgetest.Zone, counter uint64, interval time.Duration, missed ...edge.HeardKeepAlive) {
	h := edge.Heartbeat{Cluster: "us", ClusterID: "us-id", Instance: "u1", Counter: counter, Interval: interval, Missed: missed}
	z.Set(usBeat, edge.TypeTXT, h.Data())
}

// us tells the rig how far cluster us is believed.
func (r *rig) us(l gslb.Liveness) {
	r.t.Helper()
	r.tell(func(w *gslb.World) { w.Clusters[1].Liveness = l })
}

// witness starts a rig whose cluster sent keep-alives 1 to 100 by instance i1,
// the last one silence ago, and no others.
func witness(t *testing.T, z *edgetest.Zone, silence time.Duration, adjust ...func(*edge.Config)) *rig {
	t.Helper()
	last := time.Now().Add(-silence)
	adjust = append([]func(*edge.Config){func(c *edge.Config) {
		c.Sent = func(instance string, n uint64) (time.Time, bool) {
			if instance != "i1" || n == 0 || n > 100 {
				return time.Time{}, false
			}
			return last.Add(-time.Duration(100-n) * time.Second), true
		}
	}}, adjust...)
	r, _ := start(t, z, "i1", "eu-id", adjust...)
	r.tell(nil)
	r.forget()
	return r
}

func TestFirstReadingVouchesByTheKeepAliveAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		why    string
		missed []edge.HeardKeepAlive
		proves time.Duration // before now; negative: nothing
	}{
		{"our last keep-alive", "it lived 2 s after it: the alarm is raised then",
			[]edge.HeardKeepAlive{{Cluster: "eu", Instance: "i1", Number: 100}}, time.Second},
		{"an old one of ours", "a heartbeat left from an earlier alarm is worth what its age says",
			[]edge.HeardKeepAlive{{Cluster: "eu", Instance: "i1", Number: 40}}, 61 * time.Second},
		{"several of ours", "the newest counts",
			[]edge.HeardKeepAlive{{Cluster: "eu", Instance: "i1", Number: 40}, {Cluster: "eu", Instance: "i1", Number: 99}}, 2 * time.Second},
		{"one that we never sent", "made up, or of another life", []edge.HeardKeepAlive{{Cluster: "eu", Instance: "i1", Number: 101}}, -1},
		{"another instance's", "that was not us", []edge.HeardKeepAlive{{Cluster: "eu", Instance: "i9", Number: 100}}, -1},
		{"none", "it never heard us", []edge.HeardKeepAlive{{Cluster: "eu"}}, -1},
		{"of another cluster", "it misses somebody else", []edge.HeardKeepAlive{{Cluster: "ap", Instance: "i1", Number: 100}}, -1},
		{"calm", "it misses nobody", nil, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := &edgetest.Zone{}
				beatOf(z, 7, 5*time.Second, c.missed...)
				r := witness(t, z, 3*time.Second)
				r.us(gslb.Doubtful)
				got := r.seen(gslb.Heartbeat)
				if c.proves < 0 {
					assert.Empty(t, got, c.why)
					return
				}
				require.Len(t, got, 1, c.why)
				assert.Equal(t, c.proves, time.Since(got[0].At), c.why)
				assert.Equal(t, gslb.GeoTag("us"), got[0].Of)
				assert.Equal(t, 15*time.Second, got[0].ValidFor, "three intervals")
				pass(2 * time.Second)
				assert.Len(t, r.seen(gslb.Heartbeat), 1, "the same heartbeat again proves nothing new")
			})
		})
	}
}

func TestAKeepAliveOfJustNowProvesNoFuture(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		beatOf(z, 7, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100})
		r := witness(t, z, 0)
		r.us(gslb.Doubtful)
		require.Len(t, r.seen(gslb.Heartbeat), 1)
		assert.Zero(t, time.Since(r.seen(gslb.Heartbeat)[0].At))
	})
}

// A process that goes on after it was frozen raises its alarm with a keep-alive that
// it heard at the same moment: if it dies then, that alarm proves nothing more.
func TestAnAlarmProvesNoMoreLifeThanItTells(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		beatOf(z, 7, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100, Age: 300 * time.Millisecond})
		r := witness(t, z, 3*time.Second)
		r.us(gslb.Doubtful)
		require.Len(t, r.seen(gslb.Heartbeat), 1)
		assert.Equal(t, 2700*time.Millisecond, time.Since(r.seen(gslb.Heartbeat)[0].At), "the keep-alive was sent 3 s ago")
	})
}

func TestAMovingCounterGoesOnVouching(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		missed := edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100}
		r := witness(t, z, 3*time.Second)
		beatOf(z, 7, 5*time.Second, missed)
		r.us(gslb.Doubtful)
		pass(1100 * time.Millisecond)
		r.us(gslb.Vouched)
		r.forget()
		for n := uint64(8); n < 20; n++ {
			pass(5 * time.Second)
			beatOf(z, n, 5*time.Second, missed)
		}
		pass(2 * time.Second)
		got := r.seen(gslb.Heartbeat)
		assert.Len(t, got, 12, "each beat vouches once, an hour after the keep-alive as well")
		assert.LessOrEqual(t, time.Since(got[11].At), 3*time.Second, "the reading before the beat is what is proven")
		beatOf(z, 20, 24*time.Hour, missed)
		pass(2 * time.Second)
		got = r.seen(gslb.Heartbeat)
		assert.Equal(t, 3*time.Minute, got[len(got)-1].ValidFor, "an interval that is stated too long is not believed")
	})
}

// twoServers is a zone with two servers, of which the second has an old copy.
type twoServers struct {
	*edgetest.Zone
	old    *edgetest.Zone
	second atomic.Bool // it answers; the first does not
}

func (s *twoServers) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	if !s.second.Load() {
		return s.Zone.Lookup(ctx, q)
	}
	a, err := s.old.Lookup(ctx, q)
	a.Server = "second." + edgetest.Server
	return a, err
}

// A server that comes and goes, beside one that lags behind, makes no heartbeat move.
func TestAnOldHeartbeatOfAnotherServerDoesNotMove(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &twoServers{Zone: &edgetest.Zone{}, old: &edgetest.Zone{}}
		missed := edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100}
		beatOf(z.old, 7, 5*time.Second, missed)
		beatOf(z.Zone, 8, 5*time.Second, missed)
		r := witness(t, z.Zone, 3*time.Second, func(c *edge.Config) { c.Publisher = z })
		r.us(gslb.Doubtful)
		pass(1100 * time.Millisecond)
		begin := time.Now().Add(-1100 * time.Millisecond)
		require.NotEmpty(t, r.seen(gslb.Heartbeat))
		for n := range 10 {
			z.second.Store(n%2 == 0)
			pass(6 * time.Second)
		}
		for _, s := range r.seen(gslb.Heartbeat) {
			assert.True(t, s.At.Before(begin), "what both servers tell was so when it was read first")
		}
		z.second.Store(false)
		beatOf(z.Zone, 9, 5*time.Second, missed)
		pass(6 * time.Second)
		got := r.seen(gslb.Heartbeat)
		assert.True(t, got[len(got)-1].At.After(begin), "the counter moved on one server")
	})
}

// A process that starts while a link is cut has sent no keep-alive that the other could
// name: what the other heard is of the instance before, and each of its beats shows that it
// lives. The first one has an interval to come.
func TestAfterOurRestartAnAlarmThatGoesOnVouches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		missed := edge.HeardKeepAlive{Cluster: "eu", Instance: "i0", Number: 100}
		beatOf(z, 7, 5*time.Second, missed)
		r := witness(t, z, 3*time.Second)
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Clusters[1].Restored = gslb.Doubtful, true })
		got := r.seen(gslb.Heartbeat)
		require.Len(t, got, 1)
		assert.Zero(t, time.Since(got[0].At))
		assert.Equal(t, 6*time.Second, got[0].ValidFor, "until the next beat has to be there")
		pass(4 * time.Second)
		assert.Len(t, r.seen(gslb.Heartbeat), 1, "the same heartbeat again proves nothing new")
		beatOf(z, 8, 5*time.Second, missed)
		pass(time.Second)
		got = r.seen(gslb.Heartbeat)
		require.Len(t, got, 2)
		assert.Equal(t, 15*time.Second, got[1].ValidFor)
		assert.LessOrEqual(t, time.Since(got[1].At), 1500*time.Millisecond, "the reading before the beat is what is proven")
	})
}

// The other side of that: who was vouched for starts again and has heard nothing of us, and
// its counter goes on.
func TestAnAlarmThatGoesOnAfterItsAuthorsRestartVouches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		beatOf(z, 7, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100})
		r := witness(t, z, 3*time.Second)
		r.us(gslb.Doubtful)
		pass(time.Second)
		r.us(gslb.Vouched)
		r.forget()
		beatOf(z, 8, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu"})
		pass(2 * time.Second)
		require.Len(t, r.seen(gslb.Heartbeat), 1)
		beatOf(z, 3, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu"})
		pass(2 * time.Second)
		assert.Len(t, r.seen(gslb.Heartbeat), 1, "a zone restored from a backup proves nothing")
		beatOf(z, 4, 3600*time.Second)
		pass(2 * time.Second)
		assert.Len(t, r.seen(gslb.Heartbeat), 1, "nor does one that misses nobody")
	})
}

func TestAfterAnOutageTheKeepAliveProvesMoreThanTheLastReading(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r := witness(t, z, 0, func(c *edge.Config) {
			last := time.Now().Add(57 * time.Second)
			c.Sent = func(string, uint64) (time.Time, bool) { return last, true }
		})
		beatOf(z, 7, 5*time.Second)
		r.us(gslb.Doubtful)
		z.Break(edgetest.Trouble{Down: true})
		pass(time.Minute)
		z.Break(edgetest.Trouble{})
		beatOf(z, 8, 5*time.Second, edge.HeardKeepAlive{Cluster: "eu", Instance: "i1", Number: 100})
		pass(time.Second)
		got := r.seen(gslb.Heartbeat)
		require.NotEmpty(t, got)
		assert.Less(t, time.Since(got[0].At), 3*time.Second)
	})
}

func TestHeartbeatsThatDoNotCount(t *testing.T) {
	missed := []edge.HeardKeepAlive{{Cluster: "eu", Instance: "i1", Number: 100}}
	for name, h := range map[string]edge.Heartbeat{
		"of another cluster id":  {Cluster: "us", ClusterID: "other", Instance: "u1", Counter: 1, Interval: time.Second, Missed: missed},
		"under another geo tag":  {Cluster: "ap", ClusterID: "us-id", Instance: "u1", Counter: 1, Interval: time.Second, Missed: missed},
		"that is no heartbeat":   {},
		"of nobody that we miss": {Cluster: "us", ClusterID: "us-id", Instance: "u1", Counter: 1, Interval: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := &edgetest.Zone{}
				z.Set(usBeat, edge.TypeTXT, h.Data())
				r := witness(t, z, 3*time.Second)
				r.us(gslb.Doubtful)
				pass(2 * time.Second)
				assert.Empty(t, r.seen(gslb.Heartbeat))
				assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "but the edge answered")
			})
		})
	}
}

func TestReadingPace(t *testing.T) {
	for _, c := range []struct {
		liveness gslb.Liveness
		others   bool
		reads    int // in 10 s
	}{
		{gslb.Doubtful, false, 41},
		{gslb.Vouched, true, 11},
		{gslb.Lost, false, 12}, // one more by the delegator, which has to know that it stands still
		{gslb.Lost, true, 4},
		{gslb.Fresh, false, 0},
		{gslb.Unheard, false, 0},
		{gslb.Left, false, 0},
	} {
		t.Run(c.liveness.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := &edgetest.Zone{}
				r := witness(t, z, 3*time.Second)
				if c.others {
					r.tell(func(w *gslb.World) {
						w.Clusters = append(w.Clusters, gslb.Cluster{Tag: "za", Liveness: gslb.Fresh})
					})
				}
				n := len(z.Lookups())
				r.us(c.liveness)
				pass(10 * time.Second)
				reads := 0
				for _, l := range z.Lookups()[n:] {
					if l.Query.Name.String() == usBeat {
						reads++
					}
				}
				assert.Equal(t, c.reads, reads)
			})
		})
	}
}

func TestOutsideIsSeenOftenEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r := witness(t, z, 3*time.Second)
		for _, l := range []gslb.Liveness{gslb.Doubtful, gslb.Vouched, gslb.Lost} {
			r.us(l)
			for range 10 {
				r.forget()
				pass(1999 * time.Millisecond)
				assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "isolation is measured by an answer within 2 s, also while %s", l)
			}
		}
		z.Break(edgetest.Trouble{Refuse: "REFUSED"})
		r.forget()
		pass(2 * time.Second)
		assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "a refusal is an answer")
		z.Break(edgetest.Trouble{Down: true})
		r.forget()
		pass(2 * time.Second)
		assert.Empty(t, r.seen(gslb.OutsideSeen))
	})
}

func TestAnchorsAreAskedWhenTheEdgeIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Set(edgeName, edge.TypeNS, "ns.example.com.", "ns.elsewhere.example.")
		z.Set("ns.example.com", edge.TypeA, "192.0.2.53")
		var asked atomic.Int64
		answers := map[string]bool{"203.0.113.1:53": true}
		zones := make(chan string, 1000)
		r := witness(t, z, 3*time.Second, func(c *edge.Config) {
			c.Anchors = []string{"203.0.113.1", "[2001:db8::7]:5353"}
			c.Ask = func(_ context.Context, server string, zone gslb.Name) error {
				asked.Add(1)
				zones <- server + " " + zone.String()
				if answers[server] {
					return nil
				}
				return errors.New("silence")
			}
		})
		pass(time.Minute)
		assert.Zero(t, asked.Load(), "calm: nobody is bothered")

		r.us(gslb.Doubtful)
		pass(10 * time.Second)
		assert.LessOrEqual(t, asked.Load(), int64(3), "the edge itself answers: that is enough")

		z.Break(edgetest.Trouble{Down: true})
		pass(time.Second)
		for len(zones) > 0 {
			<-zones
		}
		r.forget()
		asked.Store(0)
		pass(10 * time.Second)
		assert.GreaterOrEqual(t, len(r.seen(gslb.OutsideSeen)), 10)
		assert.GreaterOrEqual(t, asked.Load(), int64(30), "three servers, once a second")
		got := map[string]bool{}
		for len(zones) > 0 {
			got[<-zones] = true
		}
		assert.Equal(t, map[string]bool{"203.0.113.1:53 ": true, "[2001:db8::7]:5353 ": true, "192.0.2.53:53 example.com": true}, got,
			"anchors by the root, servers of the edge zone by that zone")

		asked.Store(0)
		r.us(gslb.Fresh)
		pass(10 * time.Second)
		assert.Zero(t, asked.Load())
	})
}
