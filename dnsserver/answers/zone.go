// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// Numbers of the records at the apex. The timers are for secondaries, which
// also get a NOTIFY: they look for changes every five minutes, and serve what
// they have for a week.
const (
	soaRefresh = 300
	soaRetry   = 60
	soaExpire  = 604800
	nsTTL      = 300 // short, so that a name server that was taken away is forgotten soon
)

// zone is what the apex of a zone answers for itself.
type zone struct {
	name    gslb.Name
	wire    string
	parent  int // index of the zone of ours around it; -1: none
	serial  uint32
	negTTL  uint32
	servers []gslb.Name // the first is our own, if we have one
	soa     packed
	ns      packed          // no records: no name server is known
	empty   packed          // at hosts with nothing to answer
	tallies [Refused]*Tally // by Kind, of answers without entries
}

// newZone packs the apex; old is shared if nothing in it changed.
func newZone(old *zone, z *gslb.Zone, self gslb.GeoTag, parent int, limits Builder, counts *tallies) (*zone, error) {
	next := &zone{
		name: z.Zone, wire: wireName(z.Zone), parent: parent, serial: z.Serial,
		negTTL: limits.clamp(z.NegTTL), servers: serversOf(z, self),
	}
	if old != nil && old.parent == parent && old.serial == next.serial && old.negTTL == next.negTTL &&
		slices.Equal(old.servers, next.servers) {
		return old, nil
	}
	for kind := range next.tallies {
		next.tallies[kind] = counts.of(z.Zone, Kind(kind), nil)
	}
	next.packSOA()
	next.packNS(limits)
	next.packEmpty()
	if len(next.ns.wire) > maxSection {
		return nil, fmt.Errorf("zone %s has %d name servers, more than fit into a message", z.Zone, len(z.NameServers))
	}
	return next, nil
}

// serversOf gives the names of the name servers, each once, our own first.
func serversOf(z *gslb.Zone, self gslb.GeoTag) []gslb.Name {
	var own, others []gslb.Name
	for _, ns := range z.NameServers {
		if ns.Cluster == self {
			own = append(own, ns.Name)
		} else {
			others = append(others, ns.Name)
		}
	}
	var out []gslb.Name
	for _, n := range append(own, others...) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// packSOA packs the one SOA record. Its TTL equals its MINIMUM, so that both
// rules for negative answers give the same (RFC 2308 §3, RFC 9077 §3). A zone
// without name servers names the root as its primary.
func (z *zone) packSOA() {
	p := &z.soa
	p.rrtype = dns.TypeSOA
	p.begin(0, z.negTTL)
	mname := "\x00"
	if len(z.servers) > 0 {
		mname = wireName(z.servers[0])
	}
	rname := "\x0ahostmaster" + z.wire
	at := len(p.wire)
	p.wire = append(p.wire, 0, 0)
	p.name(z, mname)
	p.name(z, rname)
	numbers := len(p.wire)
	for _, v := range []uint32{z.serial, soaRefresh, soaRetry, soaExpire, z.negTTL} {
		p.wire = binary.BigEndian.AppendUint32(p.wire, v)
	}
	binary.BigEndian.PutUint16(p.wire[at:], uint16(len(p.wire)-at-2))
	p.rdata = [][]byte{slices.Concat([]byte(mname), []byte(rname), p.wire[numbers:])}
}

// packNS packs the NS records, in the order of names so that all clusters give
// them alike.
func (z *zone) packNS(limits Builder) {
	z.ns.rrtype = dns.TypeNS
	for _, server := range slices.SortedFunc(slices.Values(z.servers), gslb.Name.Compare) {
		name := wireName(server)
		z.ns.begin(0, limits.clamp(nsTTL))
		z.ns.leads(len(z.ns.wire)+2, []byte(name))
		z.ns.data(z, nil, name, nil)
	}
}

// TypePlaceholder is the type of the record at a host that has nothing to answer
// and no other record: it has no data and says that the name exists. A secondary
// that transfers the zone has nothing but records to know that by, and would say
// NXDOMAIN, or answer with a wildcard. It is of private use (RFC 6895 §3.1).
const TypePlaceholder = 65500

func (z *zone) packEmpty() {
	z.empty.rrtype = TypePlaceholder
	z.empty.begin(toOwner, z.negTTL)
	z.empty.data(z, nil, "", nil)
}

// labelAt reports that a label of the zone's name begins at an offset.
func (z *zone) labelAt(offset int) bool {
	at := 0
	for at < offset {
		at += 1 + int(z.wire[at])
	}
	return at == offset
}

// holds reports that a wire name is the zone's or lies below it.
func (z *zone) holds(name []byte) bool { return under(name, z.wire) }

// under reports that a wire name is top or lies below it.
func under(name []byte, top string) bool {
	at := 0
	for len(name)-at > len(top) {
		at += 1 + int(name[at])
	}
	return string(name[at:]) == top
}
