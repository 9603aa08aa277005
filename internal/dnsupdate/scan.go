// SPDX-License-Identifier: Apache-2.0

package dnsupdate

import "github.com/miekg/dns"

// Scan looks through the update section before anything is done (RFC 2136
// §3.4.1.3) and gives its RCODE. What one record means:
//
//	class | type | RDATA | meaning
//	IN    | set  | some  | add the record
//	ANY   | set  | none  | delete the RRset
//	ANY   | ANY  | none  | delete all RRsets of the name
//	NONE  | set  | some  | delete the record
func Scan(z Zone, section []dns.RR) int {
	for _, rr := range section {
		h := rr.Header()
		if !z.Holds(dns.CanonicalName(h.Name)) {
			return dns.RcodeNotZone
		}
		bad := false
		switch h.Class {
		case dns.ClassINET:
			bad = MetaType(h.Rrtype) || h.Rdlength == 0
		case dns.ClassANY:
			bad = h.Ttl != 0 || h.Rdlength != 0 || MetaType(h.Rrtype) && h.Rrtype != dns.TypeANY
		case dns.ClassNONE:
			bad = h.Ttl != 0 || h.Rdlength == 0 || MetaType(h.Rrtype)
		default:
			bad = true
		}
		if bad {
			return dns.RcodeFormatError
		}
	}
	return dns.RcodeSuccess
}

// MetaType reports types that no zone can hold (RFC 6895 §3.1).
func MetaType(t uint16) bool { return t == 0 || t == dns.TypeOPT || t >= 128 && t <= 255 }
