// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

var (
	app   = gslb.MustName("app.cloud.example.com")
	zone  = gslb.MustName("cloud.example.com")
	edge  = gslb.MustName("example.com")
	addr1 = netip.MustParseAddr("192.0.2.1")
	addr2 = netip.MustParseAddr("2001:db8::1")
)

// lab is a Monitor on a real Store and a network in memory.
type lab struct {
	*gslb.Store
	net      *fakenet.Network
	registry *prometheus.Registry
	start    time.Time

	mu       sync.Mutex
	verdicts []told
}

// told is one call of the Monitor to the Store.
type told struct {
	after   time.Duration
	verdict gslb.Verdict
	dropped bool
}

// SetVerdict remembers and passes on.
func (l *lab) SetVerdict(v gslb.Verdict) {
	l.mu.Lock()
	l.verdicts = append(l.verdicts, told{after: time.Since(l.start), verdict: v})
	l.mu.Unlock()
	l.Store.SetVerdict(v)
}

// DropVerdict remembers and passes on.
func (l *lab) DropVerdict(host gslb.Name, addr netip.Addr) {
	l.mu.Lock()
	l.verdicts = append(l.verdicts, told{after: time.Since(l.start), verdict: gslb.Verdict{Host: host, Addr: addr}, dropped: true})
	l.mu.Unlock()
	l.Store.DropVerdict(host, addr)
}

func (l *lab) told() []told {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]told(nil), l.verdicts...)
}

// words gives what was told of an entry, in order.
func (l *lab) words(host gslb.Name, addr netip.Addr) []string {
	var out []string
	for _, t := range l.told() {
		switch {
		case t.verdict.Host != host || t.verdict.Addr != addr:
		case t.dropped:
			out = append(out, "dropped")
		default:
			out = append(out, t.verdict.Health.String()+": "+t.verdict.Detail)
		}
	}
	return out
}

// offer claims a host in this cluster, ready by its backends.
func (l *lab) offer(host gslb.Name, check *gslb.Check, addrs ...netip.Addr) {
	src := gslb.Source{Kind: "Gslb", Namespace: "test", Name: host.String()}
	o := &gslb.Offer{Host: host, Source: src, Created: time.Unix(1, 0), Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}, Check: check}
	for _, a := range addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: a, Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	l.SetObject(src, []*gslb.Offer{o})
}

func (l *lab) gone(host gslb.Name) {
	l.SetObject(gslb.Source{Kind: "Gslb", Namespace: "test", Name: host.String()}, nil)
}

// health gives what the World says of our entry now.
func (l *lab) health(host gslb.Name, addr netip.Addr) gslb.Health {
	if h := l.World().Host(host); h != nil {
		for _, e := range h.Part("eu").Offer.Entries {
			if e.Addr == addr {
				return e.Health
			}
		}
	}
	return gslb.HealthUnknown
}

// pass lets virtual time go by and everything that happens in it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// half is a random source without surprise: intervals as written, first probes
// in the middle of their spread.
func half() float64 { return 0.5 }

// virtual runs a test in virtual time; at its end the Monitor and the Store stop.
func virtual(t *testing.T, change func(*healthcheck.Config), f func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
		require.NoError(t, err)
		l := &lab{Store: store, net: &fakenet.Network{}, registry: prometheus.NewPedanticRegistry(), start: time.Now()}
		cfg := healthcheck.Config{
			Store: l, Worlds: store.Mailbox().C(), Log: slog.New(slog.DiscardHandler), Registerer: l.registry,
			Dial: l.net.DialContext, Random: half,
		}
		if change != nil {
			change(&cfg)
		}
		m, err := healthcheck.New(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, run := range []func(context.Context) error{store.Run, m.Run} {
			wg.Go(func() {
				if err := run(ctx); err != nil {
					t.Errorf("run: %v", err)
				}
			})
		}
		store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
		store.SetLocal(gslb.LocalState{Synced: true})
		synctest.Wait()
		f(t, l)
		cancel()
		wg.Wait()
	})
}

// httpCheck asks every five seconds, twice up, three times down.
func httpCheck() *gslb.Check {
	return &gslb.Check{
		Kind: gslb.CheckHTTP, Port: 80, Path: "/healthz", Interval: 5 * time.Second, Timeout: 3 * time.Second,
		Rise: 2, Fall: 3, Statuses: [2]int{200, 399},
	}
}

func tcpCheck(rise, fall int) *gslb.Check {
	return &gslb.Check{Kind: gslb.CheckTCP, Port: 80, Interval: 5 * time.Second, Timeout: 3 * time.Second, Rise: rise, Fall: fall}
}
