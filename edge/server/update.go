// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/dnsupdate"
)

// maxRecords bounds the zone; a lab needs far fewer.
const maxRecords = 100_000

// update handles an UPDATE (RFC 2136 §3) and gives its RCODE. Everything or
// nothing of it happens.
//
//  1. zone section (§3.1)
//  2. permission (§3.3): signed by one of our keys; checked before the
//     prerequisites, so that nobody else learns what the zone holds
//  3. prerequisites (§3.2)
//  4. the update section is looked through (§3.4.1) and done (§3.4.2)
//  5. serial, state file, publication
func (s *Server) update(r *request) int {
	q := r.msg.Question[0]
	if q.Qtype != dns.TypeSOA {
		return dns.RcodeFormatError
	}
	if !r.signed {
		return dns.RcodeRefused
	}
	if q.Qclass != dns.ClassINET || dns.CanonicalName(q.Name) != s.zone {
		return dns.RcodeNotAuth
	}
	s.updating.Lock()
	defer s.updating.Unlock()
	now := s.data.Load()
	if rcode := dnsupdate.Prerequisites(now, r.msg.Answer); rcode != dns.RcodeSuccess {
		return rcode
	}
	if rcode := dnsupdate.Scan(now, r.msg.Ns); rcode != dns.RcodeSuccess {
		return rcode
	}
	next := now.edit()
	changed := false
	for _, rr := range r.msg.Ns {
		changed = next.apply(rr) || changed
	}
	if !changed {
		return dns.RcodeSuccess
	}
	if next.len() > maxRecords {
		return dns.RcodeRefused
	}
	if next.soa() == now.soa() {
		next.bump()
	}
	next.publish()
	if err := save(s.state, next); err != nil {
		s.log.Error("zone cannot be saved; the update is not taken", "file", s.state, "error", err)
		return dns.RcodeServerFailure
	}
	s.data.Store(next)
	s.log.Info("zone updated", "zone", s.zone, "serial", next.soa().Serial, "key", r.signer.KeyName(), "from", r.from)
	return dns.RcodeSuccess
}

// bump moves the serial on (RFC 1982 §3.1); 0 is passed over.
func (z *zone) bump() {
	soa := *z.soa()
	if soa.Serial++; soa.Serial == 0 {
		soa.Serial = 1
	}
	z.put(z.origin, dns.TypeSOA, []dns.RR{&soa})
}

// apply does one record of the update section and reports whether the zone
// changed. What cannot be is passed over in silence (§3.4.2).
func (z *zone) apply(rr dns.RR) bool {
	h := rr.Header()
	name := dns.CanonicalName(h.Name)
	switch h.Class {
	case dns.ClassANY:
		return z.clear(name, h.Rrtype)
	case dns.ClassNONE:
		gone := dns.Copy(rr)
		gone.Header().Class = dns.ClassINET
		if h.Rrtype == dns.TypeSOA ||
			name == z.origin && h.Rrtype == dns.TypeNS && len(z.get(name, dns.TypeNS)) == 1 {
			return false
		}
		return z.remove(gone)
	}
	return z.insert(name, dns.Copy(rr))
}

// insert adds a record (§3.4.2.2).
func (z *zone) insert(name string, rr dns.RR) bool {
	switch v := rr.(type) {
	case *dns.SOA:
		old := z.soa()
		if name != z.origin || int32(v.Serial-old.Serial) <= 0 {
			return false
		}
		z.put(name, dns.TypeSOA, []dns.RR{v})
		return true
	case *dns.CNAME:
		for t := range z.sets[name] {
			if t != dns.TypeCNAME {
				return false
			}
		}
		old := z.get(name, dns.TypeCNAME)
		if len(old) == 1 && dns.IsDuplicate(old[0], v) && old[0].Header().Ttl == v.Hdr.Ttl {
			return false
		}
		z.put(name, dns.TypeCNAME, []dns.RR{v})
		return true
	}
	if len(z.get(name, dns.TypeCNAME)) > 0 {
		return false
	}
	return z.add(rr)
}

// clear deletes an RRset, or all of a name (§3.4.2.3); SOA and NS of the zone
// itself stay.
func (z *zone) clear(name string, t uint16) bool {
	kept := func(t uint16) bool { return name == z.origin && (t == dns.TypeSOA || t == dns.TypeNS) }
	var gone []uint16
	for have := range z.sets[name] {
		if (t == dns.TypeANY || t == have) && !kept(have) {
			gone = append(gone, have)
		}
	}
	for _, t := range gone {
		z.put(name, t, nil)
	}
	return len(gone) > 0
}
