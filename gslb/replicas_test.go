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

// twin is a Store of instance i1 of eu that sees app at 192.0.2.1, mark 5, and hears
// instance i2.
type twin struct {
	*gslb.Store
	t *testing.T
}

func newTwin(t *testing.T) *twin {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Instance: "i1"})
	require.NoError(t, err)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
	o := offer(app, "app", 1, "192.0.2.1")
	s.SetObject(o.Source, []*gslb.Offer{o})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced, l.Mark = true, 5 })
	run(t, s)
	settle()
	return &twin{s, t}
}

// tell hears i2 say that app is at an address.
func (w *twin) tell(mark uint64, addr string, change ...func(*gslb.Report)) {
	w.t.Helper()
	r := report("eu", "i2", mark, offer(app, "app", 1, addr))
	for _, f := range change {
		f(r)
	}
	require.NoError(w.t, w.SetReport(r))
	settle()
}

// hear keeps i2 heard for so long.
func (w *twin) hear(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		w.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "eu", ID: "id-eu", Instance: "i2", At: time.Now()})
	}
	settle()
}

func (w *twin) want(addr, leans, why string) {
	w.t.Helper()
	var at []string
	for a := range tiers(w.World().Host(app)) {
		at = append(at, a)
	}
	assert.Equal(w.t, []string{addr}, at, why)
	assert.Equal(w.t, leans, w.World().LeansOn, why)
}

func (w *twin) blind(since time.Time) {
	w.UpdateLocal(func(l *gslb.LocalState) { l.Blind = since })
	settle()
}

func TestWhoseOffersStandForOurs(t *testing.T) {
	blind := func(r *gslb.Report) { r.Blind = time.Now() }
	for _, c := range []struct {
		why   string
		story func(w *twin)
		addr  string
		leans string
	}{
		{"we see and know as much", func(w *twin) { w.tell(5, "192.0.2.2"); w.hear(time.Minute) }, "192.0.2.1", ""},
		{"behind for a moment: our event is on its way", func(w *twin) { w.tell(6, "192.0.2.2"); w.hear(8 * time.Second) }, "192.0.2.1", ""},
		{"behind for long: our watch stands still", func(w *twin) { w.tell(6, "192.0.2.2"); w.hear(12 * time.Second) }, "192.0.2.2", "i2"},
		{"the replica that knows more is blind", func(w *twin) { w.tell(6, "192.0.2.2", blind); w.hear(time.Minute) }, "192.0.2.1", ""},
		{"we are blind, the replica sees", func(w *twin) { w.tell(5, "192.0.2.2"); w.blind(time.Now()) }, "192.0.2.2", "i2"},
		{"we are blind, and it knows less: its watch stands still", func(w *twin) { w.tell(4, "192.0.2.2"); w.blind(time.Now()) }, "192.0.2.1", ""},
		{"both are blind", func(w *twin) { w.tell(9, "192.0.2.2", blind); w.blind(time.Now()) }, "192.0.2.1", ""},
		{"we are blind, and it fell silent", func(w *twin) { w.tell(5, "192.0.2.2"); w.blind(time.Now()); time.Sleep(4 * time.Second); settle() }, "192.0.2.1", ""},
		{"what it says while we are blind", func(w *twin) { w.tell(5, "192.0.2.2"); w.blind(time.Now()); w.tell(6, "192.0.2.3") }, "192.0.2.3", "i2"},
		{"we see again", func(w *twin) { w.tell(5, "192.0.2.2"); w.blind(time.Now()); w.blind(time.Time{}) }, "192.0.2.1", ""},
		{"a report of ours that comes back", func(w *twin) {
			w.blind(time.Now())
			w.tell(9, "192.0.2.2", func(r *gslb.Report) { r.Instance = "i1" })
		}, "192.0.2.1", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwin(t)
				c.story(w)
				w.want(c.addr, c.leans, c.why)
				assert.Empty(t, w.World().Cluster("eu").Conflict)
			})
		})
	}
}

func TestWhatAReplicaHearsIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwin(t)
		require.NoError(t, w.SetReport(report("us", "i9", 1, offer(app, "app", 1, "198.51.100.1"))))
		w.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "i9", At: time.Now()})
		r := report("eu", "i2", 5, offer(app, "app", 1, "192.0.2.2"))
		r.Hears = []gslb.GeoTag{"us"}
		require.NoError(t, w.SetReport(r))
		w.hear(20 * time.Second)
		us := w.World().Cluster("us")
		assert.Equal(t, gslb.Vouched, us.Liveness)
		assert.Equal(t, gslb.Witness{Kind: gslb.ThirdCluster, By: "eu"}, us.Witness, "we miss it, and another instance of ours hears it")
		r = report("eu", "i2", 6, offer(app, "app", 1, "192.0.2.2"))
		require.NoError(t, w.SetReport(r))
		settle()
		assert.Equal(t, gslb.Lost, w.World().Cluster("us").Liveness, "nobody hears it")
	})
}

func TestAHostThatTheReplicaHasNoMoreGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwin(t)
		w.blind(time.Now())
		w.tell(6, "192.0.2.2")
		w.want("192.0.2.2", "i2", "lean")
		require.NoError(t, w.SetReport(report("eu", "i2", 7, offer(gslb.MustName("new.cloud.example.com"), "new", 2, "192.0.2.9"))))
		settle()
		assert.Nil(t, w.World().Host(app))
		assert.NotNil(t, w.World().Host(gslb.MustName("new.cloud.example.com")))
		w.blind(time.Time{})
		assert.NotNil(t, w.World().Host(app), "our own knowledge is back")
		assert.Nil(t, w.World().Host(gslb.MustName("new.cloud.example.com")))
	})
}

func TestAfterARestartWithoutTheAPITheReplicaIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := before(t)
		next := restart(t, s)
		run(t, next)
		synctest.Wait()
		require.NoError(t, next.SetReport(report("eu", "i9", 100, offer(app, "app", 1, "192.0.2.77"))))
		settle()
		assert.Contains(t, tiers(next.World().Host(app)), "192.0.2.77")
		assert.NotContains(t, tiers(next.World().Host(app)), "192.0.2.1")
	})
}
