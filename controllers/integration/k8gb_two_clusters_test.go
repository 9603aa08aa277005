// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// twinCluster makes us of this cluster: it has the same objects at 198.51.100.0/24 where ours
// are at 192.0.2.0/24, and is heard until the test ends.
func twinCluster(t *testing.T, s *site) {
	t.Helper()
	us := s.store.World().OwnReport(zone().Zone)
	require.NotNil(t, us)
	us.Cluster, us.ClusterID, us.Instance, us.NameServers = "us", "id-us", "1", nil
	offers := make(map[gslb.Name]*gslb.Offer, len(us.Offers))
	for host, ours := range us.Offers {
		theirs := *ours
		theirs.Entries = slices.Clone(ours.Entries)
		for i := range theirs.Entries {
			if addr := theirs.Entries[i].Addr; addr.Is4() {
				theirs.Entries[i].Addr = netip.AddrFrom4([4]byte{198, 51, 100, addr.As4()[3]})
			}
		}
		offers[host] = &theirs
	}
	us.Offers = offers
	require.NoError(t, s.store.SetReport(us))
	hear := func() {
		s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", ID: "id-us", Instance: "1", At: time.Now()})
	}
	hear()
	var hearing sync.WaitGroup
	end := make(chan struct{})
	hearing.Go(func() {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-end:
				return
			case <-beat.C:
				hear()
			}
		}
	})
	t.Cleanup(func() { close(end); hearing.Wait() })
}

// weighs waits until a host is answered by drawing one of these clusters, by weight.
func (s *site) weighs(host string, want map[gslb.GeoTag]uint32) {
	s.t.Helper()
	eventually(s.t, func() error {
		d := strategies.Decide(s.store.World().Host(gslb.MustName(host)))
		have := 0
		for i := range d.Answers {
			a := &d.Answers[i]
			if len(a.Clusters) != 1 || want[a.Clusters[0]] == 0 || a.Weight != want[a.Clusters[0]] {
				return notYet("%s is answered with %+v", host, d.Answers)
			}
			have++
		}
		if have != len(want) {
			return notYet("%s is answered with %+v", host, d.Answers)
		}
		return nil
	})
}

// inTwoClusters: beside a cluster with the same objects each strategy of k8gb answers what it
// is named for, and status tells of both clusters, as with k8gb.
func inTwoClusters(t *testing.T, s *site) {
	const roundRobin, weighted = "roundrobin.cloud.example.com", "labelss.cloud.example.com"
	failovers := map[string][2][]string{ // eu's and us's
		"failover.cloud.example.com":       {{"192.0.2.1", "192.0.2.2"}, {"198.51.100.1", "198.51.100.2"}},
		"grpcroute.cloud.example.com":      {{"192.0.2.40"}, {"198.51.100.40"}},
		"virtualservice.cloud.example.com": {{"192.0.2.50"}, {"198.51.100.50"}},
	}
	both := []string{"192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"}
	s.answers(roundRobin, both[:2]...)
	twinCluster(t, s)
	for _, ready := range []bool{true, false, true} {
		setReady(t, s.api, "test-gslb", "frontend-podinfo", ready)
		at, records, weights := 0, both, map[gslb.GeoTag]uint32{"eu": 60, "us": 40}
		if !ready {
			at, records, weights = 1, both[2:], map[gslb.GeoTag]uint32{"us": 40}
		}
		for host, clusters := range failovers {
			s.answers(host, clusters[at]...)
		}
		s.answers(roundRobin, records...)
		s.answers("httproute.cloud.example.com", slices.DeleteFunc([]string{"192.0.2.40", "192.0.2.41", "198.51.100.40", "198.51.100.41"},
			func(a string) bool { return !ready && a < "198" })...)
		s.weighs(weighted, weights)
		g := &absa.Gslb{}
		old(s, g, "test-gslb", func() bool {
			have := slices.Clone(g.Status.HealthyRecords[roundRobin])
			slices.Sort(have)
			return slices.Equal(have, records)
		})
	}
}
