// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// maxFollowing bounds the recursive questions in flight.
const maxFollowing = 64

// Config says what a Server needs. Zone and Keys are required.
type Config struct {
	Zone  string       // "example.com"
	Addrs []netip.Addr // of this server: the glue of ns.ZONE
	// Keys may update and transfer the zone.
	Keys *tsigkey.Keyring
	// State is the zone file that keeps the zone; "": memory only. A missing file
	// begins with an empty zone.
	State string
	// DelegationPort is where delegated servers are asked; 0: 53.
	DelegationPort uint16
	Log            *slog.Logger          // nil: silent
	Registerer     prometheus.Registerer // nil: no metrics
}

// Server answers for one zone. It implements dnsserver.SlowPath and wants every
// message. Its methods are safe for concurrent use.
type Server struct {
	zone      string // canonical, with the trailing dot
	keys      *tsigkey.Keyring
	state     string
	port      uint16
	log       *slog.Logger
	metrics   *metrics
	following chan struct{}

	updating sync.Mutex // held while the zone is changed
	data     atomic.Pointer[zone]
}

// New makes a server with the zone of the state file, or an empty one.
func New(c Config) (*Server, error) {
	if _, ok := dns.IsDomainName(c.Zone); !ok || c.Zone == "" || c.Zone == "." {
		return nil, fmt.Errorf("zone %q is not a domain name; write one like example.com", c.Zone)
	}
	if c.Keys == nil || len(c.Keys.Keys()) == 0 {
		return nil, errors.New("no TSIG key: nothing unsigned may change a zone; give --tsig-key NAME:ALGORITHM:FILE")
	}
	if c.DelegationPort == 0 {
		c.DelegationPort = 53
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Server{
		zone: dns.CanonicalName(c.Zone), keys: c.Keys, state: c.State, port: c.DelegationPort,
		log: c.Log, metrics: m, following: make(chan struct{}, maxFollowing),
	}
	z, err := load(c.State, s.zone, c.Addrs)
	if err != nil {
		return nil, err
	}
	s.data.Store(z)
	return s, nil
}

// Records gives the zone as zone-file lines, SOA first.
func (s *Server) Records() []string {
	var out []string
	for _, rr := range s.data.Load().all() {
		out = append(out, rr.String())
	}
	return out
}

// ServeSlow answers one DNS message. It always returns true: every message is
// its own, and some deserve silence.
func (s *Server) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool {
	r, rcode := parse(msg)
	if r == nil {
		return true
	}
	r.from, r.tcp, r.reply = from, tcp, reply
	if rcode != dns.RcodeSuccess {
		s.send(r, r.answer(rcode))
		return true
	}
	if !s.verify(r, msg) {
		return true
	}
	s.dispatch(ctx, r)
	return true
}

// dispatch answers a well-formed message whose signature, if it has one, holds.
func (s *Server) dispatch(ctx context.Context, r *request) {
	switch r.msg.Opcode {
	case dns.OpcodeQuery:
		s.query(ctx, r)
	case dns.OpcodeUpdate:
		rcode := s.update(r)
		s.metrics.update(rcode)
		s.send(r, r.answer(rcode))
	case dns.OpcodeNotify:
		s.send(r, r.answer(dns.RcodeRefused))
	default:
		s.send(r, r.answer(dns.RcodeNotImplemented))
	}
}

// query answers a question.
func (s *Server) query(ctx context.Context, r *request) {
	q := r.msg.Question[0]
	if q.Qclass != dns.ClassINET || !dns.IsSubDomain(s.zone, q.Name) {
		s.send(r, r.answer(dns.RcodeRefused))
		return
	}
	switch q.Qtype {
	case dns.TypeAXFR, dns.TypeIXFR:
		s.transfer(ctx, r)
	default:
		s.send(r, s.lookup(ctx, r, dns.CanonicalName(q.Name), q.Qtype))
	}
}
