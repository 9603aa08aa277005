// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What stands for an answer without addresses.
const (
	NoData   = "NODATA"
	NXDomain = "NXDOMAIN"
)

// askTime is how long one question waits for its answer.
const askTime = time.Second

// Ask sends one question as a resolver's client would (RD set), over UDP, and over
// TCP if the answer was cut.
func (s Server) Ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	return s.exchange(ctx, name, qtype, true, askTime)
}

// AskItself is Ask without RD: what the server itself has, a referral included.
func (s Server) AskItself(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	return s.exchange(ctx, name, qtype, false, askTime)
}

func (s Server) exchange(ctx context.Context, name string, qtype uint16, recurse bool, limit time.Duration) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = recurse
	m.SetEdns0(dns.DefaultMsgSize, false)
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: limit}
		r, _, err := c.ExchangeContext(ctx, m, s.Addr)
		if err != nil {
			return nil, fmt.Errorf("asking %s (%s) for %s %s: %w", s.Name, s.Addr, name, dns.TypeToString[qtype], err)
		}
		if !r.Truncated {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s answers %s cut off, over TCP too", s.Name, name)
}

// Count asks n times for the IPv4 addresses of a name, as a resolver with few ports
// does: a new one every twenty questions, so that no translation of addresses on
// the way runs out, and several instances behind one address are met. A question
// without an answer is asked again. It gives how often each answer came.
func (s Server) Count(ctx context.Context, name string, n int) (map[string]int, error) {
	seen := map[string]int{}
	for done := 0; done < n; done += perPort {
		c := dns.Client{Timeout: tryTime}
		conn, err := c.DialContext(ctx, s.Addr)
		if err != nil {
			return nil, err
		}
		for range min(perPort, n-done) {
			var r *dns.Msg
			for range tries {
				if r, _, err = c.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), conn); err == nil {
					break
				}
			}
			if err != nil {
				return nil, errors.Join(fmt.Errorf("asking %s for %s: %w", s.Name, name, err), conn.Close())
			}
			seen[Read(r)]++
		}
		if err := conn.Close(); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// perPort is how many questions Count asks from one port.
const perPort = 20

// Addrs gives the IPv4 addresses of a name, as Join writes them; in their place
// NODATA, an RCODE, or what went wrong.
func (s Server) Addrs(ctx context.Context, name string) string {
	r, err := s.Ask(ctx, name, dns.TypeA)
	if err != nil {
		return err.Error()
	}
	return Read(r)
}

// Read gives the IPv4 addresses of an answer, as Join writes them, or NODATA, or
// the RCODE.
func Read(r *dns.Msg) string {
	if r.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[r.Rcode]
	}
	var out []string
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	if len(out) == 0 {
		return NoData
	}
	return Join(out)
}

// Join writes addresses sorted and each once, with a space between them.
func Join(addrs []string) string {
	sorted := slices.Sorted(slices.Values(addrs))
	return strings.Join(slices.Compact(sorted), " ")
}

// Zone asks whether the server answers for a zone; "" says yes.
func (s Server) Zone(ctx context.Context, zone string) string {
	r, err := s.Ask(ctx, zone, dns.TypeSOA)
	switch {
	case err != nil:
		return err.Error()
	case r.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[r.Rcode]
	default:
		return ""
	}
}

// NameServers gives the NS set of a zone (names in lower case, sorted) with the
// addresses that came along, from wherever the answer or the referral has them.
func (s Server) NameServers(ctx context.Context, zone string) (names []string, glue map[string][]string, err error) {
	r, err := s.AskItself(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, nil, err
	}
	if r.Rcode != dns.RcodeSuccess {
		return nil, nil, fmt.Errorf("%s answers %s for the NS of %s", s.Name, dns.RcodeToString[r.Rcode], zone)
	}
	glue = map[string][]string{}
	for _, rr := range slices.Concat(r.Answer, r.Ns, r.Extra) {
		switch rr := rr.(type) {
		case *dns.NS:
			if strings.EqualFold(rr.Hdr.Name, dns.Fqdn(zone)) {
				names = append(names, strings.ToLower(rr.Ns))
			}
		case *dns.A:
			owner := strings.ToLower(rr.Hdr.Name)
			glue[owner] = append(glue[owner], rr.A.String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names), glue, nil
}
