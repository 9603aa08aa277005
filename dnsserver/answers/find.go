// SPDX-License-Identifier: Apache-2.0

package answers

import "github.com/miekg/dns"

// Kind says what a Table has for a question.
type Kind uint8

// The kinds. A server answers NotReady with SERVFAIL and Refused with REFUSED;
// the others are authoritative, and all but Answer carry the SOA.
const (
	NotReady Kind = iota // nothing can be said yet
	Answer               // records
	NoData               // the name exists, the type does not (RFC 2308 §2.2)
	NXDomain             // the name does not exist (RFC 2308 §2.1)
	Referral             // a zone cut lies above the name; never found while zones delegate nothing
	Refused              // the name lies in no zone of ours
)

var kindNames = [...]string{"not ready", "answer", "no data", "no such name", "referral", "refused"}

// String gives words for people.
func (k Kind) String() string { return kindNames[k] }

// Found is what [Table.Find] gives: what to answer, not yet drawn. It belongs to
// the Table and to the name that was asked.
type Found struct {
	Kind Kind

	zone   *zone   // nil for NotReady and Refused
	node   *node   // whose data it is; nil if the name does not exist
	set    *rrset  // Answer: addresses to draw from, or
	apex   *packed // Answer: records of the zone itself
	cut    int     // offset in the name at which the zone's name begins
	tally  *Tally  // of the answer that was drawn
	source int     // offset in the name of the closest encloser of a wildcard; 0: no synthesis
}

// Find looks a question of class IN up. name is in wire form, uncompressed,
// with ASCII capitals folded (RFC 4343 §3). It neither allocates nor blocks.
func (t *Table) Find(name []byte, qtype uint16) Found {
	if !t.world.Ready {
		return Found{Kind: NotReady}
	}
	f := Found{node: t.index.get(name)}
	if f.node == nil && !t.enclose(name, &f) {
		return f
	}
	z := f.node.zone
	// RFC 4035 §3.1.4.1: DS lives above the cut, if we serve that zone too.
	if qtype == dns.TypeDS && f.node.apex && f.source == 0 && t.zones[z].parent >= 0 {
		z = t.zones[z].parent
		f.zone, f.Kind, f.cut = t.zones[z], NoData, len(name)-len(t.zones[z].wire)
		return f
	}
	f.zone = t.zones[z]
	f.cut = len(name) - len(f.zone.wire)
	f.choose(qtype)
	return f
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
	var wildcard [MaxName]byte
	wildcard[0], wildcard[1] = 1, '*'
	n := 2 + copy(wildcard[2:], name[at:])
	if w := t.index.get(wildcard[:n]); w != nil && w.zone == encloser.zone {
		f.node, f.source = w, at
		return true
	}
	f.Kind, f.zone = NXDomain, t.zones[encloser.zone]
	f.cut = len(name) - len(f.zone.wire)
	return false
}

// choose picks the records of a type. ANY gets one RRset (RFC 8482 §4.1).
func (f *Found) choose(qtype uint16) {
	f.Kind = Answer
	switch n := f.node; {
	case n.apex && (qtype == dns.TypeSOA || qtype == dns.TypeANY):
		f.apex = &f.zone.soa
	case n.apex && qtype == dns.TypeNS && f.zone.ns.count > 0:
		f.apex = &f.zone.ns
	case qtype == dns.TypeANY && len(n.sets) > 0:
		f.set = n.sets[0]
	default:
		if f.set = n.set(qtype); f.set == nil {
			f.Kind = NoData
		}
	}
}

// AppendAnswer appends the answer section to a message that so far has a header
// and the question whose name was looked up, and counts its records. draw is
// uniform; the caller owns the randomness.
func (f *Found) AppendAnswer(msg []byte, draw uint64) ([]byte, int) {
	switch {
	case f.set != nil:
		var n int
		msg, n, f.tally = f.set.append(msg, draw)
		return msg, n
	case f.apex != nil:
		return f.apex.append(msg, f.cut)
	}
	return msg, 0
}

// AppendAuthority appends the authority section, the SOA of negative answers
// (RFC 2308 §2), and counts its records.
func (f *Found) AppendAuthority(msg []byte) ([]byte, int) {
	if f.Kind != NoData && f.Kind != NXDomain {
		return msg, 0
	}
	return f.zone.soa.append(msg, f.cut)
}
