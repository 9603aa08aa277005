// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// TestE1AddressOfSeveralClustersIsOneOfThemAll (docs/neighbours.md): it is answered once, and
// the answer names every owner.
func TestE1AddressOfSeveralClustersIsOneOfThemAll(t *testing.T) {
	for _, p := range []gslb.Policy{
		{Strategy: gslb.RoundRobin, TTL: 30},
		{Strategy: gslb.Failover, Primary: "ap", TTL: 30},
		{Strategy: gslb.WeightedRoundRobin, Weights: weights("ap", 1, "eu", 1, "us", 1), TTL: 30},
	} {
		d := strategies.Decide(host(p, part("ap", down(ap4)), part("eu", healthy(eu4)), part("us", healthy(eu4))))
		assert.Equal(t, []netip.Addr{eu4}, d.Addrs(), p.Strategy)
		owners := map[gslb.GeoTag]bool{}
		for _, a := range d.Answers {
			for _, c := range a.Clusters {
				owners[c] = true
			}
		}
		assert.Equal(t, map[gslb.GeoTag]bool{"eu": true, "us": true}, owners, p.Strategy)
	}
}

// TestE2SharedAddressGoesWithItsLastOwner: an address of two clusters beside that of a third
// is withdrawn when both owners are unhealthy or lost, and not before.
func TestE2SharedAddressGoesWithItsLastOwner(t *testing.T) {
	states := map[string]func(...netip.Addr) []gslb.Candidate{"healthy": healthy, "unknown": unknown, "lost": lost, "unhealthy": down}
	for eu, ofEU := range states {
		for us, ofUS := range states {
			d := strategies.Decide(host(gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
				part("ap", healthy(ap4)), part("eu", ofEU(eu4)), part("us", ofUS(eu4))))
			want := []netip.Addr{ap4}
			if eu == "healthy" || us == "healthy" {
				want = []netip.Addr{eu4, ap4}
			}
			assert.Equal(t, want, d.Addrs(), "eu %s, us %s", eu, us)

			alone := strategies.Decide(host(gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}, part("ap", down(ap4)), part("eu", ofEU(eu4)), part("us", ofUS(eu4))))
			assert.Equal(t, eu == "unhealthy" && us == "unhealthy", len(alone.Addrs()) == 0, "with nothing else, unknown and lost owners keep it: eu %s, us %s", eu, us)
		}
	}
}

// TestE2WeightOfASharedAddressIsThatOfTheHeaviestOwner, and not the sum.
func TestE2WeightOfASharedAddressIsThatOfTheHeaviestOwner(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("ap", 5, "eu", 3, "us", 4), TTL: 30}
	d := strategies.Decide(host(p, part("ap", healthy(ap4)), part("eu", healthy(eu4)), part("us", healthy(eu4))))
	drawn := map[netip.Addr]uint32{}
	for _, a := range d.Answers {
		for _, addr := range a.Addrs {
			drawn[addr] += a.Weight
		}
	}
	assert.Equal(t, map[netip.Addr]uint32{ap4: 5, eu4: 4}, drawn)
}
