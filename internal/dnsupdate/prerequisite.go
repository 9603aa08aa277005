// SPDX-License-Identifier: Apache-2.0

package dnsupdate

import (
	"slices"

	"github.com/miekg/dns"
)

// Zone is what an update is judged by. Names are canonical: lower-case and
// absolute.
type Zone interface {
	// Holds reports that a name belongs to the zone, whether or not it exists.
	Holds(name string) bool
	// InUse reports that a name has records (RFC 2136 §2.4.4); an empty non-terminal
	// has none.
	InUse(name string) bool
	// RRset gives the records of one name and type.
	RRset(name string, t uint16) []dns.RR
}

// Prerequisites checks the prerequisite section (RFC 2136 §3.2.5) and gives its
// RCODE.
func Prerequisites(z Zone, section []dns.RR) int {
	var wanted []dns.RR // value dependent
	for _, rr := range section {
		h := rr.Header()
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		if !z.Holds(dns.CanonicalName(h.Name)) {
			return dns.RcodeNotZone
		}
		if h.Class == dns.ClassINET {
			if MetaType(h.Rrtype) || h.Rdlength == 0 {
				return dns.RcodeFormatError
			}
			wanted = append(wanted, rr)
			continue
		}
		if rcode := prerequisite(z, h); rcode != dns.RcodeSuccess {
			return rcode
		}
	}
	for _, rr := range wanted {
		if !equals(z, rr.Header(), wanted) {
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
func prerequisite(z Zone, h *dns.RR_Header) int {
	name := dns.CanonicalName(h.Name)
	if h.Rdlength != 0 || MetaType(h.Rrtype) && h.Rrtype != dns.TypeANY {
		return dns.RcodeFormatError
	}
	any := h.Rrtype == dns.TypeANY
	switch h.Class {
	case dns.ClassANY:
		switch {
		case any && !z.InUse(name):
			return dns.RcodeNameError
		case !any && len(z.RRset(name, h.Rrtype)) == 0:
			return dns.RcodeNXRrset
		}
	case dns.ClassNONE:
		switch {
		case any && z.InUse(name):
			return dns.RcodeYXDomain
		case !any && len(z.RRset(name, h.Rrtype)) > 0:
			return dns.RcodeYXRrset
		}
	default:
		return dns.RcodeFormatError
	}
	return dns.RcodeSuccess
}

// equals reports that the RRset named by h is exactly what wanted says of it.
func equals(z Zone, h *dns.RR_Header, wanted []dns.RR) bool {
	name := dns.CanonicalName(h.Name)
	var want []dns.RR
	for _, rr := range wanted {
		if dns.CanonicalName(rr.Header().Name) == name && rr.Header().Rrtype == h.Rrtype && !contains(want, rr) {
			want = append(want, rr)
		}
	}
	have := z.RRset(name, h.Rrtype)
	if len(have) != len(want) {
		return false
	}
	for _, rr := range want {
		if !contains(have, rr) {
			return false
		}
	}
	return true
}

func contains(set []dns.RR, rr dns.RR) bool {
	return slices.ContainsFunc(set, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) })
}
