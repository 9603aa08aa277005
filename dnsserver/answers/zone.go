// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

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
	tallies [Refused]*Tally // by Kind, of answers without entries
}

// packed is a run of records that is copied into messages. Names in it are
// compressed against the name of the zone, which ends the name in the question
// of every message it is copied into.
type packed struct {
	wire  []byte
	ptrs  []pointer
	count int
}

// pointer is a place in packed.wire where a compression pointer is filled in.
type pointer struct {
	at   int // offset in wire
	into int // octets from the start of the zone's name
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
	z.owner(p, dns.TypeSOA, z.negTTL)
	z.rdata(p, func() {
		mname := "\x00"
		if len(z.servers) > 0 {
			mname = wireName(z.servers[0])
		}
		z.appendName(p, mname)
		z.appendName(p, "\x0ahostmaster"+z.wire)
		for _, v := range []uint32{z.serial, soaRefresh, soaRetry, soaExpire, z.negTTL} {
			p.wire = binary.BigEndian.AppendUint32(p.wire, v)
		}
	})
}

// packNS packs the NS records, in the order of names so that all clusters give
// them alike.
func (z *zone) packNS(limits Builder) {
	for _, server := range slices.SortedFunc(slices.Values(z.servers), gslb.Name.Compare) {
		z.owner(&z.ns, dns.TypeNS, limits.clamp(nsTTL))
		z.rdata(&z.ns, func() { z.appendName(&z.ns, wireName(server)) })
	}
}

// owner begins a record that belongs to the zone itself.
func (z *zone) owner(p *packed, rrtype uint16, ttl uint32) {
	p.ptrs = append(p.ptrs, pointer{len(p.wire), 0})
	p.wire = appendFixed(p.wire, rrtype, ttl)
	p.count++
}

// rdata writes what f appends, with its length before it.
func (z *zone) rdata(p *packed, f func()) {
	at := len(p.wire)
	p.wire = append(p.wire, 0, 0)
	f()
	binary.BigEndian.PutUint16(p.wire[at:], uint16(len(p.wire)-at-2))
}

// appendName writes a name, compressed where its end is an end of the zone's.
func (z *zone) appendName(p *packed, name string) {
	for len(name) > 1 {
		if into := len(z.wire) - len(name); into >= 0 && strings.HasSuffix(z.wire, name) && z.labelAt(into) {
			p.ptrs = append(p.ptrs, pointer{len(p.wire), into})
			p.wire = append(p.wire, 0, 0)
			return
		}
		p.wire = append(p.wire, name[:1+name[0]]...)
		name = parentOf(name)
	}
	p.wire = append(p.wire, 0)
}

// labelAt reports that a label of the zone's name begins at an offset.
func (z *zone) labelAt(offset int) bool {
	at := 0
	for at < offset {
		at += 1 + int(z.wire[at])
	}
	return at == offset
}

// append copies the records into a message in whose question the zone's name
// begins cut octets after the start of the name.
func (p *packed) append(msg []byte, cut int) ([]byte, int) {
	base := len(msg)
	msg = append(msg, p.wire...)
	for _, ptr := range p.ptrs {
		binary.BigEndian.PutUint16(msg[base+ptr.at:], uint16(0xC000|headerSize+cut+ptr.into))
	}
	return msg, p.count
}

func (p *packed) ttl() uint32 { return binary.BigEndian.Uint32(p.wire[6:]) }
