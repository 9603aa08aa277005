// SPDX-License-Identifier: Apache-2.0

package entrycheck_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/entrycheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

var (
	app   = gslb.MustName("app.cloud.example.com")
	zone  = gslb.MustName("cloud.example.com")
	addr1 = netip.MustParseAddr("198.51.100.1")
	addr2 = netip.MustParseAddr("198.51.100.2")
)

const http1 = "198.51.100.1:80"

// lab is a Checker on a real Store in cluster eu, whose peers speak when told.
type lab struct {
	*gslb.Store
	net      *fakenet.Network
	registry *prometheus.Registry
	start    time.Time

	mu      sync.Mutex
	sights  []sight
	stopped map[gslb.GeoTag]chan struct{}
}

type sight struct {
	after time.Duration
	gslb.Sighting
}

// Sight remembers what the Checker says and passes on.
func (l *lab) Sight(s gslb.Sighting) {
	if s.Kind == gslb.EntryAnswered {
		l.mu.Lock()
		l.sights = append(l.sights, sight{time.Since(l.start), s})
		l.mu.Unlock()
	}
	l.Store.Sight(s)
}

func (l *lab) sightings() []sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]sight(nil), l.sights...)
}

// entry is a healthy HTTP entry.
func entry(a netip.Addr) gslb.Entry {
	return gslb.Entry{Addr: a, Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: "http"}}
}

// report makes a peer offer hosts, and speaks for it every half second until silence.
func (l *lab) report(t *testing.T, tag gslb.GeoTag, offers map[gslb.Name][]gslb.Entry) {
	t.Helper()
	r := &gslb.Report{Cluster: tag, ClusterID: "id-" + string(tag), Instance: "1", Zone: zone, Hears: []gslb.GeoTag{"eu"}, Offers: map[gslb.Name]*gslb.Offer{}}
	for n, entries := range offers {
		r.Offers[n] = &gslb.Offer{Host: n, Created: time.Unix(1, 0), Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}, Entries: entries}
	}
	require.NoError(t, l.SetReport(r))
	l.speak(tag)
}

func (l *lab) speak(tag gslb.GeoTag) {
	if l.stopped == nil {
		l.stopped = make(map[gslb.GeoTag]chan struct{})
	}
	stop := make(chan struct{})
	l.stopped[tag] = stop
	l.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "1", At: time.Now()})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Millisecond):
				l.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "1", At: time.Now()})
			}
		}
	}()
}

// silence stops a peer; it was heard at this very moment.
func (l *lab) silence(tag gslb.GeoTag) {
	close(l.stopped[tag])
	delete(l.stopped, tag)
	l.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "1", At: time.Now()})
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = time.Now()
}

// tier gives how well the first entry of a peer counts for a host.
func (l *lab) tier(host gslb.Name, tag gslb.GeoTag) gslb.Tier {
	return l.World().Host(host).Part(tag).Best()
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func half() float64 { return 0.5 }

// virtual runs a test in virtual time.
func virtual(t *testing.T, change func(*entrycheck.Config), f func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
		require.NoError(t, err)
		l := &lab{Store: store, net: &fakenet.Network{}, registry: prometheus.NewPedanticRegistry(), start: time.Now()}
		cfg := entrycheck.Config{
			Store: l, Worlds: store.Mailbox().C(), Log: slog.New(slog.DiscardHandler), Registerer: l.registry,
			Dial: l.net.DialContext, Random: half,
		}
		if change != nil {
			change(&cfg)
		}
		c, err := entrycheck.New(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, run := range []func(context.Context) error{store.Run, c.Run} {
			wg.Go(func() {
				if err := run(ctx); err != nil {
					t.Errorf("run: %v", err)
				}
			})
		}
		store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: gslb.MustName("example.com"), NegTTL: 30}})
		store.SetLocal(gslb.LocalState{Synced: true})
		synctest.Wait()
		f(t, l)
		for tag := range l.stopped {
			close(l.stopped[tag])
		}
		cancel()
		wg.Wait()
	})
}

func hosts(n int) []gslb.Name {
	out := make([]gslb.Name, n)
	for i := range out {
		out[i] = gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i))
	}
	return out
}
