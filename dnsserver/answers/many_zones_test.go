// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// withZones gives Worlds with so many zones more, each with the name servers of two
// clusters, one of them in the zone itself.
func withZones(t testing.TB, n int) (before, after *gslb.World) {
	t.Helper()
	before, after = worlds(t, 10)
	zones := slices.Clone(before.Zones)
	for i := range n {
		name := gslb.MustName(fmt.Sprintf("z%d.example.com", i))
		zones = append(zones, gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: name, EdgeZone: name.Parent(), NegTTL: 30}, Serial: 1, NameServers: []gslb.NameServer{
			{Cluster: "eu", Name: gslb.MustName("ns." + name.String()), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
			{Cluster: "us", Name: gslb.MustName("gslb-ns-us-" + name.String()), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.53")}},
		}})
	}
	one, two := *before, *after
	one.Zones, two.Zones = zones, slices.Clone(zones)
	return &one, &two
}

// Every change of a host looks at the name servers of every zone: the cost may grow with
// the number of zones, not with its square or cube.
func TestAChangeCostsNoMoreThanTheZonesAreMany(t *testing.T) {
	cost := func(zones int) float64 {
		before, after := withZones(t, zones)
		old, err := Build(nil, before)
		require.NoError(t, err)
		i := old.zone(gslb.MustName("z7.example.com"))
		require.Len(t, old.statics[i].servers, 1, "the address of the name server that lies in the zone")
		return testing.AllocsPerRun(3, func() {
			_, err = Build(old, after)
			require.NoError(t, err)
		})
	}
	few, many := cost(50), cost(400)
	assert.Less(t, many/few, 12.0, "%.0f and %.0f allocations for eight times the zones", few, many)
}

func TestTheSmallestZoneAroundAnotherIsFound(t *testing.T) {
	var zones []gslb.Zone
	for _, n := range []string{"a.example.com", "b.a.example.com", "c.example.com", "example.com", "x.b.a.example.com", "y.z.example.com"} {
		zones = append(zones, gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName(n)}})
	}
	var got []int
	for i := range zones {
		got = append(got, around(zones, i))
	}
	assert.Equal(t, []int{3, 0, 3, -1, 1, 3}, got)
}

func BenchmarkBuildOneChangeWithZones(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before, after := withZones(b, n)
			old, err := Build(nil, before)
			require.NoError(b, err)
			for b.Loop() {
				if _, err := Build(old, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
