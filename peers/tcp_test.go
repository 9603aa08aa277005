// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

// startTCP runs a cluster on a real port. It reads the peers given with their
// addresses.
func startTCP(t *testing.T, name string, tag gslb.GeoTag, static map[gslb.GeoTag][]string) (*cluster, *peerstest.Server) {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "id-" + string(tag)})
	require.NoError(t, err)
	c := &cluster{tag: tag, name: name, store: store, logs: &logs{}, reg: prometheus.NewRegistry()}
	c.x, err = peers.New(peers.Config{
		Self: tag, ClusterID: "id-" + string(tag), Instance: name, Keys: []peers.Key{sharedKey()}, Store: store,
		Worlds: store.Mailbox().C(), Static: static, Hold: 200 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(c.logs, nil)), Registerer: c.reg,
	})
	require.NoError(t, err)
	store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), NegTTL: 30}})
	store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = store.Run(ctx) })
	wg.Go(func() { _ = c.x.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return c, peerstest.Listen(t, c.x)
}

// soon waits for something to become true; the bound is there for broken code only.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, time.Minute, 2*time.Millisecond, what)
}

func TestOverRealConnections(t *testing.T) {
	us, server := startTCP(t, "us-a", "us", nil)
	usB, serverB := startTCP(t, "us-b", "us", nil)
	proxy := peerstest.NewProxy(t, server.Addr, serverB.Addr)
	eu, _ := startTCP(t, "eu", "eu", map[gslb.GeoTag][]string{"us": {proxy.Addr}})
	for i := range 500 {
		for _, c := range []*cluster{us, usB} {
			c.offer(fmt.Sprintf("h%d.%s", i, zone), "198.51.100.1", gslb.Healthy)
		}
	}
	sees := func(want string) func() bool {
		return func() bool {
			return eu.sees("us", "h77.cloud.example.com") == want && eu.sees("us", "h499.cloud.example.com") != ""
		}
	}
	say := func(h gslb.Health, mark uint64) {
		for _, c := range []*cluster{us, usB} {
			c.offer("h77.cloud.example.com", "198.51.100.1", h)
			c.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = mark })
		}
	}
	soon(t, "the report arrives", sees("198.51.100.1 healthy"))
	say(gslb.Unhealthy, 2)
	soon(t, "a change arrives", sees("198.51.100.1 unhealthy"))

	proxy.Reset()
	say(gslb.Healthy, 3)
	soon(t, "a change arrives after a reset", sees("198.51.100.1 healthy"))

	proxy.Freeze(server.Addr)
	say(gslb.Unhealthy, 4)
	soon(t, "one instance is frozen, the other goes on", sees("198.51.100.1 unhealthy"))

	proxy.Heal()
	proxy.Delay(30 * time.Millisecond)
	say(gslb.Healthy, 5)
	soon(t, "a slow line", sees("198.51.100.1 healthy"))
	proxy.Delay(0)

	proxy.Reset()
	proxy.CutAfter(10_000) // in the middle of the whole zone, again and again
	say(gslb.Unhealthy, 6)
	soon(t, "the connection is cut in the middle", func() bool { return eu.x.Peers()[0].Connections == 0 || !eu.x.Peers()[0].Direct })
	assert.True(t, sees("198.51.100.1 healthy")() || sees("198.51.100.1 unhealthy")(), "half a report empties no host")
	proxy.Heal()
	soon(t, "and comes back", sees("198.51.100.1 unhealthy"))

	proxy.Cut()
	soon(t, "silence is noticed", func() bool { return eu.liveness("us") == "lost" })
	assert.True(t, sees("198.51.100.1 unhealthy")(), "and empties nothing")
	proxy.Heal()
	soon(t, "back", func() bool { return eu.liveness("us") == "fresh" })
}

// TestOthersCanReadTheReport reads with miekg's own transfer, which is what many
// tools are built on.
func TestOthersCanReadTheReport(t *testing.T) {
	us, server := startTCP(t, "us", "us", nil)
	for i := range 300 {
		us.offer(fmt.Sprintf("h%d.%s", i, zone), "198.51.100.1", gslb.Healthy)
	}
	ring := tsigkey.NewKeyring(sharedKey().Key)
	read := func() int {
		q := new(dns.Msg)
		q.SetAxfr("_report.us.cloud.example.com.")
		q.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		conn, err := net.Dial("tcp", server.Addr)
		require.NoError(t, err)
		tr := &dns.Transfer{Conn: &dns.Conn{Conn: conn}, TsigProvider: ring}
		env, err := tr.In(q, server.Addr)
		require.NoError(t, err)
		n := 0
		for e := range env {
			if e.Error != nil {
				return -1
			}
			n += len(e.RR)
		}
		return n
	}
	soon(t, "SOA, NS, two of the cluster, two for each host, SOA", func() bool { return read() == 2+2+600+1 })
}

// TestReaderFollowsAnyChange compares what a reader has with what the author
// says, after random changes that come faster than they can be told.
func TestReaderFollowsAnyChange(t *testing.T) {
	us, server := startTCP(t, "us", "us", nil)
	proxy := peerstest.NewProxy(t, server.Addr)
	eu, _ := startTCP(t, "eu", "eu", map[gslb.GeoTag][]string{"us": {proxy.Addr}})
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		for range r.IntN(40) {
			host := fmt.Sprintf("h%d.%s", r.IntN(60), zone)
			if r.IntN(4) == 0 {
				us.withdraw(host)
			} else {
				us.offer(host, fmt.Sprintf("198.51.100.%d", r.IntN(250)), gslb.Health(1+r.IntN(2)))
			}
		}
		if r.IntN(6) == 0 {
			proxy.Reset()
		}
		last := fmt.Sprintf("203.0.113.%d", round)
		us.offer("last.cloud.example.com", last, gslb.Healthy)
		soon(t, "the last change arrives", func() bool { return eu.sees("us", "last.cloud.example.com") == last+" healthy" })
		for i := range 60 {
			host := fmt.Sprintf("h%d.%s", i, zone)
			require.Equalf(t, us.sees("us", host), eu.sees("us", host), "round %d, %s", round, host)
		}
	}
}
