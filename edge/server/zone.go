// SPDX-License-Identifier: Apache-2.0

package server

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// zone is the content of the zone at one moment. A published zone is never
// changed; [zone.edit] makes a copy that may be.
type zone struct {
	origin string
	sets   map[string]map[uint16][]dns.RR // canonical owner → type → RRset
	above  map[string]bool                // names that have something below them
	copied map[string]bool                // owners whose map belongs to this copy alone
}

func newZone(origin string) *zone {
	return &zone{origin: origin, sets: make(map[string]map[uint16][]dns.RR), copied: make(map[string]bool)}
}

// edit gives a copy that may be changed until it is published.
func (z *zone) edit() *zone {
	return &zone{origin: z.origin, sets: maps.Clone(z.sets), copied: make(map[string]bool)}
}

// publish makes a changed zone ready for readers.
func (z *zone) publish() *zone {
	z.above = make(map[string]bool)
	for name := range z.sets {
		for name != z.origin {
			off, end := dns.NextLabel(name, 0)
			if end {
				break
			}
			name = name[off:]
			z.above[name] = true
		}
	}
	z.copied = nil
	return z
}

func (z *zone) get(name string, t uint16) []dns.RR { return z.sets[name][t] }

// Holds reports that a name belongs to the zone (dnsupdate.Zone).
func (z *zone) Holds(name string) bool { return dns.IsSubDomain(z.origin, name) }

// InUse reports that a name has records (dnsupdate.Zone).
func (z *zone) InUse(name string) bool { return len(z.sets[name]) > 0 }

// RRset gives the records of one name and type (dnsupdate.Zone).
func (z *zone) RRset(name string, t uint16) []dns.RR { return z.get(name, t) }

// put replaces an RRset; an empty one goes away, and its name with the last.
func (z *zone) put(name string, t uint16, set []dns.RR) {
	if !z.copied[name] {
		z.copied[name] = true
		own := maps.Clone(z.sets[name])
		if own == nil {
			own = make(map[uint16][]dns.RR)
		}
		z.sets[name] = own
	}
	if len(set) > 0 {
		z.sets[name][t] = set
		return
	}
	delete(z.sets[name], t)
	if len(z.sets[name]) == 0 {
		delete(z.sets, name)
		delete(z.copied, name)
	}
}

// add adds a record to its RRset, or replaces the equal one; all records of the
// set take its TTL (RFC 2181 §5.2). It reports whether anything changed.
func (z *zone) add(rr dns.RR) bool {
	name, t := dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype
	old := z.get(name, t)
	var set []dns.RR
	changed, found := false, false
	for _, o := range old {
		if dns.IsDuplicate(o, rr) {
			found = true
		}
		if o.Header().Ttl != rr.Header().Ttl {
			o = dns.Copy(o)
			o.Header().Ttl = rr.Header().Ttl
			changed = true
		}
		set = append(set, o)
	}
	if !found {
		set = append(set, rr)
	}
	if changed || !found {
		z.put(name, t, set)
	}
	return changed || !found
}

// remove takes one record away and reports whether it was there.
func (z *zone) remove(rr dns.RR) bool {
	name, t := dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype
	old := z.get(name, t)
	left := slices.DeleteFunc(slices.Clone(old), func(o dns.RR) bool { return dns.IsDuplicate(o, rr) })
	if len(left) == len(old) {
		return false
	}
	z.put(name, t, left)
	return true
}

// exists reports that a name has records, or names below it that have (an empty
// non-terminal, RFC 4592 §2.2.2).
func (z *zone) exists(name string) bool { return len(z.sets[name]) > 0 || z.above[name] }

// soa gives the zone's SOA record.
func (z *zone) soa() *dns.SOA {
	for _, rr := range z.get(z.origin, dns.TypeSOA) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

// cut gives the highest delegation at or above a name; "" if there is none.
func (z *zone) cut(name string) string {
	best := ""
	for n := name; n != z.origin; {
		if len(z.get(n, dns.TypeNS)) > 0 {
			best = n
		}
		off, end := dns.NextLabel(n, 0)
		if end {
			break
		}
		n = n[off:]
	}
	return best
}

// wildcard gives the owner that stands for a name that does not exist (RFC 4592
// §3.3.1): the asterisk below its closest encloser; "" if there is none.
func (z *zone) wildcard(name string) string {
	for n := name; n != z.origin; {
		off, end := dns.NextLabel(n, 0)
		if end {
			break
		}
		n = n[off:]
		if z.exists(n) {
			if w := "*." + n; len(z.sets[w]) > 0 {
				return w
			}
			return ""
		}
	}
	return ""
}

// len counts the records.
func (z *zone) len() int {
	n := 0
	for _, types := range z.sets {
		for _, set := range types {
			n += len(set)
		}
	}
	return n
}

// all gives every record, SOA first, then by name, type and data.
func (z *zone) all() []dns.RR {
	var out []dns.RR
	if soa := z.soa(); soa != nil {
		out = append(out, soa)
	}
	for _, name := range slices.Sorted(maps.Keys(z.sets)) {
		for _, t := range slices.Sorted(maps.Keys(z.sets[name])) {
			if t == dns.TypeSOA {
				continue
			}
			set := slices.Clone(z.sets[name][t])
			slices.SortFunc(set, func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) })
			out = append(out, set...)
		}
	}
	return out
}
