// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

func TestQuietClustersExchangeOneSmallMessageASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := peerstest.NewFakePeer("us", "fake", sharedKey().Key)
		require.NoError(t, us.Say(zoneText(t, usReport(1, "198.51.100.1"))))
		w.net.Add("us:53", "us", us)
		eu := w.start("eu", two)
		settle(5 * time.Second)
		revision, asked := eu.store.World().Revision, len(us.Asked())
		settle(5 * time.Minute)
		assert.Equal(t, revision, eu.store.World().Revision, "nothing changed, so there is no new World")
		assert.InDelta(t, 2*300*1.03, len(us.Asked())-asked, 30, "two connections, one question a second each, and some more where one takes the place of another")
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestKeepAlivesOfTheTwoConnectionsAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := peerstest.NewFakePeer("us", "fake", sharedKey().Key)
		require.NoError(t, us.Say(zoneText(t, usReport(1, "198.51.100.1"))))
		w.net.Add("us:53", "us", us)
		w.start("eu", two)
		settle(1800 * time.Millisecond)
		first := us.Asked()
		halves := 0
		for _, o := range first {
			if strings.Contains(o, " hold=4") || strings.Contains(o, " hold=500") {
				halves++
			}
		}
		assert.Equal(t, 1, halves, "the second connection begins with half a hold: %q", first)
	})
}

func TestKeepAliveNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := time.Now()
		eu, us := w.start("eu", two), w.start("us", two)
		settle(10 * time.Second)
		w.net.Cut("eu", "us")
		settle(5 * time.Minute)
		last := eu.x.KeepAlives()["us"]
		require.Equal(t, "us", last.Instance)
		at, ok := us.x.Sent(last.Instance, last.Number)
		require.True(t, ok, "us knows the number that eu heard last, long after")
		assert.WithinDuration(t, begin.Add(10*time.Second), at, time.Second)
		_, ok = us.x.Sent("another", last.Number)
		assert.False(t, ok)
		_, ok = us.x.Sent("us", 1<<40)
		assert.False(t, ok, "a number that was never sent")
		_, ok = us.x.Sent("us", 0)
		assert.False(t, ok)
		assert.Equal(t, []peers.KeepAlive{last}, eu.x.InstanceKeepAlives()["us"])
	})
}

func TestManyZonesShareConnections(t *testing.T) {
	var zones []gslb.ZoneIntent
	for i := range 30 {
		z := gslb.MustName(fmt.Sprintf("z%02d.example.com", i))
		zones = append(zones, gslb.ZoneIntent{Zone: z, EdgeZone: z.Parent(), NegTTL: 30})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		eu.store.SetZones(zones)
		us.store.SetZones(zones)
		for i := range zones {
			us.offer(fmt.Sprintf("app.z%02d.example.com", i), "198.51.100.1", gslb.Healthy)
		}
		settle(5 * time.Second)
		for i := range zones {
			require.Equal(t, "198.51.100.1 healthy", eu.sees("us", fmt.Sprintf("app.z%02d.example.com", i)))
		}
		assert.Equal(t, 6, eu.x.Peers()[0].Connections, "twelve zones to a connection")
		us.offer("app.z29.example.com", "198.51.100.1", gslb.Unhealthy)
		settle(20 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", "app.z29.example.com"), "every zone is pushed")

		before := testutil.ToFloat64(mustMetric(t, eu, "unchanged"))
		settle(time.Minute)
		rate := (testutil.ToFloat64(mustMetric(t, eu, "unchanged")) - before) / 60
		assert.InDelta(t, 6+54.0/28, rate, 1.5, "one zone of a connection is the keep-alive, the others are held for long")

		// The first zone goes: another takes over the keep-alive at once.
		eu.store.SetZones(zones[1:])
		us.store.SetZones(zones[1:])
		for range 20 {
			settle(250 * time.Millisecond)
			require.Equal(t, "fresh", eu.liveness("us"))
		}
	})
}

func TestZoneThatThePeerDoesNotServeHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		extra := gslb.MustName("aaa.example.com")
		eu.store.SetZones([]gslb.ZoneIntent{{Zone: extra, EdgeZone: extra.Parent()}, {Zone: zone, EdgeZone: zone.Parent()}})
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(time.Minute)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		var servers []gslb.NameServer
		var fail error
		reads := 0
		discover := func(_ context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
			mu.Lock()
			defer mu.Unlock()
			reads++
			return servers, fail
		}
		set := func(err error, ns ...gslb.NameServer) {
			mu.Lock()
			defer mu.Unlock()
			servers, fail = ns, err
		}
		ns := func(name, addr string) gslb.NameServer {
			return gslb.NameServer{Name: gslb.MustName(name), Addrs: []netip.Addr{netip.MustParseAddr(addr)}}
		}
		eu := w.start("eu", nil, func(c *peers.Config) { c.Discover, c.Port = discover, 5353 })
		us := w.start("us", nil)
		w.net.Add("198.51.100.7:5353", "us", us.x)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(10 * time.Second)
		assert.Equal(t, 6, reads, "read at the start, and soon again: clusters that start together appear a moment later")
		assert.Empty(t, eu.x.Peers())

		set(nil, ns("gslb-ns-us-cloud.example.com", "198.51.100.7"), ns("gslb-ns-eu-cloud.example.com", "192.0.2.7"),
			ns("ns1.example.com", "192.0.2.1"), ns("gslb-ns-us-shop.example.com", "192.0.2.2"))
		settle(6 * time.Second)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "found without being told")
		require.Len(t, eu.x.Peers(), 1, "neither ourselves, nor strangers, nor another zone's")
		assert.Equal(t, []string{"198.51.100.7:5353"}, eu.x.Peers()[0].Addresses)

		settle(2 * time.Minute)
		before := reads
		set(errors.New("edge is down"))
		settle(3 * time.Minute)
		assert.Equal(t, "fresh", eu.liveness("us"), "known peers are kept")
		assert.Equal(t, 1, eu.logs.with("level=WARN", "name servers at the edge cannot be read", "edge is down"))
		set(nil)
		settle(3 * time.Minute)
		assert.Equal(t, "fresh", eu.liveness("us"), "and when their name server is gone from the edge")
		assert.Equal(t, before+6, reads, "once a minute when calm")
		eu.x.DelegationChanged()
		settle(100 * time.Millisecond)
		assert.Equal(t, before+7, reads, "and at once when told")
	})
}

func TestAPeerThatCallsIsLookedForSoonAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var down atomic.Bool
		down.Store(true)
		discover := func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
			if down.Load() {
				return nil, errors.New("edge is down")
			}
			return []gslb.NameServer{{Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}}, nil
		}
		eu := w.start("eu", nil, func(c *peers.Config) { c.Discover, c.Port = discover, 5353 })
		us := w.start("us", two) // it knows eu, and calls
		w.net.Add("198.51.100.7:5353", "us", us.x)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(10*time.Minute + 3*time.Second)
		require.Equal(t, "fresh", eu.liveness("us"))
		require.Empty(t, eu.sees("us", app), "nobody tells its address")
		down.Store(false)
		settle(6 * time.Second)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "seconds after the edge does, not a minute")
	})
}

func TestNameServersInReportsAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := peerstest.NewFakePeer("us", "fake", sharedKey().Key)
		r := usReport(1, "198.51.100.1")
		r.NameServers = []gslb.NameServer{{Cluster: "us", Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}}
		require.NoError(t, us.Say(zoneText(t, r)))
		w.net.Add("198.51.100.9:53", "us", us)
		eu := w.start("eu", nil)
		// Saved from before, or passed on by a third cluster: the store knows a report.
		require.NoError(t, eu.store.SetReport(r))
		settle(time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "x"})
	require.NoError(t, err)
	good := peers.Config{Self: "eu", ClusterID: "x", Store: store, Worlds: store.Mailbox().C(), Log: quietLog()}
	_, err = peers.New(good)
	require.NoError(t, err)
	for _, c := range []struct {
		edit func(*peers.Config)
		want string
	}{
		{func(c *peers.Config) { c.Store = nil }, "needs Self, Store, Worlds and Log"},
		{func(c *peers.Config) { c.ClusterID = "a b" }, "cluster id"},
		{func(c *peers.Config) { c.Instance = "No" }, "instance"},
		{func(c *peers.Config) { c.Static = map[gslb.GeoTag][]string{"us": {"x"}} }, `us: "x" is not HOST:PORT`},
		{func(c *peers.Config) { c.Keys = []peers.Key{{}} }, "a peer key is missing"},
	} {
		bad := good
		c.edit(&bad)
		_, err := peers.New(bad)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(5 * time.Second)
		us.offer(app, "198.51.100.1", gslb.Unhealthy)
		settle(time.Second)
		c := newClient(t, eu)
		bad, _ := c.question(reportZone, dns.TypeSOA)
		bad[2] ^= 1
		c.serve(t.Context(), bad)

		problems, err := testutil.GatherAndLint(eu.reg)
		require.NoError(t, err)
		assert.Empty(t, problems, "%v", []promlint.Problem(problems))
		families, err := eu.reg.Gather()
		require.NoError(t, err)
		got := map[string]bool{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				labels := ""
				for _, l := range m.GetLabel() {
					labels += " " + l.GetName() + "=" + l.GetValue()
				}
				got[f.GetName()+labels] = true
			}
		}
		for _, want := range []string{
			"meridian_peers_transfers_total geo_tag=us result=whole", "meridian_peers_transfers_total geo_tag=us result=increment",
			"meridian_peers_transfers_total geo_tag=us result=unchanged", // and seen, if both connections bring a version
			"meridian_peers_received_bytes_total geo_tag=us", "meridian_peers_sent_bytes_total", "meridian_peers_held_transfers",
			"meridian_peers_signature_failures_total kind=badsig side=author", "meridian_peers_report_bytes zone=cloud.example.com",
			"meridian_peers_last_heard_seconds geo_tag=us", "meridian_peers_report_age_seconds geo_tag=us", "meridian_peers_connections geo_tag=us",
			"meridian_peers_clock_skew_seconds geo_tag=us", "meridian_peers_keys",
		} {
			assert.Contains(t, got, want)
		}
	})
}
