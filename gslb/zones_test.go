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

func TestZoneListsNameServersOfAllClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1)))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		names := func() (out []string) {
			for _, ns := range s.World().Zone(zone).NameServers {
				out = append(out, ns.Name.String())
			}
			return out
		}
		both := []string{"gslb-ns-eu-cloud.example.com", "gslb-ns-us-cloud.example.com"}
		assert.Equal(t, both, names())
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		assert.Equal(t, both, names(), "a lost cluster stays in the NS set: the edge still delegates to it")
		bye := report("us", "a", 2)
		bye.Announcement = gslb.Leaving
		require.NoError(t, s.SetReport(bye))
		settle()
		assert.Equal(t, both[:1], names(), "one that left does not")
	})
}

func TestHostsBelongToTheLongestZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		outside := offer(gslb.MustName("app.example.org"), "outside", 1, "192.0.2.1")
		nested := offer(gslb.MustName("app.eu.cloud.example.com"), "nested", 1, "192.0.2.1")
		s.SetObject(outside.Source, []*gslb.Offer{outside, nested})
		settle()
		assert.True(t, s.World().Host(outside.Host).Zone.IsZero())
		assert.Equal(t, zone, s.World().Host(nested.Host).Zone)
		inner := gslb.MustName("eu.cloud.example.com")
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}, {Zone: inner, EdgeZone: zone}})
		settle()
		assert.Equal(t, inner, s.World().Host(nested.Host).Zone)
		assert.Contains(t, s.World().OwnReport(inner).Offers, nested.Host)
		assert.Contains(t, s.World().OwnReport(zone).Offers, nested.Host, "for clusters that serve the outer zone alone")
		assert.Nil(t, s.World().OwnReport(edge), "not a zone of ours")
	})
}

// TestPeersNeedNotServeTheSameZones: an offer counts from the report of the longest of our
// zones, else from one around that.
func TestPeersNeedNotServeTheSameZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		host, inner := gslb.MustName("app.in.cloud.example.com"), gslb.MustName("in.cloud.example.com")
		tell := func(zone gslb.Name, mark uint64, offers ...*gslb.Offer) {
			r := report("us", "a", mark, offers...)
			r.Zone = zone
			require.NoError(t, s.SetReport(r))
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
			settle()
		}
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}, {Zone: inner, EdgeZone: zone}})
		tell(zone, 1, offer(host, "nested", 1, "198.51.100.1"))
		assert.Equal(t, "198.51.100.1", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "it serves the outer zone alone")
		tell(inner, 1, offer(host, "nested", 1, "198.51.100.2"))
		assert.Equal(t, "198.51.100.2", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "the inner zone's report is meant")
		tell(inner, 2)
		assert.Equal(t, "198.51.100.1", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "it left the inner zone")
		tell(zone, 2)
		assert.Nil(t, s.World().Host(host))
	})
}
