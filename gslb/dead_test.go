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

// watched is a Store of eu that hears us (and tells what us finds lost) and once heard ap.
type watched struct {
	*gslb.Store
	t    *testing.T
	mark uint64
	lost []gslb.GeoTag // as us reports
}

func newWatched(t *testing.T, c gslb.Config) *watched {
	t.Helper()
	c.Self, c.ClusterID = "eu", "id-eu"
	s, err := gslb.NewStore(c)
	require.NoError(t, err)
	w := &watched{Store: s, t: t}
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30, SplitBrain: time.Minute}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	run(t, s)
	w.tell("ap")
	w.tell("us")
	return w
}

// tell hears a cluster with a report.
func (w *watched) tell(tag gslb.GeoTag) {
	w.t.Helper()
	w.mark++
	r := report(tag, "i-"+string(tag), w.mark)
	ns, err := gslb.NameServerName(tag, zone, edge)
	require.NoError(w.t, err)
	r.NameServers = []gslb.NameServer{{Cluster: tag, Name: ns}}
	if tag == "us" {
		r.Lost = w.lost
	}
	require.NoError(w.t, w.SetReport(r))
	w.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: r.Instance, At: time.Now()})
	synctest.Wait()
}

// pass lets time go by in which us is heard.
func (w *watched) pass(d time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		w.tell("us")
	}
	settle()
}

func (w *watched) dead() []gslb.GeoTag { return w.World().Zone(zone).Dead }

func (w *watched) servers() []gslb.GeoTag {
	var out []gslb.GeoTag
	for _, ns := range w.World().Zone(zone).NameServers {
		out = append(out, ns.Cluster)
	}
	return out
}

func TestAClusterIsDeadWhenAllAgreeForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{})
		w.lost = []gslb.GeoTag{"ap"}
		w.pass(30 * time.Second)
		require.Equal(t, gslb.Lost, w.World().Cluster("ap").Liveness)
		assert.Empty(t, w.dead(), "not for long enough")
		assert.Equal(t, []gslb.GeoTag{"ap", "eu", "us"}, w.servers())
		assert.Equal(t, []gslb.GeoTag{"ap"}, w.World().OwnReport(zone).Lost, "the others are told")
		w.pass(40 * time.Second)
		assert.Equal(t, []gslb.GeoTag{"ap"}, w.dead())
		assert.Equal(t, []gslb.GeoTag{"eu", "us"}, w.servers(), "nor does the zone name its server any more")
		serial := w.World().Zone(zone).Serial
		w.tell("ap")
		w.pass(2 * time.Second)
		assert.Empty(t, w.dead(), "it returned")
		assert.Equal(t, []gslb.GeoTag{"ap", "eu", "us"}, w.servers())
		assert.Positive(t, int32(w.World().Zone(zone).Serial-serial))
	})
}

func TestAClusterThatSomebodyHearsIsNotDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{})
		w.pass(5 * time.Minute)
		assert.Equal(t, gslb.Lost, w.World().Cluster("ap").Liveness)
		assert.Empty(t, w.dead(), "us does not find it lost")
		w.lost = []gslb.GeoTag{"ap"}
		w.pass(time.Second)
		assert.Equal(t, []gslb.GeoTag{"ap"}, w.dead(), "now it does")
	})
}

func TestOfTwoClustersOneCanBeDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{})
		time.Sleep(70 * time.Second)
		synctest.Wait()
		assert.Equal(t, []gslb.GeoTag{"ap", "us"}, w.dead(), "nobody else is heard, and nothing says that we are the ones cut off")
		assert.Equal(t, []gslb.GeoTag{"eu"}, w.servers(), "ours is never taken away")
	})
}

func TestNobodyIsDeadWhileWeAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{MeasuresOutside: true})
		time.Sleep(time.Hour)
		synctest.Wait()
		require.False(t, w.World().Isolated.IsZero())
		assert.Empty(t, w.dead())
	})
}

func TestTheZoneSaysHowLongACutOffClusterKeepsItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{MeasuresOutside: true}) // the zone says a minute
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.False(t, w.World().Isolated.IsZero())
		assert.Equal(t, gslb.Vouched, w.World().Cluster("ap").Liveness)
		assert.True(t, w.World().KeepsAnswers())
		assert.Equal(t, time.Minute, w.World().IsolatedUntil.Sub(w.World().Isolated))
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.False(t, w.World().KeepsAnswers(), "its time is over")
		assert.Equal(t, gslb.Lost, w.World().Cluster("ap").Liveness, "and not the five minutes of zones that do not say")
		assert.Empty(t, w.dead())
	})
}

func TestAClusterThatLeftIsDeadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, gslb.Config{})
		w.mark++
		r := report("ap", "i-ap", w.mark)
		r.Announcement = gslb.Leaving
		require.NoError(t, w.SetReport(r))
		settle()
		assert.Equal(t, []gslb.GeoTag{"ap"}, w.dead())
	})
}

func TestOtherThresholdsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := gslb.DefaultTiming()
		timing.Alarm, timing.Lease, timing.Decide = 4*time.Second, 6*time.Second, 9*time.Second
		w := newWatched(t, gslb.Config{Timing: timing})
		for _, c := range []struct {
			after time.Duration // silence of ap, us goes on
			want  gslb.Liveness
			alarm bool
		}{{3 * time.Second, gslb.Fresh, false}, {5 * time.Second, gslb.Fresh, true}, {7 * time.Second, gslb.Doubtful, true}, {10 * time.Second, gslb.Lost, true}} {
			w.tell("ap")
			w.pass(c.after)
			assert.Equal(t, c.want, w.World().Cluster("ap").Liveness, "after %s", c.after)
			assert.Equal(t, c.alarm, len(w.World().Alarm.Missed) > 0, "after %s", c.after)
		}
	})
}
