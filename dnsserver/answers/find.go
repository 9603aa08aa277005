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
	alias bool // run is a CNAME, and another type was asked for

	zone   *zone   // nil for NotReady and Refused
	node   *node   // whose data it is; nil if the name does not exist
	set    *rrset  // Answer: addresses to draw from, or
	run    *packed // Answer: records as they are
	cut    *cut    // the delegation that a referral leads to
	extra  *packed // records whose names may have addresses to add
	zoneAt int     // offset in the message at which the zone's name begins
	tally  *Tally  // of the answer that was drawn
	source int     // offset in the name of the closest encloser of a wildcard; 0: no synthesis

	name  []byte // that was asked
	table *Table

	// Where names begin in the message, as far as it is made; of use to chains
	// and to the additional section.
	owner, cutAt, extraAt int

	chain *packed // the first CNAME of a chain, at whose end all the rest was found; nil: no chain
	links int     // CNAMEs in the chain
	start *zone   // of the first
}

// Find looks a question of class IN up. name is in wire form, uncompressed,
// with ASCII capitals folded (RFC 4343 §3). It neither allocates nor blocks.
func (t *Table) Find(name []byte, qtype uint16) Found {
	if !t.world.Ready {
		return Found{Kind: NotReady}
	}
	f := t.find(name, qtype)
	if f.alias {
		t.follow(&f, qtype)
	}
	switch {
	case f.cut != nil:
		f.extra = f.cut.ns
	case f.run != nil && len(f.run.targets) > 0 && f.run.rrtype != dns.TypeCNAME && qtype != dns.TypeANY:
		f.extra = f.run
	}
	return f
}

// find is Find for one name; CNAMEs are not followed.
func (t *Table) find(name []byte, qtype uint16) Found {
	f := Found{node: t.index.get(name), name: name, table: t}
	if f.node == nil {
		if !t.enclose(name, &f) {
			return f
		}
	} else if f.node.cut != nil && !(qtype == dns.TypeDS && f.node.cut.key == f.node.key) {
		t.refer(&f, f.node)
		return f
	}
	z := f.node.zone
	if qtype == dns.TypeDS && f.node.apex && f.source == 0 && t.dsAbove(f.node) {
		f.zone = t.zones[t.zones[z].parent]
		f.Kind, f.zoneAt = NoData, headerSize+len(name)-len(f.zone.wire)
		return f
	}
	f.zone = t.zones[z]
	f.zoneAt = headerSize + len(name) - len(f.zone.wire)
	f.choose(qtype)
	return f
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
	f.Kind, f.node, f.cut, f.zone = Referral, n, n.cut, t.zones[n.zone]
	f.zoneAt = headerSize + len(f.name) - len(f.zone.wire)
}

// enclose looks for the closest encloser of a name that does not exist, and
// for a wildcard below it (RFC 4592 §3.3.1). It reports that there is one; if
// not, f is what to answer.
func (t *Table) enclose(name []byte, f *Found) bool {
	at := 0
	var encloser *node
	for encloser == nil {
		at += 1 + int(name[at])
		if at >= len(name)-1 {
			f.Kind = Refused
			return false
		}
		encloser = t.index.get(name[at:])
	}
	if encloser.cut != nil { // RFC 4592 §4.2: before any wildcard
		t.refer(f, encloser)
		return false
	}
	var wildcard [MaxName]byte
	wildcard[0], wildcard[1] = 1, '*'
	n := 2 + copy(wildcard[2:], name[at:])
	if w := t.index.get(wildcard[:n]); w != nil && w.zone == encloser.zone {
		f.node, f.source = w, at
		return true
	}
	f.Kind, f.zone = NXDomain, t.zones[encloser.zone]
	f.zoneAt = headerSize + len(name) - len(f.zone.wire)
	return false
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
		f.set = n.sets[0]
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
	if f.chain == nil && f.extra == nil && f.cut == nil { // the usual case
		switch {
		case f.set != nil:
			var n int
			msg, n, f.tally = f.set.append(msg, draw)
			return msg, n
		case f.run != nil:
			return f.run.append(msg, headerSize, f.zoneAt)
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
	if f.chain != nil {
		msg, count = f.appendChain(msg, start)
	} else if f.cut != nil {
		f.cutAt = headerSize + len(f.name) - len(f.cut.key)
	}
	f.extraAt = len(msg) - start
	switch {
	case f.set != nil:
		at := len(msg)
		msg, n, f.tally = f.set.append(msg, draw)
		f.set.own(msg[at:], n, f.owner)
	case f.run != nil:
		msg, n = f.run.append(msg, f.owner, f.zoneAt)
	}
	return msg, count + n
}

// AppendAuthority appends the authority section, the SOA of negative answers
// (RFC 2308 §2) or the name servers of a delegation (RFC 1034 §4.3.2), and counts
// its records.
func (f *Found) AppendAuthority(msg []byte) ([]byte, int) {
	switch {
	case f.Kind == NoData || f.Kind == NXDomain:
		return f.zone.soa.append(msg, 0, f.zoneAt)
	case f.cut != nil:
		return f.cut.ns.append(msg, f.cutAt, f.zoneAt)
	}
	return msg, 0
}
