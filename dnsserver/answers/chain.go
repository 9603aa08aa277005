// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"bytes"

	"github.com/miekg/dns"
)

// maxChain bounds how many CNAMEs are followed; a longer chain is answered as far
// as that.
const maxChain = 16

// follow goes along a chain of CNAMEs, whose first f has found, and makes f what
// is found at its end (RFC 1034 §3.6.2, RFC 6604 §3):
//
//	records of the type          | the CNAMEs and those records
//	the name without that type   | the CNAMEs and the SOA of its zone
//	no such name                 | likewise, and NXDOMAIN
//	a name below a delegation    | the CNAMEs and the name servers of that zone
//	a name in no zone of ours    | the CNAMEs
//	a name that was there before | the CNAMEs, each once
func (t *Table) follow(f *Found, qtype uint16) {
	var seen [maxChain]*packed
	for last := f.run; ; {
		name := last.targets[0].name
		seen[f.links] = last
		f.run = nil
		if f.links++; f.links == maxChain || bytes.Equal(name, f.name) || ledTo(name, seen[:f.links-1]) {
			return
		}
		var g Found
		t.find(&g, name, qtype)
		if g.Kind == Refused {
			return
		}
		f.zone, f.node, f.source, f.run = g.zone, g.node, g.source, g.run
		if g.alias {
			last = g.run
			continue
		}
		f.Kind, f.set, f.cut = g.Kind, g.set, g.cut
		if f.Kind == Referral {
			f.Kind = Answer // of the name that was asked, and we have authority over that
		}
		f.adds = f.cut != nil || f.run != nil && len(f.run.targets) > 0
		return
	}
}

// ledTo reports that one of the CNAMEs leads to a name.
func ledTo(name []byte, cnames []*packed) bool {
	for _, p := range cnames {
		if bytes.Equal(p.targets[0].name, name) {
			return true
		}
	}
	return false
}

// appendChain appends the CNAMEs, and notes where in the message the name at the
// end of the chain and the names of its zone and cut begin.
func (f *Found) appendChain(msg []byte, start int) ([]byte, int) {
	name, owner := f.name, headerSize
	zoneAt, zone := 0, (*zone)(nil)
	for range f.links {
		var g Found
		f.table.find(&g, name, dns.TypeCNAME)
		if zone == nil {
			zoneAt = int(g.zoneAt)
		} else {
			zoneAt = placeOf(g.zone, zone, zoneAt, owner, name)
		}
		at := len(msg) - start
		msg, _ = g.run.append(msg, owner, zoneAt)
		zone, name, owner = g.zone, g.run.targets[0].name, at+g.run.targets[0].at
	}
	zoneAt = placeOf(f.zone, zone, zoneAt, owner, name)
	f.owner, f.zoneAt = uint16(owner), uint16(zoneAt)
	if f.cut != nil {
		f.cutAt = uint16(owner + len(name) - len(f.cut.key))
	}
	return msg, int(f.links)
}

// placeOf gives where in a message the name of a zone begins, for what follows a
// CNAME of another zone, or the same. That zone's name is at zoneAt in one piece,
// and the target of the CNAME at owner. See packRecord.
func placeOf(next, zone *zone, zoneAt, owner int, target []byte) int {
	if under([]byte(zone.wire), next.wire) {
		return zoneAt + len(zone.wire) - len(next.wire)
	}
	return owner + len(target) - len(next.wire)
}
