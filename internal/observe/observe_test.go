// SPDX-License-Identifier: Apache-2.0

package observe_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/observe"
)

func TestAnswersThatChangeAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.set("a.example.com", "192.0.2.1")
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		s.settle()
		assert.Empty(t, s.log.take(), "a start is no change")
		assert.EqualValues(t, 1, s.value("meridian_gslb_hosts", "state=healthy"))
		assert.EqualValues(t, 0, s.value("meridian_gslb_hosts", "state=unhealthy"))
		assert.EqualValues(t, 0, s.value("meridian_gslb_convergence_seconds", "source=local"))

		s.set("a.example.com", "192.0.2.2", "192.0.2.1")
		s.settle()
		s.store.SetObject(gslb.Source{Kind: "Gslb", Name: "a.example.com"}, nil)
		s.settle()
		s.set("a.example.com")
		s.settle()
		assert.Equal(t, []string{
			`level=INFO msg="answer changed" host=a.example.com before=192.0.2.1 after="192.0.2.1 192.0.2.2" reason=AllHealthyClusters`,
			`level=INFO msg="answer changed" host=a.example.com before="192.0.2.1 192.0.2.2" after="" reason=NotOffered`,
		}, s.log.take(), "an offer without entries changes no address")
		assert.EqualValues(t, 1, s.value("meridian_gslb_hosts", "state=unhealthy"))
		assert.EqualValues(t, 1, s.value("meridian_gslb_answers", "reason=NothingCanServe"))
		assert.EqualValues(t, 2, s.value("meridian_gslb_answer_changes_total"))
		assert.EqualValues(t, 3, s.value("meridian_gslb_convergence_seconds", "source=local"))
	})
}

func TestMassesOfChangesAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		s.settle()
		for i := range 100 {
			s.set(fmt.Sprintf("h%d.example.com", i), "192.0.2.1")
		}
		s.settle()
		assert.Len(t, s.log.take(), 20)
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{`level=INFO msg="more answers changed" count=80`}, s.log.take())
		assert.EqualValues(t, 100, s.value("meridian_gslb_answer_changes_total"))
		s.set("h1.example.com", "192.0.2.7")
		s.settle()
		assert.Len(t, s.log.take(), 1, "the next window has room again")
	})
}

func TestClustersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := offer("a.example.com", "198.51.100.1")
		require.NoError(t, s.store.SetReport(&gslb.Report{
			Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: gslb.MustName("example.com"), Mark: 7, Blind: time.Now(),
			Offers: map[gslb.Name]*gslb.Offer{o.Host: o},
		}))
		s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		s.settle()
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		s.settle()
		assert.Equal(t, []string{`level=INFO msg="liveness of a cluster changed" peer=us liveness=fresh before=unheard`}, s.log.take())
		assert.EqualValues(t, 1, s.value("meridian_gslb_cluster_liveness", "geo_tag=us", "liveness=fresh"))
		assert.EqualValues(t, 7, s.value("meridian_gslb_cluster_mark", "geo_tag=us"))
		assert.EqualValues(t, 1, s.value("meridian_gslb_cluster_blind", "geo_tag=us"))
		assert.EqualValues(t, 0, s.value("meridian_gslb_cluster_blind", "geo_tag=eu"))
		assert.EqualValues(t, 1, s.value("meridian_gslb_ready"))

		time.Sleep(3500 * time.Millisecond)
		s.store.Sight(gslb.Sighting{Kind: gslb.SignedBadTime, Of: "us", At: time.Now()})
		time.Sleep(1500 * time.Millisecond)
		assert.EqualValues(t, 1, s.value("meridian_gslb_cluster_witness", "geo_tag=us", "witness=signedBadTime"))
		assert.EqualValues(t, 1, s.value("meridian_gslb_missed_clusters"))
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{
			`level=WARN msg="liveness of a cluster changed" peer=us liveness=doubtful before=fresh`,
			`level=WARN msg="liveness of a cluster changed" witness=signedBadTime peer=us liveness=vouched before=doubtful`,
			`level=WARN msg="liveness of a cluster changed" peer=us liveness=lost before=vouched`,
		}, s.log.take())
		assert.EqualValues(t, 1, s.value("meridian_gslb_liveness_changes_total", "geo_tag=us", "liveness=lost"))
		assert.EqualValues(t, 1, s.value("meridian_gslb_hosts", "state=lost"), "the last resort")
		problems, err := testutil.GatherAndLint(s.reg)
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}

func TestAClusterThatIsHeardAndNotReadIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		calls := func() {
			for range 20 {
				s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()})
				time.Sleep(500 * time.Millisecond)
			}
		}
		calls()
		assert.EqualValues(t, 1, s.value("meridian_gslb_cluster_unread", "geo_tag=us"))
		assert.EqualValues(t, 0, s.value("meridian_gslb_cluster_unread", "geo_tag=eu"))
		lines := strings.Join(s.log.take(), "\n")
		assert.Equal(t, 1, strings.Count(lines, "a cluster is heard and its report is not read"), "once: %s", lines)
		assert.Contains(t, lines, "peer=us")
		require.NoError(t, s.store.SetReport(&gslb.Report{Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: gslb.MustName("example.com")}))
		s.settle()
		assert.EqualValues(t, 0, s.value("meridian_gslb_cluster_unread", "geo_tag=us"))
		assert.Contains(t, strings.Join(s.log.take(), "\n"), "the report of a cluster is read again")
	})
}

// A table that cannot be built makes its inputs wait for the next.
func TestConvergenceGoesOnOverAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		c, err := observe.NewConvergence(reg)
		require.NoError(t, err)
		w := &gslb.World{Ready: true}
		w.Arrivals[gslb.PeerInput] = time.Now()
		c.Published(&gslb.World{Ready: true}) // the start
		c.Failed(w)
		time.Sleep(2 * time.Second)
		c.Published(&gslb.World{Ready: true})
		c.Published(&gslb.World{Ready: true})
		families, err := reg.Gather()
		require.NoError(t, err)
		for _, m := range families[0].GetMetric() {
			if m.GetLabel()[0].GetValue() == "peer" {
				assert.EqualValues(t, 1, m.GetHistogram().GetSampleCount())
				assert.InDelta(t, 2, m.GetHistogram().GetSampleSum(), 0)
			} else {
				assert.Zero(t, m.GetHistogram().GetSampleCount())
			}
		}
	})
}

func TestMassRemovalIsToldAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, reg: prometheus.NewRegistry()}
		var err error
		s.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id", RemovalHold: time.Minute})
		require.NoError(t, err)
		s.observe()
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		for i := range 12 {
			s.set(fmt.Sprintf("app%d.example.com", i), "192.0.2.1")
		}
		s.settle()
		assert.Zero(t, s.value("meridian_gslb_held_hosts", "geo_tag=eu"))
		s.log.take()
		for i := range 12 {
			s.store.SetObject(gslb.Source{Kind: "Gslb", Name: fmt.Sprintf("app%d.example.com", i)}, nil)
		}
		s.settle()
		assert.InDelta(t, 12, s.value("meridian_gslb_held_hosts", "geo_tag=eu"), 0)
		told := s.log.take()
		require.Len(t, told, 1, "once, and nothing of answers, because none changed")
		assert.Contains(t, told[0], "level=ERROR")
		assert.Contains(t, told[0], "vanished=12 hold=1m0s")
		time.Sleep(time.Minute)
		s.settle()
		assert.Contains(t, strings.Join(s.log.take(), "\n"), "no vanished hosts are kept any more")
	})
}

func TestProbesThatAreNotBelievedAreToldAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, reg: prometheus.NewRegistry()}
		var err error
		s.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id", RemovalHold: time.Minute})
		require.NoError(t, err)
		s.observe()
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		probe := func(h gslb.Health) {
			for i := range 12 {
				s.store.SetVerdict(gslb.Verdict{Host: gslb.MustName(fmt.Sprintf("app%d.example.com", i)), Addr: netip.MustParseAddr("192.0.2.1"), Health: h})
			}
			s.settle()
		}
		for i := range 12 {
			o := offer(fmt.Sprintf("app%d.example.com", i), "192.0.2.1")
			o.Check = &gslb.Check{Kind: gslb.CheckHTTP, Interval: time.Second}
			s.store.SetObject(o.Source, []*gslb.Offer{o})
		}
		probe(gslb.Healthy)
		assert.Zero(t, s.value("meridian_gslb_probes_held_hosts"))
		s.log.take()
		probe(gslb.Unhealthy)
		assert.InDelta(t, 12, s.value("meridian_gslb_probes_held_hosts"), 0)
		told := s.log.take()
		require.Len(t, told, 1, "once, and nothing of answers, because none changed")
		assert.Contains(t, told[0], "level=ERROR")
		assert.Contains(t, told[0], "count=12 hold=1m0s")
		probe(gslb.Healthy)
		assert.Contains(t, strings.Join(s.log.take(), "\n"), "no health is kept against probes any more")
		assert.Zero(t, s.value("meridian_gslb_probes_held_hosts"))
	})
}

func TestHostsThatWaitAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		set := func(h gslb.Health, delay time.Duration) {
			o := offer("app.example.com", "192.0.2.1")
			o.Entries[0].Health, o.Policy.ReturnDelay = h, delay
			s.store.SetObject(o.Source, []*gslb.Offer{o})
			s.settle()
		}
		set(gslb.Healthy, time.Minute)
		assert.Zero(t, s.value("meridian_gslb_returning_hosts"))
		set(gslb.Unhealthy, time.Minute)
		set(gslb.Healthy, time.Minute)
		assert.InDelta(t, 1, s.value("meridian_gslb_returning_hosts"), 0)
		for range 2 {
			set(gslb.Unhealthy, 0)
			set(gslb.Healthy, 0)
		}
		assert.InDelta(t, 1, s.value("meridian_gslb_flapping_hosts"), 0)
		assert.Zero(t, s.value("meridian_gslb_returning_hosts"))
	})
}

// TestStaticRecordsThatAreNotServedAreTold: when that begins, changes and ends.
func TestStaticRecordsThatAreNotServedAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		zone := gslb.MustName("example.com")
		set := func(records ...gslb.Record) []string {
			s.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: gslb.MustName("com"), Records: records}})
			time.Sleep(time.Second)
			synctest.Wait()
			return slices.DeleteFunc(s.log.take(), func(l string) bool { return !strings.Contains(l, "static record") })
		}
		s.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		cname := gslb.Record{Name: gslb.MustName("www.example.com"), Type: 5, Data: "a.example.net."}
		txt := gslb.Record{Name: cname.Name, Type: 16, Data: `"x"`}
		assert.Empty(t, set(cname))
		assert.Equal(t, []string{`level=WARN msg="static records are not served" zone=example.com count=1 name=www.example.com reason=CNAMEBesideData do="condition RecordsServed of the ZoneDelegation has them; meridian check finds them in files"`}, set(cname, txt))
		assert.NoError(t, testutil.GatherAndCompare(s.reg, strings.NewReader(`# HELP meridian_gslb_record_conflicts Static record sets of a zone that are not served because they break a rule or contradict others.
# TYPE meridian_gslb_record_conflicts gauge
meridian_gslb_record_conflicts{zone="example.com"} 1
`), "meridian_gslb_record_conflicts"))
		assert.Empty(t, set(cname, txt, gslb.Record{Name: gslb.MustName("other.example.com"), Type: 16, Data: `"y"`}), "told once")
		assert.Equal(t, []string{`level=INFO msg="every static record is served again" zone=example.com`}, set(txt))
	})
}

// settle lets the Store take what it was given, in virtual time.
func (s *site) settle() { time.Sleep(60 * time.Millisecond) }
