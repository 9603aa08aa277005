// SPDX-License-Identifier: Apache-2.0

package update

import (
	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// view is a zone as it is served (dnsupdate.Zone): what all clusters hold.
type view struct {
	*served
	zone gslb.Name
}

// Holds reports that a name lies in the zone and in no zone of ours below it.
func (v view) Holds(name string) bool { return v.zoneOf(name) == v.zone }

// InUse reports that a name has records.
func (v view) InUse(name string) bool {
	n, err := gslb.ParseName(name) // other names have no records
	if err == nil {
		for range v.at(n) {
			return true
		}
	}
	return false
}

// RRset gives the records of a name and type.
func (v view) RRset(name string, t uint16) []dns.RR {
	n, err := gslb.ParseName(name)
	if err != nil {
		return nil
	}
	var out []dns.RR
	for have, set := range v.at(n) {
		if have != t {
			continue
		}
		for _, data := range set {
			h := dns.RR_Header{Name: n.FQDN(), Rrtype: t, Class: dns.ClassINET, Rdlength: uint16(len(data))}
			if rr, _, err := dns.UnpackRRWithHeader(h, data, 0); err == nil {
				out = append(out, rr)
			}
		}
	}
	return out
}

// has reports that there is an RRset at a name.
func (v view) has(n gslb.Name, t uint16) bool {
	for have := range v.at(n) {
		if have == t {
			return true
		}
	}
	return false
}

// delegated reports that a name lies at a delegation or below one, where nothing of
// ours is served.
func (v view) delegated(n gslb.Name) bool {
	for ; n.Below(v.zone); n = n.Parent() {
		if v.has(n, dns.TypeNS) {
			return true
		}
	}
	return false
}
