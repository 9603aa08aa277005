// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

func (c *cluster) conflict(of gslb.GeoTag) string { return c.store.World().Cluster(of).Conflict }

// TestOneTagTwoClustersBeforeAThird: both keep their old answers, neither publishes anew,
// both show it, and so does the third. Its connections lead now to one, now to the other.
func TestOneTagTwoClustersBeforeAThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ids = map[string]string{"eu-2": "id-second"}
		all := []gslb.GeoTag{"eu", "us"}
		us, first := w.start("us", all), w.start("eu", all)
		first.offer(app, "192.0.2.1", gslb.Healthy)
		settle(5 * time.Second)
		require.Equal(t, "192.0.2.1 healthy", us.sees("eu", app))
		require.Empty(t, us.conflict("eu"))

		second := w.startAs("eu-2", "eu", all)
		second.offer(app, "192.0.2.66", gslb.Healthy)
		settle(5 * time.Second)
		assert.Contains(t, us.conflict("eu"), "id id-eu, which is kept, and id id-second")
		assert.Contains(t, first.conflict("eu"), "id id-eu, which is ours")
		assert.Contains(t, second.conflict("eu"), "id id-second, which is ours")
		assert.Equal(t, "192.0.2.1 healthy", us.sees("eu", app), "the first keeps the tag")

		for _, c := range []*cluster{first, second} {
			c.offer(app, "192.0.2.99", gslb.Unhealthy)
			c.offer("new.cloud.example.com", "192.0.2.99", gslb.Healthy)
		}
		settle(time.Minute)
		assert.Equal(t, "192.0.2.1 healthy", us.sees("eu", app), "nothing new is said under that tag")
		assert.Empty(t, us.sees("eu", "new.cloud.example.com"))
		assert.Equal(t, "192.0.2.99 unhealthy", first.sees("eu", app), "at home it counts")
		for _, c := range []*cluster{first, second} {
			assert.NotEmpty(t, c.conflict("eu"), "it does not end while both are there")
			assert.Equal(t, "fresh", c.liveness("us"))
		}
		assert.Equal(t, "fresh", us.liveness("eu"))

		w.kill(second)
		settle(3 * time.Minute)
		assert.Empty(t, us.conflict("eu"))
		assert.Empty(t, first.conflict("eu"))
		assert.Equal(t, "192.0.2.99 unhealthy", us.sees("eu", app), "what changed meanwhile is told now")
		assert.Equal(t, "192.0.2.99 healthy", us.sees("eu", "new.cloud.example.com"))
	})
}

// TestOneTagTwoClustersThatReadEachOther: two that take each other for replicas, until
// the cluster id tells.
func TestOneTagTwoClustersThatReadEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ids = map[string]string{"eu-2": "id-second"}
		at := func(addr string) func(*peers.Config) {
			return func(c *peers.Config) { c.Static = map[gslb.GeoTag][]string{"eu": {addr}} }
		}
		first, second := w.startAs("eu", "eu", nil, at("two:53")), w.startAs("eu-2", "eu", nil, at("one:53"))
		w.net.Add("one:53", "eu", first.x)
		w.net.Add("two:53", "eu-2", second.x)
		first.offer(app, "192.0.2.1", gslb.Healthy)
		second.offer(app, "192.0.2.66", gslb.Healthy)
		settle(5 * time.Second)
		assert.Contains(t, first.conflict("eu"), "id id-eu, which is ours, and id id-second")
		assert.Contains(t, second.conflict("eu"), "id id-second, which is ours, and id id-eu")
		assert.Equal(t, "192.0.2.1 healthy", first.sees("eu", app), "nobody takes over the other's offers")
		assert.Equal(t, "192.0.2.66 healthy", second.sees("eu", app))
		for _, c := range []*cluster{first, second} {
			assert.Equal(t, 1, c.logs.with("level=WARN", "another cluster uses our geo tag"), c.logs)
		}
	})
}

// TestANewcomerUnderAUsedTagCallsWhoHasIt has nobody else: the edge alone tells where the
// first cluster is.
func TestANewcomerUnderAUsedTagCallsWhoHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ids = map[string]string{"eu-2": "id-second"}
		edge := func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
			return []gslb.NameServer{{Name: gslb.MustName("gslb-ns-eu-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}}, nil
		}
		at := func(c *cluster, addr string) {
			c.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}})
		}
		finds := func(c *peers.Config) { c.Discover = edge }
		first := w.startAs("eu", "eu", nil, finds)
		at(first, "192.0.2.53")
		w.net.Add("192.0.2.53:53", "eu", first.x)
		first.offer(app, "192.0.2.1", gslb.Healthy)
		settle(20 * time.Minute)
		assert.Empty(t, first.x.Peers(), "it does not call itself")
		second := w.startAs("eu-2", "eu", nil, finds)
		at(second, "203.0.113.53")
		w.net.Add("203.0.113.53:53", "eu-2", second.x)
		second.offer(app, "192.0.2.66", gslb.Healthy)
		settle(5 * time.Second)
		assert.Contains(t, first.conflict("eu"), "id id-eu, which is ours, and id id-second")
		assert.Contains(t, second.conflict("eu"), "id id-second, which is ours, and id id-eu")
		assert.Equal(t, "192.0.2.1 healthy", first.sees("eu", app), "nobody takes over the other's offers")
		assert.Equal(t, "192.0.2.66 healthy", second.sees("eu", app))
		settle(5 * time.Minute)
		assert.NotEmpty(t, first.conflict("eu"), "as long as it goes on")
		assert.NotEmpty(t, second.conflict("eu"))
	})
}

// TestAnOldAddressAtTheEdgeIsNoConflict has our name server moved: the old address is dead,
// or still leads to ourselves.
func TestAnOldAddressAtTheEdgeIsNoConflict(t *testing.T) {
	for _, lives := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			edge := func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
				return []gslb.NameServer{{Name: gslb.MustName("gslb-ns-eu-cloud.example.com"),
					Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("192.0.2.54")}}}, nil
			}
			c := w.startAs("eu", "eu", nil, func(c *peers.Config) { c.Discover = edge })
			c.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.54")}}})
			if lives {
				w.net.Add("192.0.2.53:53", "eu", c.x)
			}
			c.offer(app, "192.0.2.1", gslb.Healthy)
			settle(5 * time.Minute)
			assert.Empty(t, c.conflict("eu"))
			assert.Equal(t, "self", c.liveness("eu"))
			assert.Equal(t, "192.0.2.1 healthy", c.sees("eu", app))
			assert.Empty(t, c.store.World().Alarm.Missed)
		})
	}
}

// TestARebuiltClusterIsNoConflict: the id is another one, and the old cluster is gone.
func TestARebuiltClusterIsNoConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ids = map[string]string{"eu-2": "id-second"}
		all := []gslb.GeoTag{"eu", "us"}
		us, first := w.start("us", all), w.start("eu", all)
		first.offer(app, "192.0.2.1", gslb.Healthy)
		settle(5 * time.Second)
		w.kill(first)
		settle(5 * time.Second)
		second := w.startAs("eu-2", "eu", all)
		second.offer(app, "192.0.2.66", gslb.Healthy)
		settle(2 * time.Second)
		assert.Equal(t, "192.0.2.66 healthy", us.sees("eu", app))
		assert.Equal(t, "fresh", us.liveness("eu"))
		assert.Empty(t, us.conflict("eu"))
		assert.Empty(t, second.conflict("eu"))
	})
}
