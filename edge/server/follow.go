// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// How delegated servers are asked.
const (
	followTotal   = 4 * time.Second // dig waits 5 s
	followOne     = time.Second     // by UDP, and again by TCP
	followHedge   = 250 * time.Millisecond
	followServers = 16 // of one delegation
)

// follow asks the servers of a delegation and gives their answer. Only names
// below our own delegations get here, only servers in their glue are asked, and
// the number of questions in flight is bounded.
func (s *Server) follow(ctx context.Context, r *request, z *zone, a *dns.Msg, cut, name string, t uint16) {
	a.Authoritative, a.RecursionAvailable = false, true
	select {
	case s.following <- struct{}{}:
		defer func() { <-s.following }()
	default:
		s.metrics.follow("busy")
		a.Rcode = dns.RcodeServerFailure
		return
	}
	ctx, cancel := context.WithTimeout(ctx, followTotal)
	defer cancel()
	in, err := s.race(ctx, r, s.servers(z, cut), name, t)
	if err != nil {
		s.metrics.follow("failed")
		s.log.Warn("delegation cannot be followed", "name", name, "delegation", cut, "error", err)
		a.Rcode = dns.RcodeServerFailure
		return
	}
	s.metrics.follow("ok")
	a.Rcode = in.Rcode
	a.Answer = append(a.Answer, in.Answer...)
	a.Ns = in.Ns
	if sub := subnetOf(in.IsEdns0()); sub != nil && r.opt != nil {
		a.IsEdns0().Option = append(a.IsEdns0().Option, sub)
	}
}

// servers gives the addresses in the glue of a delegation, in random order.
func (s *Server) servers(z *zone, cut string) []netip.AddrPort {
	glue := new(dns.Msg)
	z.glue(glue, z.get(cut, dns.TypeNS))
	var out []netip.AddrPort
	for _, rr := range glue.Extra {
		var ip net.IP
		switch v := rr.(type) {
		case *dns.A:
			ip = v.A
		case *dns.AAAA:
			ip = v.AAAA
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, netip.AddrPortFrom(addr.Unmap(), s.port))
		}
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), followServers)]
}

type followed struct {
	msg *dns.Msg
	err error
}

// race asks one server after the other, the next when one fails or is slow, and
// gives the first good answer.
func (s *Server) race(ctx context.Context, r *request, servers []netip.AddrPort, name string, t uint16) (*dns.Msg, error) {
	if len(servers) == 0 {
		return nil, errors.New("it has no glue, so its servers cannot be found")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan followed, len(servers))
	hedge := time.NewTimer(0)
	defer hedge.Stop()
	var errs []error
	for next := 0; len(errs) < len(servers); {
		select {
		case <-ctx.Done():
			return nil, errors.Join(append(errs, ctx.Err())...)
		case <-hedge.C:
			if next < len(servers) {
				server := servers[next]
				next++
				go func() { results <- askServer(ctx, server, question(r, name, t)) }()
				hedge.Reset(followHedge)
			}
		case f := <-results:
			if f.err == nil {
				return f.msg, nil
			}
			errs = append(errs, f.err)
			hedge.Reset(0)
		}
	}
	return nil, errors.Join(errs...)
}

// question is what a resolver asks an authoritative server; a client's subnet
// is passed on (RFC 7871 §7.1.1).
func question(r *request, name string, t uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, t)
	m.RecursionDesired = false
	m.SetEdns0(mostUDP, false)
	if sub := subnetOf(r.opt); sub != nil {
		m.IsEdns0().Option = append(m.IsEdns0().Option, sub)
	}
	return m
}

func subnetOf(o *dns.OPT) *dns.EDNS0_SUBNET {
	if o == nil {
		return nil
	}
	for _, opt := range o.Option {
		if sub, ok := opt.(*dns.EDNS0_SUBNET); ok {
			return sub
		}
	}
	return nil
}

// askServer asks one server, by TCP where the answer does not fit.
func askServer(ctx context.Context, server netip.AddrPort, m *dns.Msg) followed {
	for _, network := range []string{"udp", "tcp"} {
		c := &dns.Client{Net: network, Timeout: followOne, UDPSize: mostUDP}
		in, _, err := c.ExchangeContext(ctx, m.Copy(), server.String())
		if err != nil {
			return followed{err: fmt.Errorf("asking %s by %s: %w", server, network, err)}
		}
		if in.Truncated && network == "udp" {
			continue
		}
		return judge(server, m, in)
	}
	return followed{err: fmt.Errorf("%s truncates its answers over TCP", server)}
}

// judge reports whether an answer is one that a resolver would take.
func judge(server netip.AddrPort, m, in *dns.Msg) followed {
	q := m.Question[0]
	switch {
	case !in.Response || len(in.Question) != 1 || in.Question[0].Qtype != q.Qtype || in.Question[0].Qclass != q.Qclass ||
		dns.CanonicalName(in.Question[0].Name) != dns.CanonicalName(q.Name):
		return followed{err: fmt.Errorf("%s answers another question", server)}
	case in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError:
		return followed{err: fmt.Errorf("%s answers %s", server, dns.RcodeToString[in.Rcode])}
	case !in.Authoritative:
		return followed{err: fmt.Errorf("%s answers without authority", server)}
	}
	return followed{msg: in}
}
