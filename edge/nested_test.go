// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

const innerName = "y.cloud.example.com"

// inner gives a World a zone that lies in the one that it has.
func inner(w *gslb.World) {
	z := intent(innerName, zoneName, "192.0.2.1")
	z.NameServers = []gslb.NameServer{{Cluster: "eu", Name: gslb.MustName("gslb-ns-eu-y.cloud.example.com"), Addrs: addrs("192.0.2.1")}}
	w.Zones = append(w.Zones, z)
}

func (r *rig) of(zone string) (edge.ZoneStatus, bool) {
	for _, s := range r.keeper.Status() {
		if s.Zone.String() == zone {
			return s, true
		}
	}
	return edge.ZoneStatus{}, false
}

// asked counts what the edge was asked and told of an edge zone.
func (r *rig) asked(edgeZone string) (n int) {
	for _, l := range r.zone.Lookups() {
		if l.Query.Zone.String() == edgeZone {
			n++
		}
	}
	for _, u := range r.zone.Updates() {
		if u.Change.Zone.String() == edgeZone {
			n++
		}
	}
	return n
}

func TestPlanOfAZoneInAnotherZoneOfOurs(t *testing.T) {
	for _, c := range []struct {
		why    string
		zones  []gslb.Zone
		reason edge.Reason
	}{
		{"its servers answer for it", []gslb.Zone{intent(zoneName, edgeName, "192.0.2.1"), intent(innerName, zoneName, "192.0.2.1")}, edge.ReasonServedByOwnZone},
		{"whoever serves the outer one has to delegate it", []gslb.Zone{intent(innerName, zoneName, "192.0.2.1")}, ""},
		{"its parent is another's", []gslb.Zone{intent(zoneName, edgeName, "192.0.2.1"), intent("y.other.example.com", "other.example.com", "192.0.2.1")}, ""},
		{"nobody could find its name server", []gslb.Zone{intent(zoneName, edgeName), intent(innerName, zoneName)}, edge.ReasonAddressUnknown},
	} {
		ds := edge.Plan(&gslb.World{Self: "eu", Zones: c.zones})
		assert.Equal(t, c.reason, ds[len(ds)-1].Reason, c.why)
	}
}

func TestKeeperWritesNothingForAZoneInAnotherZoneOfOurs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		reg := prometheus.NewPedanticRegistry()
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Registerer = reg })
		r.tell(inner)
		pass(5 * time.Minute)
		s, ok := r.of(innerName)
		require.True(t, ok)
		assert.True(t, s.OK)
		assert.Equal(t, edge.ReasonServedByOwnZone, s.Reason)
		assert.Contains(t, s.Message, "cloud.example.com is a zone of this cluster too")
		assert.Equal(t, r.world.Zones[1].NameServers, s.NameServers)
		outer, _ := r.of(zoneName)
		assert.Equal(t, edge.ReasonDelegated, outer.Reason)
		assert.Zero(t, r.asked(zoneName), "no edge is asked or told of a zone that we serve")
		assert.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP meridian_edge_delegated Whether the edge zone, read back, delegates the zone to this cluster, or is one of its own zones (1), or not (0).
# TYPE meridian_edge_delegated gauge
meridian_edge_delegated{zone="cloud.example.com"} 1
meridian_edge_delegated{zone="y.cloud.example.com"} 1
`), "meridian_edge_delegated"))
		n, err := testutil.GatherAndCount(reg, "meridian_edge_verified_timestamp_seconds")
		require.NoError(t, err)
		assert.Equal(t, 1, n, "the inner zone was not read back: there is nothing to read")

		require.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)), "nothing is there")
		r.tell(func(w *gslb.World) { w.Zones = w.Zones[:1] })
		_, ok = r.of(innerName)
		assert.False(t, ok, "it went")
		outer, _ = r.of(zoneName)
		assert.Equal(t, edge.ReasonDelegated, outer.Reason)
		assert.Zero(t, r.asked(zoneName))
	})
}

func TestKeeperDelegatesAZoneAgainWhoseOuterZoneGoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(inner)
		both := r.world.Zones
		for range 2 {
			r.tell(func(w *gslb.World) { w.Zones = both[1:] })
			pass(5 * time.Second)
			s, ok := r.of(innerName)
			require.True(t, ok)
			assert.Equal(t, edge.ReasonDelegated, s.Reason, "whoever has the outer zone delegates it")
			assert.Equal(t, []string{"gslb-ns-eu-y.cloud.example.com."}, z.Get(innerName, edge.TypeNS))
			_, beats := z.Beat("gslb-heartbeat-eu.cloud.example.com")
			assert.True(t, beats)

			r.tell(func(w *gslb.World) { w.Zones = both })
			asked := r.asked(zoneName)
			pass(2 * time.Hour)
			s, _ = r.of(innerName)
			assert.Equal(t, edge.ReasonServedByOwnZone, s.Reason, "and not while we have it ourselves")
			assert.Equal(t, asked, r.asked(zoneName), "nobody goes on there")
		}
		r.tell(func(w *gslb.World) { w.Zones = nil })
		z.Break(edgetest.Trouble{Refuse: "REFUSED"})
		assert.Error(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)), "our part stands there, since it was written")
		z.Break(edgetest.Trouble{})
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)))
		assert.Empty(t, z.Get(innerName, edge.TypeNS))
	})
}

func TestKeeperLetsANestedZoneGoTogetherWithItsOuterZone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(inner)
		r.tell(func(w *gslb.World) { w.Zones = nil })
		z.Break(edgetest.Trouble{Refuse: "NOTAUTH"})
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)),
			"who does not hold the outer zone holds nothing of the inner one")
		assert.Error(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)), "the outer one was written there")
		z.Break(edgetest.Trouble{Down: true})
		assert.Error(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)), "silence tells nothing")
	})
}

func TestKeeperWithoutAnEdgeTellsOfNestedZones(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, _ := start(t, &edgetest.Zone{}, "i1", "eu-id", func(c *edge.Config) { c.Publisher = nil })
		r.tell(inner)
		s, _ := r.of(innerName)
		assert.Equal(t, edge.ReasonServedByOwnZone, s.Reason)
		s, _ = r.of(zoneName)
		assert.Equal(t, edge.ReasonNoEdge, s.Reason)
	})
}

func TestDiscoverOfANestedZoneReadsTheOuterOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Set(zoneName, edge.TypeNS, usServer+".")
		z.Set(usServer, edge.TypeA, "198.51.100.1")
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(inner)
		found, err := r.keeper.Discover(t.Context(), r.world.Zones[1])
		require.NoError(t, err)
		assert.Contains(t, found, gslb.NameServer{Cluster: "us", Name: gslb.MustName(usServer), Addrs: addrs("198.51.100.1")})
		assert.Zero(t, r.asked(zoneName))
		z.Break(edgetest.Trouble{Down: true})
		_, err = r.keeper.Discover(t.Context(), r.world.Zones[1])
		assert.Error(t, err, "an edge that cannot be read is never told as one that lists nobody")
	})
}

func TestNothingIsCarriedForAZoneInAnotherZoneOfOurs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		s := newShelf(z)
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) {
			c.Publisher, c.Objects, c.Reader = nil, s, z
		})
		r.tell(func(w *gslb.World) {
			inner(w)
			w.Zones[0].Addrs = nil
		})
		pass(5 * time.Minute)
		got, _ := r.of(innerName)
		assert.Equal(t, edge.ReasonServedByOwnZone, got.Reason)
		assert.Zero(t, s.writes, "no object for it; the outer one has no address yet")
		assert.Zero(t, r.asked(zoneName))

		s.set(func() {
			s.obj.Exists, s.obj.NameServers = true, []gslb.NameServer{{Name: gslb.MustName("gslb-ns-eu-y.cloud.example.com"), Addrs: addrs("192.0.2.1")}}
		})
		require.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(innerName), gslb.MustName(zoneName)))
		assert.Equal(t, 1, s.deletes, "an object of before, when somebody else had the outer zone, goes")
		assert.Zero(t, r.asked(zoneName))
	})
}
