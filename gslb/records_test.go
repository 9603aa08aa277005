// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

const (
	typA, typNS, typTXT = 1, 2, 16
)

func rec(name string, typ uint16, data string) gslb.Record {
	return gslb.Record{Name: gslb.MustName(name + ".cloud.example.com"), Type: typ, TTL: 300, Data: data}
}

// setRecords gives the zone static records of this cluster.
func setRecords(s *gslb.Store, records ...gslb.Record) {
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30, Records: records}})
}

// static writes what is served and what is not, in one line each.
func static(s *gslb.Store) []string {
	var out []string
	r := s.World().Zone(zone).Static
	if r == nil {
		return nil
	}
	for _, set := range r.Sets {
		out = append(out, fmt.Sprintf("%s %d %v %v", set.Name, set.Type, set.Data, set.Clusters))
	}
	for _, c := range r.Conflicts {
		out = append(out, fmt.Sprintf("%s %d %s %v", c.Name, c.Type, c.Reason, c.Clusters))
	}
	return out
}

func TestRecordsOfAPeerStayWhileItIsLostAndGoWhenItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		setRecords(s, rec("www", typTXT, `"eu"`))
		r := report("us", "a", 1)
		r.Records = []gslb.Record{rec("www", typTXT, `"us"`)}
		require.NoError(t, s.SetReport(r))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		both := []string{`www.cloud.example.com 16 ["eu" "us"] [eu us]`}
		assert.Equal(t, both, static(s))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		assert.Equal(t, both, static(s), "silence changes no record")
		bye := report("us", "a", 2)
		bye.Records, bye.Announcement = r.Records, gslb.Leaving
		require.NoError(t, s.SetReport(bye))
		settle()
		assert.Equal(t, []string{`www.cloud.example.com 16 ["eu"] [eu]`}, static(s), "who leaves takes its records along")
	})
}

// TestHostsThatComeAndGoMoveTheRecordsAtOnce: in the World in which the host is.
func TestHostsThatComeAndGoMoveTheRecordsAtOnce(t *testing.T) {
	for _, c := range []struct {
		why    string
		record gslb.Record
		host   string
		there  string
		gone   string
	}{
		{"at the record's name", rec("app", typA, "192.0.2.9"), "app.cloud.example.com", "app.cloud.example.com 1 AtHost [eu]", "app.cloud.example.com 1 [192.0.2.9] [eu]"},
		{"below a delegation", rec("d", typNS, "ns.example.net."), "a.b.d.cloud.example.com", "d.cloud.example.com 2 AboveHost [eu]", "d.cloud.example.com 2 [ns.example.net.] [eu]"},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				var mu sync.Mutex
				var seen []string
				s.OnWorld(func(w *gslb.World) {
					host := w.Host(gslb.MustName(c.host)) != nil
					records := w.Zone(zone).Static
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, fmt.Sprintf("%v/%v", host, records != nil && len(records.Conflicts) > 0))
				})
				run(t, s)
				setRecords(s, c.record)
				settle()
				require.Equal(t, []string{c.gone}, static(s))
				time.Sleep(2 * time.Second)
				before := s.World().Zone(zone).Serial
				o := offer(gslb.MustName(c.host), "app", 1, "192.0.2.1")
				s.SetObject(o.Source, []*gslb.Offer{o})
				settle()
				assert.Equal(t, []string{c.there}, static(s))
				came := s.World().Zone(zone).Serial
				assert.Greater(t, came, before, "the content changed")
				time.Sleep(2 * time.Second)
				s.SetObject(o.Source, nil)
				settle()
				assert.Equal(t, []string{c.gone}, static(s))
				assert.Greater(t, s.World().Zone(zone).Serial, came)
				mu.Lock()
				defer mu.Unlock()
				for _, pair := range seen {
					assert.Contains(t, []string{"true/true", "false/false"}, pair, "no World has the host and the record")
				}
				assert.GreaterOrEqual(t, len(seen), 2)
			})
		})
	}
}

// TestADelegationAboveAHostOfAnotherZone: a name further down may be delegated back to
// us; its hosts are not this zone's to hide.
func TestADelegationAboveAHostOfAnotherZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		inner := gslb.MustName("inner.d.cloud.example.com")
		s.SetZones([]gslb.ZoneIntent{
			{Zone: zone, EdgeZone: edge, Records: []gslb.Record{rec("d", typNS, "ns.example.net.")}},
			{Zone: inner, EdgeZone: gslb.MustName("d.cloud.example.com")},
		})
		o := offer(gslb.MustName("app.inner.d.cloud.example.com"), "app", 1, "192.0.2.1")
		s.SetObject(o.Source, []*gslb.Offer{o})
		settle()
		require.Equal(t, inner, s.World().Host(o.Host).Zone)
		assert.Equal(t, []string{"d.cloud.example.com 2 [ns.example.net.] [eu]"}, static(s))
		setRecords(s, rec("d", typNS, "ns.example.net."))
		settle()
		assert.Equal(t, []string{"d.cloud.example.com 2 AboveHost [eu]"}, static(s), "the host belongs to this zone now")
	})
}

// TestRecordsAreTheSameWhileNothingMoves: the table compares by pointer.
func TestRecordsAreTheSameWhileNothingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		setRecords(s, rec("www", typTXT, `"eu"`))
		r := report("us", "a", 1)
		r.Records = []gslb.Record{rec("www", typTXT, `"us"`)}
		require.NoError(t, s.SetReport(r))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		time.Sleep(2 * time.Second) // a serial that moved at once moves again a second later
		synctest.Wait()
		was, serial := s.World().Zone(zone).Static, s.World().Zone(zone).Serial
		again := report("us", "a", 2)
		again.Records = slices.Clone(r.Records)
		require.NoError(t, s.SetReport(again))
		s.SetChallenges([]gslb.Record{rec("www", typTXT, `"eu"`)}) // what is static already
		settle()
		assert.Same(t, was, s.World().Zone(zone).Static, "the same was said in other words")
		assert.Equal(t, serial, s.World().Zone(zone).Serial, "and secondaries need not be told")
		assert.Len(t, s.World().OwnHeader(zone).Challenges, 1, "but the other clusters are")
		o := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(o.Source, []*gslb.Offer{o})
		settle()
		assert.Same(t, was, s.World().Zone(zone).Static, "the host stands elsewhere")
	})
}

// TestTwoClustersHoldChallenges: both renew at once, one ends first.
func TestTwoClustersHoldChallenges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		token := func(v string) gslb.Record { return rec("_acme-challenge.app", typTXT, v) }
		r := report("us", "a", 1)
		r.Challenges = []gslb.Record{token(`"of us"`)}
		require.NoError(t, s.SetReport(r))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		s.SetChallenges([]gslb.Record{token(`"of eu"`), {Name: gslb.MustName("_acme-challenge.example.org"), Type: typTXT, Data: `"no zone of ours"`}})
		settle()
		assert.Equal(t, []string{`_acme-challenge.app.cloud.example.com 16 ["of eu" "of us"] [eu us]`}, static(s))
		assert.Equal(t, []gslb.Record{token(`"of eu"`)}, s.World().OwnHeader(zone).Challenges, "only ours are ours to tell")
		s.SetChallenges(nil)
		settle()
		assert.Equal(t, []string{`_acme-challenge.app.cloud.example.com 16 ["of us"] [us]`}, static(s), "the other's part stays")
		require.NoError(t, s.SetReport(report("us", "a", 2)))
		settle()
		assert.Nil(t, s.World().Zone(zone).Static)
	})
}

// TestClustersComeToTheSameRecords: three clusters tell each other; each makes the same of it.
func TestClustersComeToTheSameRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tags := []gslb.GeoTag{"ap", "eu", "us"}
		records := map[gslb.GeoTag][]gslb.Record{
			"ap": {rec("c", 5, "b.example.net."), rec("app", typTXT, `"x"`)},
			"eu": {rec("c", 5, "a.example.net."), rec("d", typNS, "ns.d.cloud.example.com."), rec("ns.d", typA, "192.0.2.1")},
			"us": {rec("app", typA, "192.0.2.2"), rec("x.d", typTXT, `"hidden"`), rec("c", 5, "a.example.net.")},
		}
		stores := make(map[gslb.GeoTag]*gslb.Store)
		for _, tag := range tags {
			s, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "id-" + string(tag)})
			require.NoError(t, err)
			setRecords(s, records[tag]...)
			s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
			run(t, s)
			stores[tag] = s
		}
		o := offer(app, "app", 1, "192.0.2.1")
		stores["eu"].SetObject(o.Source, []*gslb.Offer{o})
		settle()
		for _, from := range tags {
			for _, to := range tags {
				r := stores[from].World().OwnReport(zone)
				r.Instance = "a"
				if from != to {
					require.NoError(t, stores[to].SetReport(r))
				}
			}
		}
		settle()
		want := stores["eu"].World().Zone(zone).Static
		require.NotNil(t, want)
		assert.Len(t, want.Sets, 4)
		assert.Len(t, want.Conflicts, 3)
		for _, tag := range tags {
			assert.Equal(t, want, stores[tag].World().Zone(zone).Static, "on %s", tag)
		}
	})
}
