// SPDX-License-Identifier: Apache-2.0

package delegation_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

var (
	cloud  = gslb.MustName("cloud.example.com")
	parent = gslb.MustName("example.com")
)

// The servers of the scene.
const (
	hidden = "192.0.2.1:53" // takes updates, and is not in the NS set of the edge zone
	edgeA  = "192.0.2.10:53"
	edgeB  = "192.0.2.11:53"
	euAt   = "198.51.100.1:53"
	usAt   = "198.51.100.2:53"
	secAt  = "198.51.100.9:53"
)

// reply gives the answer of one server; nil: none comes.
type reply func(network string, q dns.Question) *dns.Msg

// scene is a network of servers in memory.
type scene struct {
	mu      sync.Mutex
	servers map[string]reply
	asked   map[string]int
}

func (s *scene) Exchange(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asked[server]++
	f := s.servers[server]
	s.mu.Unlock()
	var in *dns.Msg
	if f != nil {
		in = f(network, m.Question[0])
	}
	if in == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	rcode := in.Rcode
	aa, tc := in.Authoritative, in.Truncated
	in.SetReply(m)
	in.Rcode, in.Authoritative, in.Truncated = rcode, aa, tc
	return in, nil
}

func (s *scene) set(server string, f reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers[server] = f
}

func (s *scene) questions(server string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[server]
}

func records(lines ...string) (out []dns.RR) {
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			panic(err)
		}
		out = append(out, rr)
	}
	return out
}

func of(rrs []dns.RR, name string, typ uint16) (out []dns.RR) {
	for _, rr := range rrs {
		if rr.Header().Name == name && rr.Header().Rrtype == typ {
			out = append(out, rr)
		}
	}
	return out
}

// edgeServer answers from the edge zone: referrals below it, its own names with authority.
func edgeServer(lines ...string) reply {
	rrs := records(lines...)
	return func(_ string, q dns.Question) *dns.Msg {
		m := new(dns.Msg)
		if q.Name == "cloud.example.com." {
			m.Ns = of(rrs, q.Name, dns.TypeNS)
			if len(m.Ns) == 0 {
				m.Authoritative, m.Rcode = true, dns.RcodeNameError
				return m
			}
			for _, ns := range m.Ns {
				m.Extra = append(m.Extra, of(rrs, ns.(*dns.NS).Ns, dns.TypeA)...)
			}
			return m
		}
		m.Authoritative = true
		m.Answer = of(rrs, q.Name, q.Qtype)
		return m
	}
}

// nameServer answers for the zone.
func nameServer(serial string, servers ...string) reply {
	lines := []string{"cloud.example.com. 30 SOA gslb-ns-eu-cloud.example.com. hostmaster.example.com. " + serial + " 1 1 1 30"}
	for _, s := range servers {
		lines = append(lines, "cloud.example.com. 300 NS "+s)
	}
	rrs := records(lines...)
	return func(_ string, q dns.Question) *dns.Msg {
		m := new(dns.Msg)
		m.Authoritative = true
		m.Answer = of(rrs, q.Name, q.Qtype)
		return m
	}
}

const (
	nsEU  = "gslb-ns-eu-cloud.example.com."
	nsUS  = "gslb-ns-us-cloud.example.com."
	delEU = "cloud.example.com. 300 NS " + nsEU
	delUS = "cloud.example.com. 300 NS " + nsUS
	glEU  = nsEU + " 300 A 198.51.100.1"
	glUS  = nsUS + " 300 A 198.51.100.2"
)

var ownNS = []string{
	"example.com. 300 NS ns1.example.com.", "example.com. 300 NS ns2.example.com.",
	"ns1.example.com. 300 A 192.0.2.10", "ns2.example.com. 300 A 192.0.2.11",
}

func whole(lines ...string) reply { return edgeServer(append(lines, ownNS...)...) }

// good is two clusters whose delegation works.
func good() *scene {
	return &scene{asked: make(map[string]int), servers: map[string]reply{
		hidden: whole(delEU, delUS, glEU, glUS), edgeA: whole(delEU, delUS, glEU, glUS), edgeB: whole(delEU, delUS, glEU, glUS),
		euAt: nameServer("100", nsEU, nsUS), usAt: nameServer("90", nsEU, nsUS),
	}}
}

func world(change func(*gslb.World)) *gslb.World {
	w := &gslb.World{
		Self: "eu", Ready: true,
		Clusters: []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self}, {Tag: "us", Liveness: gslb.Fresh}},
		Zones: []gslb.Zone{{ZoneIntent: gslb.ZoneIntent{Zone: cloud, EdgeZone: parent}, NameServers: []gslb.NameServer{
			{Cluster: "eu", Name: gslb.MustName("gslb-ns-eu-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.1")}},
			{Cluster: "us", Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.2")}},
		}}},
	}
	if change != nil {
		change(w)
	}
	return w
}

// resolver knows one name.
type resolver struct{}

func (resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host == "ns.elsewhere.example." {
		return []netip.Addr{netip.MustParseAddr("198.51.100.9")}, nil
	}
	return nil, errors.New("no such host")
}

type observer struct {
	*delegation.Checker
	worlds chan *gslb.World
	log    *bytes.Buffer
	reg    *prometheus.Registry
}

func run(t *testing.T, s *scene, adjust ...func(*delegation.Config)) *observer {
	t.Helper()
	o := &observer{worlds: make(chan *gslb.World, 1), log: &bytes.Buffer{}, reg: prometheus.NewPedanticRegistry()}
	c := delegation.Config{
		Worlds: o.worlds, Exchange: s.Exchange, Resolver: resolver{}, Rand: func() float64 { return .5 },
		Servers: func(context.Context, gslb.Name) ([]string, error) { return []string{hidden}, nil },
		Log:     slog.New(slog.NewTextHandler(o.log, nil)), Registerer: o.reg,
	}
	for _, f := range adjust {
		f(&c)
	}
	var err error
	o.Checker, err = delegation.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	o.worlds <- world(nil)
	return o
}

// after lets time pass and gives the status of the zone.
func (o *observer) after(t *testing.T, d time.Duration) delegation.Status {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	s, ok := o.Of(cloud)
	require.True(t, ok)
	return s
}
