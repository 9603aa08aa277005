// SPDX-License-Identifier: Apache-2.0

package k8gb_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/k8gbtest"
	"github.com/meridian-gslb/meridian/peers/k8gb"
)

var (
	zone     = gslb.MustName("cloud.example.com")
	edgeZone = gslb.MustName("example.com")
	app      = gslb.MustName("app.cloud.example.com")
)

// Where the name servers of the two clusters are.
const (
	euAt = "192.0.2.53:53"
	usAt = "198.51.100.53:53"
)

// meridian is our cluster, eu: a real Store and table, and the asker under test.
type meridian struct {
	t       *testing.T
	store   *gslb.Store
	asker   *k8gb.Asker
	table   atomic.Pointer[answers.Table]
	foreign chan string
	signs   bool // it answers signatures, as Meridian does
	dead    atomic.Bool
	stop    func()
}

// mixed is a zone of our cluster and one that runs k8gb, us, on a network in memory.
type mixed struct {
	*meridian
	net *k8gbtest.Net
	us  *k8gbtest.Cluster

	calm time.Time // until when a test makes no further trouble of a kind
}

// newMixed starts both, in a synctest bubble.
func newMixed(t *testing.T, change ...func(*k8gb.Config)) *mixed {
	t.Helper()
	m := &mixed{net: &k8gbtest.Net{}}
	m.us = k8gbtest.New(k8gbtest.Config{Tag: "us", Zone: zone, Edge: edgeZone, Neighbours: map[gslb.GeoTag]string{"eu": euAt}, Dial: m.net.Dial, Poll: 5 * time.Second})
	m.net.Listen(usAt, m.us)
	ns, err := gslb.NameServerName("us", zone, edgeZone)
	require.NoError(t, err)
	m.meridian = newMeridian(t, m.net, append(change, func(c *k8gb.Config) {
		if c.Discover == nil && c.Static == nil {
			c.Discover = func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
				return []gslb.NameServer{{Name: ns, Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.53")}}}, nil
			}
		}
	})...)
	m.net.Listen(euAt, m.meridian)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); m.us.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return m
}

func newMeridian(t *testing.T, network *k8gbtest.Net, change ...func(*k8gb.Config)) *meridian {
	t.Helper()
	m := &meridian{t: t, foreign: make(chan string, 100), signs: true}
	var err error
	m.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", Instance: "a", SeeksPeers: true, RemovalHold: gslb.DefaultRemovalHold})
	require.NoError(t, err)
	m.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edgeZone, NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}})
	m.store.OnWorld(func(w *gslb.World) {
		table, err := answers.Build(m.table.Load(), w)
		assert.NoError(t, err)
		m.table.Store(table)
	})
	c := k8gb.Config{
		Self: "eu", Store: m.store, Worlds: m.store.Mailbox().C(), Dial: network.Dial, ClusterOf: edge.ClusterOf,
		Sought:  m.store.PeersSought,
		Foreign: func(tag gslb.GeoTag, is bool) { m.foreign <- fmt.Sprint(tag, " ", is) }, Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	m.asker, err = k8gb.New(c)
	require.NoError(t, err)
	m.store.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	ctx, cancel := context.WithCancel(t.Context())
	m.stop = cancel
	ended := make(chan error, 2)
	go func() { ended <- m.store.Run(ctx) }()
	go func() { ended <- m.asker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, <-ended)
	})
	return m
}

// set has our cluster offer a host, by an object of k8gb.
func (m *meridian) set(name gslb.Name, p gslb.Policy, addrs ...string) {
	if p.TTL == 0 {
		p.TTL = 30
	}
	o := &gslb.Offer{Host: name, Source: gslb.Source{Kind: "Gslb", Namespace: "test-gslb", Name: name.String()}, Policy: p, Incumbent: true}
	for _, a := range addrs {
		o.Entries = append(o.Entries, gslb.Entry{
			Addr: netip.MustParseAddr(a), Health: gslb.Healthy, Reason: gslb.ReasonReady, Ask: gslb.Ask{Scheme: "http", Port: 80, Path: "/"},
		})
	}
	m.store.SetObject(o.Source, []*gslb.Offer{o})
}

// unset takes the object away.
func (m *meridian) unset(name gslb.Name) {
	m.store.SetObject(gslb.Source{Kind: "Gslb", Namespace: "test-gslb", Name: name.String()}, nil)
}

// addrs gives what our cluster answers for a host, sorted.
func (m *meridian) addrs(name gslb.Name) []string {
	var out []string
	for _, sh := range m.table.Load().Lookup(name, dns.TypeA).Shares {
		for _, a := range sh.Addrs {
			out = append(out, a.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (m *meridian) liveness() gslb.Liveness {
	if c := m.store.World().Cluster("us"); c != nil {
		return c.Liveness
	}
	return gslb.Unheard
}

// Life is closed when the process has ended. Its connections are not what is tested.
func (m *meridian) Life() <-chan struct{} { return nil }

// Serve answers from the table, and signatures with BADKEY, as the DNS server does.
func (m *meridian) Serve(_ string, msg []byte) ([]byte, bool) {
	q, r := new(dns.Msg), new(dns.Msg)
	if m.dead.Load() || m.table.Load() == nil || q.Unpack(msg) != nil {
		return nil, false
	}
	r.SetReply(q)
	r.Authoritative = true
	if q.IsTsig() != nil && m.signs {
		r.Rcode = dns.RcodeNotAuth
		r.Extra = append(r.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: q.IsTsig().Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256, Error: dns.RcodeBadKey, OrigId: q.Id})
		b, err := r.Pack()
		return b, err == nil
	}
	name, err := gslb.ParseName(q.Question[0].Name)
	if err != nil {
		return nil, false
	}
	found := m.table.Load().Lookup(name, q.Question[0].Qtype)
	switch found.Kind {
	case answers.NXDomain:
		r.Rcode = dns.RcodeNameError
	case answers.NotReady:
		r.Rcode = dns.RcodeServerFailure
	case answers.Refused:
		r.Rcode = dns.RcodeRefused
	case answers.Answer, answers.NoData, answers.Referral:
	}
	for _, sh := range found.Shares {
		for _, a := range sh.Addrs {
			r.Answer = append(r.Answer, &dns.A{Hdr: dns.RR_Header{Name: name.FQDN(), Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: found.TTL}, A: a.AsSlice()})
		}
	}
	for _, text := range found.Records {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", name.FQDN(), found.TTL, dns.TypeToString[found.Type], text))
		if err != nil {
			return nil, false
		}
		r.Answer = append(r.Answer, rr)
	}
	b, err := r.Pack()
	return b, err == nil
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var (
	roundRobin = gslb.Policy{Strategy: gslb.RoundRobin}
	euFirst    = gslb.Policy{Strategy: gslb.Failover, Primary: "eu"}
	usFirst    = gslb.Policy{Strategy: gslb.Failover, Primary: "us"}
)
