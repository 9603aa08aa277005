// SPDX-License-Identifier: Apache-2.0

package update_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/dnsserver/update"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

var (
	zone   = gslb.MustName("cloud.example.com")
	nested = gslb.MustName("deep.cloud.example.com")
	edge   = gslb.MustName("example.com")
	acme   = key("acme")
	team   = key("team")
	client = netip.MustParseAddrPort("127.0.0.1:5353")
)

func key(name string) *tsigkey.Key {
	return tsigkey.FromSecret(name, dns.HmacSHA256, []byte(strings.Repeat(name, 8)))
}

// memory is a storage in memory. It fails and is overtaken when told to.
type memory struct {
	store *gslb.Store
	turn  chan struct{} // a mutex waits outside of virtual time
	held  []gslb.Record
	fail  error
	// before is called between reading and writing, once: another replica is faster.
	before func()
}

func (m *memory) Change(ctx context.Context, edit func([]gslb.Record) ([]gslb.Record, error)) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		m.store.SetChallenges(m.held)
		held := m.held
		next, err := edit(held)
		if err != nil || slices.Equal(next, held) {
			return err
		}
		if m.fail != nil {
			return m.fail
		}
		if f := m.before; f != nil {
			m.before = nil
			f()
			continue
		}
		m.held = next
		m.store.SetChallenges(next)
		return nil
	}
}

// cluster is one cluster that takes updates: a Store, and a handler that is told of
// its Worlds.
type cluster struct {
	t       testing.TB
	tag     gslb.GeoTag
	store   *gslb.Store
	handler *update.Handler
	storage *memory
	metrics *prometheus.Registry
	deaf    atomic.Bool                // the handler is told nothing any more
	shown   atomic.Pointer[gslb.World] // what the handler is told
	ready   atomic.Bool                // and it was
}

// newCluster begins a cluster that serves zone, with these static records ("NAME
// TYPE DATA"), and the zone nested in it.
func newCluster(t testing.TB, tag gslb.GeoTag, static ...string) *cluster {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "id-" + string(tag)})
	require.NoError(t, err)
	c := &cluster{t: t, tag: tag, store: store, storage: &memory{store: store, turn: make(chan struct{}, 1)}, metrics: prometheus.NewRegistry()}
	c.handler, err = update.New(update.Config{
		Keys:    []update.Key{{Key: acme}, {Key: team, Scopes: []gslb.Name{gslb.MustName("team.cloud.example.com"), nested}}},
		Storage: c.storage, Registerer: c.metrics,
	})
	require.NoError(t, err)
	store.OnWorld(func(w *gslb.World) {
		if !c.deaf.Load() {
			c.shown.Store(w)
			c.handler.Publish(w, serve(w))
			c.ready.Store(w.Ready)
		}
	})
	store.SetZones([]gslb.ZoneIntent{
		{Zone: zone, EdgeZone: edge, NegTTL: 30, Records: records(t, static)},
		{Zone: nested, EdgeZone: zone, NegTTL: 30},
	})
	store.SetObject(gslb.Source{Kind: "Gslb", Namespace: "default", Name: "app"}, []*gslb.Offer{offer("app.cloud.example.com")})
	store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = store.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	for !c.ready.Load() {
		<-time.After(time.Millisecond) // virtual
	}
	return c
}

func offer(host string) *gslb.Offer {
	return &gslb.Offer{
		Host:    gslb.MustName(host),
		Policy:  gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
		Entries: []gslb.Entry{{Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy}},
	}
}

func records(t testing.TB, lines []string) []gslb.Record {
	var out []gslb.Record
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		typ, err := rdata.ParseType(f[1])
		require.NoError(t, err)
		data, err := rdata.Canonical(typ, f[2])
		require.NoError(t, err)
		out = append(out, gslb.Record{Name: gslb.MustName(f[0]), Type: typ, TTL: 300, Data: data})
	}
	return out
}

// serve is a table the obvious way.
func serve(w *gslb.World) update.Served {
	return func(name gslb.Name) iter.Seq2[uint16, [][]byte] {
		return func(yield func(uint16, [][]byte) bool) {
			for i := range w.Zones {
				z := &w.Zones[i]
				if name == z.Zone && (!yield(dns.TypeSOA, [][]byte{make([]byte, 22)}) || !yield(dns.TypeNS, wireOf(dns.TypeNS, "ns.example.com."))) {
					return
				}
				if z.Static == nil {
					continue
				}
				for _, s := range z.Static.Sets {
					if s.Name == name && !yield(s.Type, wireOf(s.Type, s.Data...)) {
						return
					}
				}
			}
			if w.Host(name) != nil {
				yield(dns.TypeA, wireOf(dns.TypeA, "192.0.2.1"))
			}
		}
	}
}

func wireOf(t uint16, data ...string) (out [][]byte) {
	for _, d := range data {
		p, err := rdata.Pack(t, d)
		if err != nil {
			panic(err)
		}
		out = append(out, p.Wire)
	}
	return out
}

// held gives what a cluster holds, as "NAME TTL DATA".
func (c *cluster) held() []string {
	c.storage.turn <- struct{}{}
	defer func() { <-c.storage.turn }()
	out := []string{}
	for _, r := range c.storage.held {
		out = append(out, fmt.Sprintf("%s %d %s", strings.TrimSuffix(r.Name.String(), "."+zone.String()), r.TTL, r.Data))
	}
	slices.Sort(out)
	return out
}

// txt gives what is served at a name here: the strings of all clusters.
func (c *cluster) txt(name string) []string {
	out := []string{}
	for _, z := range c.shown.Load().Zones {
		if z.Static != nil {
			for _, s := range z.Static.Sets {
				if s.Name == gslb.MustName(name) && s.Type == dns.TypeTXT {
					out = append(out, s.Data...)
				}
			}
		}
	}
	return out
}

// reads lets a cluster read the reports of another.
func (c *cluster) reads(o *cluster) {
	c.t.Helper()
	for _, z := range []gslb.Name{zone, nested} {
		r := o.shown.Load().OwnReport(z)
		r.Instance, r.Serial = "i", o.shown.Load().Zone(z).Serial
		require.NoError(c.t, c.store.SetReport(r))
	}
	now := time.Now()
	c.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: o.tag, ID: "id-" + string(o.tag), At: now})
	<-time.After(2 * gslb.DefaultMaxSettle) // virtual
}

func newUpdate() *dns.Msg { return new(dns.Msg).SetUpdate(zone.FQDN()) }

func rr(t testing.TB, s string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(s)
	require.NoError(t, err)
	return r
}

func empty(name string, typ, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: typ, Class: class}}
}

// none turns a record into one that is to be deleted.
func none(r dns.RR) dns.RR {
	r.Header().Class, r.Header().Ttl = dns.ClassNONE, 0
	return r
}

func add(t testing.TB, owner string, text string) *dns.Msg {
	m := newUpdate()
	m.Insert([]dns.RR{rr(t, owner+" 60 IN TXT "+text)})
	return m
}

func remove(t testing.TB, owner string, text string) *dns.Msg {
	m := newUpdate()
	m.Remove([]dns.RR{rr(t, owner+" 60 IN TXT "+text)})
	return m
}

func sign(t testing.TB, m *dns.Msg, k *tsigkey.Key, at time.Time) []byte {
	t.Helper()
	m = m.Copy()
	m.SetTsig(k.Name, k.Algorithm, 300, at.Unix())
	wire, _, err := dns.TsigGenerateWithProvider(m, tsigkey.NewKeyring(k), "", false)
	require.NoError(t, err)
	return wire
}

var errNoAnswer = errors.New("no answer")

// raw hands octets to the handler and gives the answer.
func (c *cluster) raw(msg []byte, tcp bool) (answer []byte, err error) {
	n := 0
	known := c.handler.ServeSlow(c.t.Context(), slices.Clone(msg), client, tcp, func(b []byte) error {
		n++
		answer = slices.Clone(b)
		return nil
	})
	switch {
	case known && n != 1:
		return nil, fmt.Errorf("%d answers to %s", n, hex.EncodeToString(msg))
	case !known && n != 0:
		return nil, fmt.Errorf("an answer to what is not its own: %s", hex.EncodeToString(msg))
	case !known:
		return nil, errNoAnswer
	}
	return answer, nil
}

// send signs an update, and gives the RCODE of the answer, which must be rightly
// signed.
func (c *cluster) send(m *dns.Msg, k *tsigkey.Key) string {
	c.t.Helper()
	packed, err := m.Pack()
	require.NoError(c.t, err)
	wire, verifier, err := tsig.Request(k, packed, time.Now())
	require.NoError(c.t, err)
	raw, err := c.raw(wire, true)
	require.NoError(c.t, err)
	require.NoError(c.t, verifier.Verify(slices.Clone(raw), time.Now()))
	a := new(dns.Msg)
	require.NoError(c.t, a.Unpack(raw))
	require.Equal(c.t, m.Id, a.Id)
	require.True(c.t, a.Response)
	require.Equal(c.t, dns.OpcodeUpdate, a.Opcode)
	return dns.RcodeToString[a.Rcode]
}
