// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/miekg/dns"
)

// maxChain bounds the CNAMEs that are followed inside the zone.
const maxChain = 8

// lookup answers a question about the zone: authoritative data, a referral, or
// what the delegated servers say to those who want recursion.
func (s *Server) lookup(ctx context.Context, r *request, name string, t uint16) *dns.Msg {
	z := s.data.Load()
	a := r.answer(dns.RcodeSuccess)
	for range maxChain {
		cut := z.cut(name)
		if cut != "" && !(name == cut && t == dns.TypeDS) {
			if r.msg.RecursionDesired {
				s.follow(ctx, r, z, a, cut, name, t)
			} else {
				z.refer(a, cut)
			}
			return a
		}
		a.Authoritative = true
		target := z.answer(a, name, t)
		if target == "" || !dns.IsSubDomain(z.origin, target) {
			return a
		}
		name = target
	}
	return a
}

// answer adds what the zone holds of one name. It gives the target when that is
// a CNAME which has to be followed.
func (z *zone) answer(a *dns.Msg, name string, t uint16) (target string) {
	owner := name
	if !z.exists(name) {
		if owner = z.wildcard(name); owner == "" {
			a.Rcode = dns.RcodeNameError
			z.negative(a)
			return ""
		}
	}
	if cname := z.get(owner, dns.TypeCNAME); len(cname) > 0 && t != dns.TypeCNAME && t != dns.TypeANY {
		a.Answer = append(a.Answer, synthesize(cname, name)...)
		if c, ok := cname[0].(*dns.CNAME); ok {
			return dns.CanonicalName(c.Target)
		}
		return ""
	}
	set := z.get(owner, t)
	if t == dns.TypeANY { // RFC 8482 §4.1: one RRset is enough
		for _, first := range z.sets[owner] {
			set = first
			break
		}
	}
	if len(set) == 0 {
		z.negative(a)
		return ""
	}
	a.Answer = append(a.Answer, synthesize(set, name)...)
	if t == dns.TypeNS {
		z.glue(a, set)
	}
	return ""
}

// synthesize gives the set under the name that was asked for.
func synthesize(set []dns.RR, name string) []dns.RR {
	out := make([]dns.RR, len(set))
	for i, rr := range set {
		out[i] = rr
		if dns.CanonicalName(rr.Header().Name) != name {
			out[i] = dns.Copy(rr)
			out[i].Header().Name = name
		}
	}
	return out
}

// negative adds the SOA, with the TTL of RFC 2308 §5.
func (z *zone) negative(a *dns.Msg) {
	soa := *z.soa()
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	a.Ns = append(a.Ns, &soa)
}

// refer adds the delegation at cut (RFC 1034 §4.3.2).
func (z *zone) refer(a *dns.Msg, cut string) {
	a.Authoritative = len(a.Answer) > 0
	ns := z.get(cut, dns.TypeNS)
	a.Ns = append(a.Ns, ns...)
	z.glue(a, ns)
}

// glue adds the addresses of name servers that the zone knows.
func (z *zone) glue(a *dns.Msg, ns []dns.RR) {
	var glue []dns.RR
	for _, rr := range ns {
		if n, ok := rr.(*dns.NS); ok {
			target := dns.CanonicalName(n.Ns)
			glue = append(glue, z.get(target, dns.TypeA)...)
			glue = append(glue, z.get(target, dns.TypeAAAA)...)
		}
	}
	a.Extra = append(glue, a.Extra...)
}
