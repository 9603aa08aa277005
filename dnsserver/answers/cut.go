// SPDX-License-Identifier: Apache-2.0

package answers

import "github.com/miekg/dns"

// cut is a delegation that we make: the name at which another zone begins, and
// its name servers. Names at it and below are not ours to answer for.
type cut struct {
	key string // wire name
	ns  *packed
}

// cutsOf gives the delegations among the sets of a zone. Below one there is no
// other. Those that did not change since old are the same.
func cutsOf(z *zone, names map[string][]*packed, old map[string]*cut) map[string]*cut {
	var out map[string]*cut
	for key, sets := range names {
		ns := setOf(sets, dns.TypeNS)
		if ns == nil || key == z.wire {
			continue
		}
		if out == nil {
			out = make(map[string]*cut)
		}
		if c := old[key]; c != nil && c.ns == ns {
			out[key] = c
		} else {
			out[key] = &cut{key, ns}
		}
	}
	return out
}

// highest gives the cut nearest to the apex that lies at a name of the zone or
// above it; nil if there is none.
func highest(cuts map[string]*cut, key, apex string) *cut {
	var found *cut
	for ; len(key) > len(apex); key = parentOf(key) {
		if c := cuts[key]; c != nil {
			found = c
		}
	}
	return found
}

// mark tells the nodes between a name and the apex of its zone under which cut
// they lie.
func (e *edit) mark(key string, zone int, apex string, cuts map[string]*cut) {
	for ; len(key) > len(apex); key = parentOf(key) {
		n := e.peek(key)
		if n == nil || n.zone != zone {
			continue
		}
		if c := highest(cuts, key, apex); n.cut != c {
			e.own(key).cut = c
		}
	}
}
