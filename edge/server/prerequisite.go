// SPDX-License-Identifier: Apache-2.0

package server

import (
	"slices"

	"github.com/miekg/dns"
)

// prerequisites checks the prerequisite section (§3.2.5).
func (z *zone) prerequisites(section []dns.RR) int {
	var wanted []dns.RR // value dependent
	for _, rr := range section {
		h := rr.Header()
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		if !dns.IsSubDomain(z.origin, h.Name) {
			return dns.RcodeNotZone
		}
		if h.Class == dns.ClassINET {
			if metaType(h.Rrtype) || h.Rdlength == 0 {
				return dns.RcodeFormatError
			}
			wanted = append(wanted, rr)
			continue
		}
		if rcode := z.prerequisite(h); rcode != dns.RcodeSuccess {
			return rcode
		}
	}
	for _, rr := range wanted {
		if !z.equals(rr.Header(), wanted) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// prerequisite checks one that does not depend on a value.
//
//	class | type | holds if           | else
//	ANY   | ANY  | the name is in use | NXDOMAIN
//	ANY   | set  | the RRset exists   | NXRRSET
//	NONE  | ANY  | the name is free   | YXDOMAIN
//	NONE  | set  | there is no RRset  | YXRRSET
func (z *zone) prerequisite(h *dns.RR_Header) int {
	name := dns.CanonicalName(h.Name)
	if h.Rdlength != 0 || metaType(h.Rrtype) && h.Rrtype != dns.TypeANY {
		return dns.RcodeFormatError
	}
	used, set := len(z.sets[name]) > 0, len(z.get(name, h.Rrtype)) > 0
	switch {
	case h.Class != dns.ClassANY && h.Class != dns.ClassNONE:
		return dns.RcodeFormatError
	case h.Rrtype == dns.TypeANY && h.Class == dns.ClassANY && !used:
		return dns.RcodeNameError
	case h.Rrtype == dns.TypeANY && h.Class == dns.ClassNONE && used:
		return dns.RcodeYXDomain
	case h.Rrtype == dns.TypeANY:
		return dns.RcodeSuccess
	case h.Class == dns.ClassANY && !set:
		return dns.RcodeNXRrset
	case h.Class == dns.ClassNONE && set:
		return dns.RcodeYXRrset
	}
	return dns.RcodeSuccess
}

// equals reports that the RRset named by h is exactly what wanted says of it.
func (z *zone) equals(h *dns.RR_Header, wanted []dns.RR) bool {
	name := dns.CanonicalName(h.Name)
	var want []dns.RR
	for _, rr := range wanted {
		if dns.CanonicalName(rr.Header().Name) != name || rr.Header().Rrtype != h.Rrtype {
			continue
		}
		if !slices.ContainsFunc(want, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			want = append(want, rr)
		}
	}
	have := z.get(name, h.Rrtype)
	if len(have) != len(want) {
		return false
	}
	for _, rr := range want {
		if !slices.ContainsFunc(have, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			return false
		}
	}
	return true
}
