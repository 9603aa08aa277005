// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// statics is what stands in one zone beside its hosts, packed. It is made anew
// only when it changed; sets that did not are shared.
type statics struct {
	from    *gslb.Records
	servers []gslb.RecordSet // addresses of name servers of ours whose names lie in the zone
	sets    map[setKey]*staticSet
	names   map[string][]*packed // by wire name; sorted by type
	cuts    map[string]*cut      // by wire name
	left    []LeftOut
}

type setKey struct {
	name gslb.Name
	typ  uint16
}

// staticSet is a set and what became of it.
type staticSet struct {
	of   gslb.RecordSet
	run  *packed // nil: no record of it can be served
	left []LeftOut
}

// LeftOut is a static record that the Table does not hold although it is a
// record to be served: its data cannot be read, or it does not fit. Data are
// read before they become part of a World, so that there is none unless
// clusters of different versions meet.
type LeftOut struct {
	Name gslb.Name
	Type uint16
	Data string
	Why  error
}

// LeftOut gives the static records that could not be packed; usually none.
func (t *Table) LeftOut() []LeftOut {
	var out []LeftOut
	for _, s := range t.statics {
		out = append(out, s.left...)
	}
	return out
}

// packStatics packs what stands in each zone beside hosts. What is as before is
// shared with the statics before, by zone.
func (t *Table) packStatics(prev []*statics) {
	t.statics = make([]*statics, len(t.zones))
	stated, servers := make([]*gslb.Records, len(t.zones)), t.servers()
	for j := len(t.world.Zones) - 1; j >= 0; j-- { // the first of a zone counts
		stated[t.zone(t.world.Zones[j].Zone)] = t.world.Zones[j].Static
	}
	for i := range t.zones {
		var old *statics
		if prev != nil {
			old = prev[i]
		}
		if old != nil && old.from == stated[i] && slices.EqualFunc(old.servers, servers[i], sameSet) {
			t.statics[i] = old
			continue
		}
		t.statics[i] = t.newStatics(i, stated[i], servers[i], old)
	}
}

func sameSet(a, b gslb.RecordSet) bool {
	return a.Name == b.Name && a.Type == b.Type && a.TTL == b.TTL && slices.Equal(a.Data, b.Data)
}

func (t *Table) newStatics(i int, from *gslb.Records, servers []gslb.RecordSet, old *statics) *statics {
	s := &statics{from: from, servers: servers, sets: make(map[setKey]*staticSet), names: make(map[string][]*packed)}
	if old == nil {
		old = &statics{}
	}
	sets := servers
	if from != nil {
		sets = slices.Concat(from.Sets, servers) // what somebody states wins
	}
	for _, of := range sets {
		key := setKey{of.Name, of.Type}
		if s.sets[key] != nil {
			continue
		}
		have := old.sets[key]
		if have == nil || !sameSet(have.of, of) {
			have = t.packSet(i, of)
		}
		s.sets[key] = have
		s.left = append(s.left, have.left...)
		if have.run != nil {
			wire := wireName(of.Name)
			s.names[wire] = append(s.names[wire], have.run)
		}
	}
	for _, runs := range s.names {
		slices.SortFunc(runs, func(a, b *packed) int { return int(a.rrtype) - int(b.rrtype) })
	}
	s.cuts = cutsOf(t.zones[i], s.names, old.cuts)
	return s
}

// packSet packs a set of zone i; each record once.
func (t *Table) packSet(i int, of gslb.RecordSet) *staticSet {
	s := &staticSet{of: of}
	if why := t.standsWell(i, of); why != nil {
		s.left = append(s.left, LeftOut{of.Name, of.Type, "", why})
		return s
	}
	p := &packed{rrtype: of.Type}
	ttl := t.limits.clamp(of.TTL)
	seen := make(map[string]bool, len(of.Data))
	for _, text := range of.Data {
		d, err := rdata.Pack(of.Type, text)
		switch {
		case err == nil && seen[string(d.Wire)]:
			continue
		case err == nil && of.Type == dns.TypeCNAME && p.count > 0:
			err = errors.New("a CNAME has one target")
		case err == nil && len(p.wire)+fixedSize+len(d.Wire) > maxSet(of.Type):
			err = errors.New("the records of this name and type are more than a message can hold")
		}
		if err != nil {
			s.left = append(s.left, LeftOut{of.Name, of.Type, text, err})
			continue
		}
		seen[string(d.Wire)] = true
		t.packRecord(p, i, ttl, d)
	}
	if p.count > 0 {
		s.run = p
	}
	return s
}

// fixedSize is what a record has beside its data, its owner a pointer.
const fixedSize = 12

// maxSet bounds a set. Name servers are pointed to from the addresses that are
// added to them, and there is no adding in part (RFC 9471).
func maxSet(rrtype uint16) int {
	if rrtype == dns.TypeNS {
		return maxPointer - headerSize - MaxName - 4 - 16*(MaxName+fixedSize)
	}
	return maxSection
}

// standsWell holds what the model has already seen to.
func (t *Table) standsWell(i int, of gslb.RecordSet) error {
	apex := of.Name == t.zones[i].name
	switch {
	case t.zoneOf([]byte(wireName(of.Name))) != i:
		return fmt.Errorf("%s does not lie in zone %s", of.Name, t.zones[i].name)
	case apex && (of.Type == dns.TypeNS || of.Type == dns.TypeCNAME || of.Type == dns.TypeDS):
		return fmt.Errorf("no %s can stand at the apex", rdata.TypeName(of.Type))
	case of.Type == dns.TypeNS && of.Name.IsWildcard():
		return errors.New("a wildcard cannot be delegated")
	}
	return nil
}

// packRecord adds a record. Targets of CNAMEs in another zone of ours are written
// in full, so that the name of that zone stands in one piece in the message:
// what is found there points to it.
func (t *Table) packRecord(p *packed, i int, ttl uint32, d rdata.Data) {
	z := t.zones[i]
	p.begin(toOwner, ttl)
	at := len(p.wire) + 2 + max(d.Target, 0)
	name := d.Name()
	if home := t.zoneOf(name); d.Compress && (p.rrtype != dns.TypeCNAME || home == i || home < 0) {
		end := d.Target + len(name)
		p.data(z, d.Wire[:d.Target], string(name), d.Wire[end:])
	} else {
		p.data(z, d.Wire, "", nil)
	}
	switch p.rrtype {
	case dns.TypeCNAME:
		p.leads(at, name)
	case dns.TypeNS, dns.TypeMX, dns.TypeSRV:
		if len(name) > 1 {
			p.leads(at, name)
		}
	case dns.TypeSVCB, dns.TypeHTTPS:
		switch {
		case len(name) > 1:
			p.leads(at, name)
		case binary.BigEndian.Uint16(d.Wire) > 0: // RFC 9460 §2.5.2: the owner itself
			p.leads(at, nil)
		}
	}
}

// reviseStatics brings the index from what stood in a zone to what stands there
// now; old nil: nothing.
func (t *Table) reviseStatics(e *edit, i int, old *statics) {
	next := t.statics[i]
	if old == next {
		return
	}
	if old == nil {
		old = &statics{}
	}
	apex := t.zones[i].wire
	for key, runs := range next.names {
		if !slices.Equal(old.names[key], runs) {
			e.add(key, i).static = runs
		}
	}
	for key := range old.names {
		if next.names[key] == nil {
			e.strip(key)
		}
	}
	if maps.Equal(old.cuts, next.cuts) && len(next.cuts) == 0 {
		return
	}
	for key := range old.names {
		e.mark(key, i, apex, next.cuts)
	}
	for key := range next.names {
		e.mark(key, i, apex, next.cuts)
	}
	for _, z := range t.zones {
		if z.parent == i {
			e.mark(parentOf(z.wire), i, apex, next.cuts)
		}
	}
}
