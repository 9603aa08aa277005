// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// RRset is a set of records as a transfer gives it: whole, without compression,
// and without a draw. It belongs to the Table and must not be changed.
type RRset struct {
	Owner string // wire form, lower case
	Type  uint16
	TTL   uint32   // seconds
	RData [][]byte // wire form of each record's data, names in lower case and not compressed
}

// RRsets walks all of a zone of ours, in the canonical order of owners (RFC 4034
// §6.1), the SOA before all others: the NS of the apex; each host with every
// address that its decision can give, or a placeholder (see [TypePlaceholder]); static records, delegations and their
// glue; and for a zone of ours below this one its NS, with glue as far as the
// names lie in this zone. Nothing for a zone that is not ours. It does not hold
// up anybody.
func (t *Table) RRsets(zone gslb.Name) iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		i := t.zone(zone)
		if i < 0 {
			return
		}
		var nodes []*node
		for n := range t.index.all() {
			if n.zone == i || n.apex && t.zones[n.zone].parent == i {
				nodes = append(nodes, n)
			}
		}
		slices.SortFunc(nodes, func(a, b *node) int { return compareCanonical(a.key, b.key) })
		for _, n := range nodes {
			for _, s := range t.rrsetsAt(n, i) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// NameRRsets gives what [Table.RRsets] gives at one name, in the zone of ours
// that holds the name; nil if nothing stands there. Its price does not grow with
// the zone.
func (t *Table) NameRRsets(name gslb.Name) []RRset {
	n := t.index.get([]byte(wireName(name)))
	if n == nil {
		return nil
	}
	return t.rrsetsAt(n, n.zone)
}

// rrsetsAt gives what zone i has at a node.
func (t *Table) rrsetsAt(n *node, i int) []RRset {
	if n.zone != i { // the apex of a zone below
		return appendRun(nil, n.key, &t.zones[n.zone].ns)
	}
	var out []RRset
	if n.apex {
		out = appendRun(out, n.key, &t.zones[i].soa)
		out = appendRun(out, n.key, &t.zones[i].ns)
	}
	switch {
	case n.bare():
		out = appendRun(out, n.key, &t.zones[i].empty)
	case n.host != nil:
		out = t.appendHost(out, n)
	}
	for _, p := range n.static {
		if n.run(p.rrtype) == p {
			out = appendRun(out, n.key, p)
		}
	}
	return out
}

func appendRun(out []RRset, owner string, p *packed) []RRset {
	if p.count == 0 {
		return out
	}
	return append(out, RRset{Owner: owner, Type: p.rrtype, TTL: p.ttl(), RData: p.rdata})
}

// appendHost adds the addresses of a host, of both families.
func (t *Table) appendHost(out []RRset, n *node) []RRset {
	d := strategies.Decide(n.host)
	v4, v6 := RRset{Owner: n.key, Type: dns.TypeA, TTL: t.limits.clamp(d.TTL)}, RRset{Owner: n.key, Type: dns.TypeAAAA, TTL: t.limits.clamp(d.TTL)}
	for _, a := range d.Addrs() {
		if a.Is4() {
			v4.RData = append(v4.RData, a.AsSlice())
		} else {
			v6.RData = append(v6.RData, a.AsSlice())
		}
	}
	for _, s := range []RRset{v4, v6} {
		if len(s.RData) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// compareCanonical orders wire names label by label from the right (RFC 4034
// §6.1).
func compareCanonical(a, b string) int {
	var la, lb [MaxName / 2]uint8
	na, nb := labels(a, &la), labels(b, &lb)
	for na > 0 && nb > 0 {
		na, nb = na-1, nb-1
		i, j := int(la[na]), int(lb[nb])
		if c := strings.Compare(a[i+1:i+1+int(a[i])], b[j+1:j+1+int(b[j])]); c != 0 {
			return c
		}
	}
	return cmp.Compare(na, nb)
}

// labels notes where the labels of a wire name begin, and counts them.
func labels(name string, at *[MaxName / 2]uint8) int {
	n := 0
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		at[n] = uint8(i)
		n++
	}
	return n
}

// SerialOf gives the serial of the SOA that a zone of ours is served with.
func (t *Table) SerialOf(zone gslb.Name) (serial uint32, ours bool) {
	i := t.zone(zone)
	if i < 0 {
		return 0, false
	}
	soa := t.zones[i].soa.rdata[0]
	return binary.BigEndian.Uint32(soa[len(soa)-20:]), true
}
