// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// unsigned is what is made of the answers of a cluster that runs k8gb.
func unsigned(offers ...*gslb.Offer) *gslb.Report {
	r := report("us", "k8gb", 0, offers...)
	r.ClusterID, r.Hears, r.K8gb = "k8gb-us", nil, true
	for _, o := range offers {
		o.PolicyUnknown, o.Policy, o.Created = true, gslb.Policy{}, time.Time{}
	}
	return r
}

func hearK8gb(s *gslb.Store) {
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", ID: "k8gb-us", Instance: "k8gb", At: time.Now()})
}

// keepHearing lets time pass in which the cluster that runs k8gb answers.
func keepHearing(s *gslb.Store, d time.Duration) {
	for range int(d / time.Second) {
		hearK8gb(s)
		time.Sleep(time.Second)
	}
	settle()
}

func TestK8gbOffersAddressesAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		other := gslb.MustName("other.cloud.example.com")
		own := offer(app, "app", 10, "192.0.2.1")
		own.Policy = gslb.Policy{Strategy: gslb.Failover, Primary: "us", TTL: 5}
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		require.NoError(t, s.SetReport(unsigned(offer(app, "app", 1, "198.51.100.1"), offer(other, "other", 1, "198.51.100.2"))))
		keepHearing(s, 6*time.Second)

		w := s.World()
		h := w.Host(app)
		require.NotNil(t, h)
		assert.Equal(t, own.Policy, h.Policy, "the policy is ours, although its object could be older")
		assert.Equal(t, gslb.GeoTag("eu"), h.PolicyFrom)
		assert.Empty(t, h.Diverged, "it tells no policy that could differ")
		assert.Equal(t, []string{"198.51.100.1/0"}, addrs(h, "us"))
		assert.Nil(t, w.Host(other), "a host that nobody here has is not answered")
		c := w.Cluster("us")
		assert.True(t, c.K8gb)
		assert.Equal(t, gslb.Fresh, c.Liveness)
		assert.Empty(t, w.Alarm.Missed, "it has no list that could lack us")
		assert.Len(t, w.Zone(zone).NameServers, 2, "it serves the zone")

		s.SetObject(own.Source, nil)
		settle()
		assert.Nil(t, s.World().Host(app))
		assert.Empty(t, s.World().Held)
	})
}

func TestSilentK8gbIsLostAndRaisesNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		own := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		require.NoError(t, s.SetReport(unsigned(offer(app, "app", 1, "198.51.100.1"))))
		keepHearing(s, 3*time.Second)
		time.Sleep(3 * time.Second)
		assert.Equal(t, []string{"198.51.100.1/0"}, addrs(s.World().Host(app), "us"), "silent for less than the decision")
		assert.Empty(t, s.World().Alarm.Missed, "it does not read heartbeats")
		time.Sleep(time.Second)
		settle()
		assert.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		assert.Equal(t, gslb.TierLost, s.World().Host(app).Part("us").Best(), "the last resort")
	})
}

func TestWhatSignsWinsOverK8gb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		own := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		require.NoError(t, s.SetReport(unsigned(offer(app, "app", 1, "198.51.100.1"))))
		keepHearing(s, 2*time.Second)

		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "198.51.100.9"))), "Meridian takes its place at once")
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		w := s.World()
		assert.False(t, w.Cluster("us").K8gb)
		assert.Empty(t, w.Cluster("us").Conflict)
		assert.Equal(t, []string{"198.51.100.9/0"}, addrs(w.Host(app), "us"))

		require.Error(t, s.SetReport(unsigned(offer(app, "app", 1, "203.0.113.66"))), "what is not signed takes nobody's place while it is heard")
		hearK8gb(s)
		settle()
		assert.Equal(t, []string{"198.51.100.9/0"}, addrs(s.World().Host(app), "us"))
	})
}

func TestNobodyIsDeadWhileAClusterIsHeardThatCannotAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		own := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		require.NoError(t, s.SetReport(unsigned(offer(app, "app", 1, "198.51.100.1"))))
		require.NoError(t, s.SetReport(report("ap", "b", 1)))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "ap", Instance: "b", At: time.Now()})
		keepHearing(s, 6*time.Minute)
		w := s.World()
		assert.Equal(t, gslb.Lost, w.Cluster("ap").Liveness)
		assert.Empty(t, w.Zone(zone).Dead, "k8gb writes the whole set of name servers, so it is left alone")
	})
}

func TestOffersOfK8gbOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		own := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(own.Source, []*gslb.Offer{own})
		run(t, s)
		require.NoError(t, s.SetReport(unsigned(offer(app, "app", 1, "198.51.100.1"))))
		keepHearing(s, 2*time.Second)
		text, err := json.Marshal(s.Save())
		require.NoError(t, err)

		saved := &gslb.Saved{}
		require.NoError(t, json.Unmarshal(text, saved))
		next, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Saved: saved})
		require.NoError(t, err)
		run(t, next)
		settle()
		w := next.World()
		assert.True(t, w.Ready)
		assert.True(t, w.Cluster("us").K8gb)
		assert.Equal(t, gslb.Doubtful, w.Cluster("us").Liveness)
		assert.Equal(t, []string{"198.51.100.1/0"}, addrs(w.Host(app), "us"))
		keepHearing(next, 6*time.Second)
		assert.Equal(t, gslb.Fresh, next.World().Cluster("us").Liveness)
	})
}
