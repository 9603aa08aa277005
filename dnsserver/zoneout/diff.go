// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"encoding/binary"
	"iter"
	"maps"
	"reflect"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
)

// difference is what leads from one version of a zone to a later one. Of the
// versions it keeps their SOA records only.
type difference struct {
	from, to edge
	removed  []byte // records, packed one after the other, without SOA
	added    []byte
	records  int
}

// edge is one side of a difference.
type edge struct {
	serial uint32
	soa    record
}

func (d *difference) size() int { return len(d.removed) + len(d.added) }

// diff works out what leads from one version to another, at the price of what
// changed; where zones came or went, at the price of the whole zone.
func diff(zone gslb.Name, old, next *version) *difference {
	d := &difference{
		from: edge{old.serial, old.soa(zone)},
		to:   edge{next.serial, next.soa(zone)},
	}
	names, known := changedNames(zone, old.table.World(), next.table.World())
	if !known {
		d.compare(recordsOf(old.table.RRsets(zone)), recordsOf(next.table.RRsets(zone)))
		return d
	}
	for _, n := range names {
		d.compare(recordsOf(slices.Values(old.table.NameRRsets(n))), recordsOf(slices.Values(next.table.NameRRsets(n))))
	}
	return d
}

// compare adds what is in one sequence of records and not in the other.
func (d *difference) compare(old, next iter.Seq[record]) {
	was := make(map[string]bool) // true: it is no more
	var order []string
	for r := range old {
		if r.typ != dns.TypeSOA {
			key := string(r.append(nil))
			was[key] = true
			order = append(order, key)
		}
	}
	var buf []byte
	for r := range next {
		if r.typ == dns.TypeSOA {
			continue
		}
		buf = r.append(buf[:0])
		if was[string(buf)] {
			was[string(buf)] = false
			continue
		}
		d.added = append(d.added, buf...)
		d.records++
	}
	for _, key := range order {
		if was[key] {
			d.removed = append(d.removed, key...)
			d.records++
		}
	}
}

// condense makes one difference of several that follow each other (RFC 1995 §5):
// what comes and goes between is in neither part.
func condense(steps []*difference) *difference {
	if len(steps) == 1 {
		return steps[0]
	}
	d := &difference{from: steps[0].from, to: steps[len(steps)-1].to}
	net := make(map[string]int) // packed record → 1: added, -1: removed, 0: as before
	for _, step := range steps {
		for b := range runs(step.removed) {
			net[string(b)]--
		}
		for b := range runs(step.added) {
			net[string(b)]++
		}
	}
	for _, b := range slices.Sorted(maps.Keys(net)) {
		switch net[b] {
		case -1:
			d.removed = append(d.removed, b...)
		case 1:
			d.added = append(d.added, b...)
		default:
			continue
		}
		d.records++
	}
	return d
}

// changedNames gives the names of a zone at which records may differ between two
// Worlds, each once; false: that cannot be told by names. Zones of ours that lie
// below another are delegations in it.
func changedNames(zone gslb.Name, old, next *gslb.World) ([]gslb.Name, bool) {
	a, b := old.Zone(zone), next.Zone(zone)
	if a == nil || b == nil || a.NegTTL != b.NegTTL || !sameBelow(zone, old, next) { // NegTTL is that of placeholders
		return nil, false
	}
	seen := map[gslb.Name]bool{zone: true}
	names := []gslb.Name{zone}
	add := func(n gslb.Name) {
		if !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	for n := range next.Changed(old) {
		for _, w := range []*gslb.World{old, next} {
			if h := w.Host(n); h != nil && h.Zone == zone {
				add(n)
			}
		}
	}
	if a.Static != b.Static {
		changedSets(setsOf(a), setsOf(b), add)
	}
	return names, true
}

// sameBelow reports that the zones of ours below a zone are the same and have
// the same name servers.
func sameBelow(zone gslb.Name, old, next *gslb.World) bool {
	below := func(w *gslb.World) []gslb.Zone {
		var out []gslb.Zone
		for i := range w.Zones {
			if w.Zones[i].Zone.Below(zone) {
				out = append(out, w.Zones[i])
			}
		}
		return out
	}
	same := func(a, b gslb.Zone) bool {
		return a.Zone == b.Zone && reflect.DeepEqual(a.NameServers, b.NameServers)
	}
	return slices.EqualFunc(below(old), below(next), same)
}

func setsOf(z *gslb.Zone) []gslb.RecordSet {
	if z.Static == nil {
		return nil
	}
	return z.Static.Sets
}

// changedSets gives the names whose sets differ in two lists sorted by name and
// type. What a delegation hides is in neither, and its glue stands at its own name.
func changedSets(a, b []gslb.RecordSet, add func(gslb.Name)) {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch c := compareSets(a, b, i, j); {
		case c < 0:
			add(a[i].Name)
			i++
		case c > 0:
			add(b[j].Name)
			j++
		default:
			if a[i].TTL != b[j].TTL || !slices.Equal(a[i].Data, b[j].Data) {
				add(b[j].Name)
			}
			i++
			j++
		}
	}
}

// compareSets orders the sets a[i] and b[j]; what is beyond the end comes last.
func compareSets(a, b []gslb.RecordSet, i, j int) int {
	switch {
	case i == len(a):
		return 1
	case j == len(b):
		return -1
	}
	if c := a[i].Name.Compare(b[j].Name); c != 0 {
		return c
	}
	return int(a[i].Type) - int(b[j].Type)
}

// soa gives the SOA record of a version.
func (v *version) soa(zone gslb.Name) record {
	for r := range recordsOf(slices.Values(v.table.NameRRsets(zone))) {
		return r // it comes first
	}
	return record{}
}

// record is one record. Its data are not compressed.
type record struct {
	owner string // in wire form, lower case
	typ   uint16
	ttl   uint32
	data  []byte
}

// recordsOf walks the records of RRsets.
func recordsOf(sets iter.Seq[answers.RRset]) iter.Seq[record] {
	return func(yield func(record) bool) {
		for s := range sets {
			for _, data := range s.RData {
				if !yield(record{s.Owner, s.Type, s.TTL, data}) {
					return
				}
			}
		}
	}
}

// append packs the record without compression.
func (r *record) append(b []byte) []byte {
	b = append(b, r.owner...)
	b = binary.BigEndian.AppendUint16(b, r.typ)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, r.ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
	return append(b, r.data...)
}

// runs walks the octets of records that were packed one after the other.
func runs(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			end := nameEnd(b) + 10
			end += int(binary.BigEndian.Uint16(b[end-2:]))
			if !yield(b[:end]) {
				return
			}
			b = b[end:]
		}
	}
}

// packed walks records that were packed one after the other.
func packed(b []byte) iter.Seq[record] {
	return func(yield func(record) bool) {
		for b := range runs(b) {
			end := nameEnd(b)
			if !yield(record{string(b[:end]), binary.BigEndian.Uint16(b[end:]), binary.BigEndian.Uint32(b[end+4:]), b[end+10:]}) {
				return
			}
		}
	}
}

// nameEnd gives the offset after the name that begins b.
func nameEnd(b []byte) int {
	end := 0
	for b[end] != 0 {
		end += 1 + int(b[end])
	}
	return end + 1
}
