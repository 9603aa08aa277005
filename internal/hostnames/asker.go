// SPDX-License-Identifier: Apache-2.0

package hostnames

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Answer is what a resolver says of a name.
type Answer struct {
	// Addrs are its addresses of both families, sorted, each once; none: the name does not
	// exist or has no addresses, by an answer that says so.
	Addrs []netip.Addr
	// TTL is how long the answer may be kept: the least of the records that led to it, for
	// no addresses that of RFC 2308 §5.
	TTL time.Duration
	// Lacks is the family that could not be resolved while the other one has addresses;
	// zero: none.
	Lacks Family
}

// Family is one of the two kinds of addresses, by their size in bits; zero is neither.
type Family int

// The families.
const (
	IPv4 Family = 32
	IPv6 Family = 128
)

// Has reports that an address is of the family.
func (f Family) Has(a netip.Addr) bool { return a.BitLen() == int(f) }

// Asker resolves names. Safe for concurrent use.
type Asker interface {
	// Ask resolves a name, absolute with or without the final dot. An error means that
	// something is not known: no answer, SERVFAIL, REFUSED, a broken message. The Answer
	// beside it has the addresses of the other family and says in Lacks what it lacks; it is
	// zero where nothing is known.
	Ask(ctx context.Context, name string) (Answer, error)
}

const (
	attemptTimeout = 2 * time.Second
	udpSize        = 1232 // what passes everywhere unfragmented (DNS flag day 2020)
	maxChain       = 16   // CNAMEs that are followed within an answer
	// negativeTTL counts where a negative answer comes without SOA (RFC 2308 §5 wants it
	// not to be kept at all).
	negativeTTL = 5 * time.Second
	// DefaultResolvConf is where the resolvers of the machine stand.
	DefaultResolvConf = "/etc/resolv.conf"
)

// Stub is a stub resolver (RFC 1034 §5.3.1) that tells TTLs, which package net does
// not. It asks for names as they are: no search list, no hosts file.
type Stub struct {
	servers []string
	next    atomic.Uint32 // the server that answered last
}

// NewStub makes a Stub that asks these servers, as HOST:PORT, in this order; the one
// that answered last is asked first.
func NewStub(servers []string) (*Stub, error) {
	if len(servers) == 0 {
		return nil, errors.New("a stub resolver needs a server to ask: name one such as 192.0.2.53:53")
	}
	for _, s := range servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			return nil, fmt.Errorf("resolver %q: %w; write it as 192.0.2.53:53", s, err)
		}
	}
	return &Stub{servers: slices.Clone(servers)}, nil
}

// StubOf makes a Stub of a file such as /etc/resolv.conf; its nameserver lines count.
// Without the file, as in a container that nobody gave one, or without such a line the
// resolver is the one on this machine (resolv.conf(5)).
func StubOf(resolvConf string) (*Stub, error) {
	conf, err := dns.ClientConfigFromFile(resolvConf)
	switch {
	case errors.Is(err, os.ErrNotExist):
		conf = &dns.ClientConfig{Port: "53"}
	case err != nil:
		return nil, fmt.Errorf("finding the resolvers of this machine: %w", err)
	}
	servers := make([]string, len(conf.Servers))
	for i, s := range conf.Servers {
		servers[i] = net.JoinHostPort(s, conf.Port)
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1:53"}
	}
	return NewStub(servers)
}

// Ask implements [Asker]. Both families are asked at once. There are name servers that never
// answer for AAAA (RFC 4074), so what is known of one family counts without the other.
func (s *Stub) Ask(ctx context.Context, name string) (Answer, error) {
	type half struct {
		family Family
		answer Answer
		err    error
	}
	halves := make(chan half, 2)
	for family, qtype := range map[Family]uint16{IPv4: dns.TypeA, IPv6: dns.TypeAAAA} {
		go func() {
			a, err := s.ask(ctx, dns.Fqdn(name), qtype)
			halves <- half{family, a, err}
		}()
	}
	var whole, none Answer
	var trouble error
	for range 2 {
		h := <-halves
		switch {
		case h.err != nil:
			trouble = errors.Join(trouble, h.err)
			whole.Lacks = h.family
		case len(h.answer.Addrs) == 0:
			none.TTL = shorter(none.TTL, h.answer.TTL)
		default:
			whole.Addrs = append(whole.Addrs, h.answer.Addrs...)
			whole.TTL = shorter(whole.TTL, h.answer.TTL)
		}
	}
	switch {
	case len(whole.Addrs) > 0:
		slices.SortFunc(whole.Addrs, netip.Addr.Compare)
		whole.Addrs = slices.Compact(whole.Addrs)
		return whole, trouble
	case trouble != nil:
		return Answer{}, trouble
	}
	return none, nil
}

// shorter gives the lesser of two times; zero is not set yet.
func shorter(have, found time.Duration) time.Duration {
	if have == 0 {
		return found
	}
	return min(have, found)
}

// ask asks the servers in turn for one family until one of them answers.
func (s *Stub) ask(ctx context.Context, name string, family uint16) (Answer, error) {
	first := int(s.next.Load())
	var errs []error
	for i := range s.servers {
		n := (first + i) % len(s.servers)
		answer, err := s.exchange(ctx, s.servers[n], name, family)
		if err == nil {
			s.next.Store(uint32(n))
			return answer, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return Answer{}, errors.Join(errs...)
}

// exchange asks one server, over TCP where UDP does not do.
func (s *Stub) exchange(ctx context.Context, server, name string, family uint16) (Answer, error) {
	q := new(dns.Msg)
	q.SetQuestion(name, family)
	q.SetEdns0(udpSize, false)
	fail := func(err error) (Answer, error) {
		return Answer{}, fmt.Errorf("asking %s for %s %s: %w", server, name, dns.TypeToString[family], err)
	}
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: attemptTimeout, UDPSize: udpSize}
		r, _, err := c.ExchangeContext(ctx, q, server)
		switch {
		case err != nil:
			return fail(err)
		case r.Truncated && network == "udp":
			continue
		case r.Truncated:
			return fail(errors.New("the answer is truncated over TCP too"))
		case len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, name) || r.Question[0].Qtype != family:
			return fail(errors.New("the answer is to another question"))
		case r.Rcode == dns.RcodeNameError || r.Rcode == dns.RcodeSuccess:
			answer, err := read(r, name, family)
			if err != nil {
				return fail(err)
			}
			return answer, nil
		default:
			return fail(errors.New(dns.RcodeToString[r.Rcode]))
		}
	}
	return fail(errors.New("no answer"))
}

// read follows the chain of CNAMEs in an answer to the addresses at its end (RFC 1034
// §3.6.2). A chain that ends without them and without the SOA of a negative answer
// (RFC 2308 §2) is a referral or the work of a server that does not recurse: not known.
func read(r *dns.Msg, name string, family uint16) (Answer, error) {
	var a Answer
	ttl := func(h *dns.RR_Header) { a.TTL = shorter(a.TTL, max(time.Second, time.Duration(h.Ttl)*time.Second)) }
	for range maxChain {
		next := ""
		for _, rr := range r.Answer {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			switch rr := rr.(type) {
			case *dns.A:
				if addr, ok := netip.AddrFromSlice(rr.A.To4()); ok && family == dns.TypeA {
					a.Addrs = append(a.Addrs, addr)
					ttl(rr.Header())
				}
			case *dns.AAAA:
				if addr, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok && family == dns.TypeAAAA {
					a.Addrs = append(a.Addrs, addr.Unmap())
					ttl(rr.Header())
				}
			case *dns.CNAME:
				next = rr.Target
				ttl(rr.Header())
			}
		}
		if len(a.Addrs) > 0 {
			return a, nil
		}
		if next == "" {
			return readNegative(r, a.TTL)
		}
		name = next
	}
	return Answer{}, fmt.Errorf("more than %d CNAMEs, or a circle of them", maxChain)
}

// readNegative gives how long "no addresses" may be kept.
func readNegative(r *dns.Msg, chain time.Duration) (Answer, error) {
	for _, rr := range r.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			ttl := max(time.Second, time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second)
			return Answer{TTL: shorter(chain, ttl)}, nil
		}
	}
	if r.Rcode == dns.RcodeSuccess && !r.RecursionAvailable && !r.Authoritative {
		return Answer{}, errors.New("the server does not resolve names for us (no recursion)")
	}
	return Answer{TTL: negativeTTL}, nil
}
