// SPDX-License-Identifier: Apache-2.0

package answers

import "github.com/miekg/dns"

// Kind says what a Table has for a question.
type Kind uint8

// The kinds. A server answers NotReady with SERVFAIL and Refused with REFUSED.
// All others but Referral are authoritative. At the end of a chain of CNAMEs the
// kind is that of the last name (RFC 6604 §3).
const (
	NotReady Kind = iota // nothing can be said yet
	Answer               // records
	NoData               // the name exists, the type does not (RFC 2308 §2.2)
	NXDomain             // the name does not exist (RFC 2308 §2.1)
	Referral             // the name lies at or below a delegation that we make
	Refused              // the name lies in no zone of ours
)

var kindNames = [...]string{"not ready", "answer", "no data", "no such name", "referral", "refused"}

// String gives words for people.
func (k Kind) String() string { return kindNames[k] }

// Found is what [Table.Find] gives: what to answer, not yet drawn. It belongs to
// the Table and to the name that was asked, and its Append methods are called in
// the order of the sections, each once.
type Found struct {
	Kind  Kind
	alias bool  // run is a CNAME, and another type was asked for
	adds  bool  // the records lead to names that may have addresses to add
	links uint8 // CNAMEs in the chain, at whose end all the rest was found; 0: no chain

	source  uint8  // offset in the name of the closest encloser of a wildcard; 0: no synthesis
	zoneAt  uint16 // offset in the message at which the zone's name begins
	owner   uint16 // likewise the owner of the records; this and the next two are known while sections are appended
	cutAt   uint16 // the name of the delegation
	extraAt uint16 // the records whose names may have addresses to add

	zone  *zone   // nil for NotReady and Refused
	node  *node   // whose data it is; nil if the name does not exist
	set   *rrset  // Answer: addresses or names to draw from, or
	run   *packed // Answer: records as they are
	cut   *cut    // the delegation that a referral leads to
	tally *Tally  // of the answer that was drawn
	table *Table
	name  []byte // that was asked
}

// Find looks a question of class IN up. name is in wire form, uncompressed,
// with ASCII capitals folded (RFC 4343 §3). It neither allocates nor blocks.
func (t *Table) Find(name []byte, qtype uint16) (f Found) {
	if !t.world.Ready {
		return f
	}
	t.find(&f, name, qtype)
	switch {
	case f.alias:
		t.follow(&f, qtype)
	case f.run != nil && len(f.run.targets) > 0:
		f.adds = qtype != dns.TypeANY && qtype != dns.TypeCNAME
	case f.cut != nil:
		f.adds = true
	}
	if f.Kind != Answer && t.unsure(&f) {
		return Found{}
	}
	return f
}

// find is Find for one name; CNAMEs are not followed. f is zero.
func (t *Table) find(f *Found, name []byte, qtype uint16) {
	f.table, f.name = t, name
	n := t.index.get(name)
	if n == nil {
		if n = t.enclose(f); n == nil {
			return
		}
	} else if n.cut != nil && !(qtype == dns.TypeDS && n.cut.key == n.key) {
		t.refer(f, n)
		return
	}
	f.node = n
	if qtype == dns.TypeDS && n.apex && f.source == 0 && t.dsAbove(n) {
		f.Kind = NoData
		f.in(t.zones[t.zones[n.zone].parent])
		return
	}
	f.in(t.zones[n.zone])
	f.choose(qtype)
}

// in notes the zone, and where its name is in a message that asks for f.name.
func (f *Found) in(z *zone) {
	f.zone, f.zoneAt = z, uint16(headerSize+len(f.name)-len(z.wire))
}

// dsAbove reports that the DS of a zone of ours would stand in another zone of
// ours, from which nothing else of it is delegated (RFC 4035 §3.1.4.1).
func (t *Table) dsAbove(apex *node) bool {
	if t.zones[apex.zone].parent < 0 {
		return false
	}
	above := t.index.get([]byte(parentOf(apex.key)))
	return above == nil || above.cut == nil
}

// refer makes f a referral to the cut at or above a node.
func (t *Table) refer(f *Found, n *node) {
	f.Kind, f.node, f.cut = Referral, n, n.cut
	f.in(t.zones[n.zone])
}

// enclose looks for the closest encloser of a name that does not exist, and
// gives the wildcard below it (RFC 4592 §3.3.1). If there is none, f is what to
// answer.
func (t *Table) enclose(f *Found) *node {
	name, at := f.name, 0
	var encloser *node
	for encloser == nil {
		at += 1 + int(name[at])
		if at >= len(name)-1 {
			f.Kind = Refused
			return nil
		}
		encloser = t.index.get(name[at:])
	}
	if encloser.cut != nil { // RFC 4592 §4.2: before any wildcard
		t.refer(f, encloser)
		return nil
	}
	var wildcard [MaxName]byte
	wildcard[0], wildcard[1] = 1, '*'
	n := 2 + copy(wildcard[2:], name[at:])
	if w := t.index.get(wildcard[:n]); w != nil && w.zone == encloser.zone {
		f.source = uint8(at)
		return w
	}
	f.Kind = NXDomain
	f.in(t.zones[encloser.zone])
	return nil
}

// choose picks the records of a type. ANY gets one RRset (RFC 8482 §4.1).
func (f *Found) choose(qtype uint16) {
	f.Kind = Answer
	switch n := f.node; {
	case n.apex && (qtype == dns.TypeSOA || qtype == dns.TypeANY):
		f.run = &f.zone.soa
	case n.apex && qtype == dns.TypeNS && f.zone.ns.count > 0:
		f.run = &f.zone.ns
	case qtype == dns.TypeANY && len(n.sets) > 0:
		f.set = n.drawn()[0]
	default:
		if f.set = n.set(qtype); f.set == nil {
			f.chooseStatic(qtype)
		}
	}
}

// chooseStatic picks from the static records of a name.
func (f *Found) chooseStatic(qtype uint16) {
	n := f.node
	switch {
	case n.bare() && (qtype == TypePlaceholder || qtype == dns.TypeANY):
		f.run = &f.zone.empty
	case n.local != nil && n.localOnly():
		f.chooseLocal(qtype)
		return
	case len(n.static) == 0:
	case qtype == dns.TypeANY: // the smallest, because ANY is a question of amplifiers
		for _, p := range n.static {
			if n.run(p.rrtype) == p && (f.run == nil || len(p.wire) < len(f.run.wire)) {
				f.run = p
			}
		}
	default:
		if f.run = n.run(qtype); f.run == nil {
			f.run = n.run(dns.TypeCNAME)
			f.alias = f.run != nil
		}
	}
	if f.run == nil {
		f.Kind = NoData
	}
}

// Exceeds reports that the records alone are more than so many octets, so that
// there is no use in appending them. Of a host it is not known before the draw.
func (f *Found) Exceeds(octets int) bool {
	return f.run != nil && len(f.run.wire) > octets || f.cut != nil && len(f.cut.ns.wire) > octets
}

// AppendAnswer appends the answer section to a message that so far has a header
// and the question whose name was looked up, and counts its records. draw is
// uniform; the caller owns the randomness.
func (f *Found) AppendAnswer(msg []byte, draw uint64) ([]byte, int) {
	if f.links == 0 && !f.adds { // the usual case
		switch {
		case f.set != nil:
			var n int
			msg, n, f.tally = f.set.append(msg, draw)
			return msg, n
		case f.run != nil:
			return f.run.append(msg, headerSize, int(f.zoneAt))
		}
		return msg, 0
	}
	return f.appendPlaced(msg, draw)
}

// appendPlaced is AppendAnswer where it matters what stands where.
func (f *Found) appendPlaced(msg []byte, draw uint64) ([]byte, int) {
	count, n := 0, 0
	start := len(msg) - headerSize - len(f.name) - 4
	f.owner = headerSize
	if f.links > 0 {
		msg, count = f.appendChain(msg, start)
	} else if f.cut != nil {
		f.cutAt = uint16(headerSize + len(f.name) - len(f.cut.key))
	}
	f.extraAt = uint16(len(msg) - start)
	switch {
	case f.set != nil:
		at := len(msg)
		msg, n, f.tally = f.set.append(msg, draw)
		f.set.own(msg[at:], n, int(f.owner))
	case f.run != nil:
		msg, n = f.run.append(msg, int(f.owner), int(f.zoneAt))
	}
	return msg, count + n
}

// AppendAuthority appends the authority section, the SOA of negative answers
// (RFC 2308 §2) or the name servers of a delegation (RFC 1034 §4.3.2), and counts
// its records.
func (f *Found) AppendAuthority(msg []byte) ([]byte, int) {
	switch {
	case f.Kind == NoData || f.Kind == NXDomain:
		return f.zone.soa.append(msg, 0, int(f.zoneAt))
	case f.cut != nil:
		return f.cut.ns.append(msg, int(f.cutAt), int(f.zoneAt))
	}
	return msg, 0
}
