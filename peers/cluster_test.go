// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

var zone = gslb.MustName("cloud.example.com")

// sharedKey is the key that every cluster of most tests has.
func sharedKey() peers.Key {
	return peers.Key{Key: tsigkey.FromSecret("meridian", "hmac-sha256", []byte("0123456789abcdef0123456789abcdef"))}
}

// cluster is one instance with the real store and the exchange under test.
type cluster struct {
	tag   gslb.GeoTag
	name  string
	store *gslb.Store
	x     *peers.Exchange
	reg   *prometheus.Registry
	logs  *logs
	stop  context.CancelFunc
	done  chan struct{}
}

// world is the playground of a test: a network and its clusters.
type world struct {
	t   *testing.T
	net *peerstest.Network
	ids map[string]string // cluster ids by name of the instance; nil: "id-TAG"

	unread bool // clusters have not read their objects
}

func newWorld(t *testing.T) *world {
	return &world{t: t, net: peerstest.NewNetwork(t.Context())}
}

// start runs a cluster that has every other of all as a static peer at the
// address "TAG:53". The zone is served and the objects are read.
func (w *world) start(tag gslb.GeoTag, all []gslb.GeoTag, edit ...func(*peers.Config)) *cluster {
	return w.startAs(string(tag), tag, all, edit...)
}

// startAs is start for one of several instances of a cluster.
func (w *world) startAs(name string, tag gslb.GeoTag, all []gslb.GeoTag, edit ...func(*peers.Config)) *cluster {
	w.t.Helper()
	id := cmp.Or(w.ids[name], "id-"+string(tag))
	store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: id, Instance: name})
	require.NoError(w.t, err)
	c := &cluster{tag: tag, name: name, store: store, reg: prometheus.NewRegistry(), logs: &logs{}}
	cfg := peers.Config{
		Self: tag, ClusterID: id, Instance: name, Keys: []peers.Key{sharedKey()},
		Store: store, Worlds: store.Mailbox().C(), Static: map[gslb.GeoTag][]string{},
		Dial: w.net.Dialer(name), Log: slog.New(slog.NewTextHandler(c.logs, nil)), Registerer: c.reg,
	}
	for _, other := range all {
		if other != tag {
			cfg.Static[other] = []string{string(other) + ":53"}
		}
	}
	for _, f := range edit {
		f(&cfg)
	}
	c.x, err = peers.New(cfg)
	require.NoError(w.t, err)
	store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), NegTTL: 30}})
	if !w.unread {
		store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
	}
	w.net.Add(string(tag)+":53", name, c.x)
	ctx, cancel := context.WithCancel(w.t.Context())
	c.stop, c.done = cancel, make(chan struct{})
	go func() {
		defer close(c.done)
		var wg sync.WaitGroup
		wg.Go(func() { _ = store.Run(ctx) }) // ends with ctx and never fails
		_ = c.x.Run(ctx)                     // the same
		wg.Wait()
	}()
	return c
}

// kill ends a cluster without a word.
func (w *world) kill(c *cluster) {
	w.net.Remove(c.name)
	c.stop()
	<-c.done
}

// offer lets a cluster offer a host with one healthy or unhealthy entry.
func (c *cluster) offer(host, addr string, h gslb.Health) {
	src := gslb.Source{Kind: "Gslb", Namespace: "test", Name: host}
	reason := gslb.ReasonReady
	if h == gslb.Unhealthy {
		reason = gslb.ReasonNotReady
	}
	c.store.SetObject(src, []*gslb.Offer{{
		Host: gslb.MustName(host), Source: src, Created: time.Unix(1_700_000_000, 0).UTC(),
		Policy:  gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
		Entries: []gslb.Entry{{Addr: netip.MustParseAddr(addr), Health: h, Reason: reason}},
	}})
}

// withdraw ends the offer of a host.
func (c *cluster) withdraw(host string) {
	c.store.SetObject(gslb.Source{Kind: "Gslb", Namespace: "test", Name: host}, nil)
}

// sees gives what a cluster knows of another's offer of a host: the address and
// its health, "" if there is none.
func (c *cluster) sees(of gslb.GeoTag, host string) string {
	w := c.store.World()
	if w == nil {
		return ""
	}
	h := w.Host(gslb.MustName(host))
	if h == nil || h.Part(of) == nil {
		return ""
	}
	e := h.Part(of).Offer.Entries[0]
	return e.Addr.String() + " " + e.Health.String()
}

func (c *cluster) liveness(of gslb.GeoTag) string {
	if w := c.store.World(); w != nil {
		if k := w.Cluster(of); k != nil {
			return k.Liveness.String()
		}
	}
	return "unknown"
}

// settle lets virtual time pass.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// logs keeps what was logged.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimSpace(string(p)))
	return len(p), nil
}

// with counts the lines that contain all parts.
func (l *logs) with(parts ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// mustMetric gives how many answers of us had a result.
func mustMetric(t *testing.T, c *cluster, result string) prometheus.Gauge {
	t.Helper()
	families, err := c.reg.Gather()
	require.NoError(t, err)
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "value", Help: "A sum."})
	for _, f := range families {
		if f.GetName() != "meridian_peers_transfers_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "result" && l.GetValue() == result {
					g.Add(m.GetCounter().GetValue())
				}
			}
		}
	}
	return g
}
