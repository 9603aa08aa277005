// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// servers gives, for each zone, the addresses of name servers of our zones whose names
// lie in it, where nobody else could answer for them.
func (t *Table) servers() [][]gslb.RecordSet {
	out := make([][]gslb.RecordSet, len(t.zones))
	for j := range t.world.Zones {
		for _, ns := range t.world.Zones[j].NameServers {
			if i := t.home(ns.Name); i >= 0 && t.world.Host(ns.Name) == nil {
				out[i] = append(out[i], addressSets(ns)...)
			}
		}
	}
	return out
}

// addressSets gives the addresses of a name server, by family.
func addressSets(ns gslb.NameServer) []gslb.RecordSet {
	var out []gslb.RecordSet
	for _, v4 := range []bool{true, false} {
		set := gslb.RecordSet{Name: ns.Name, Type: dns.TypeAAAA, TTL: nsTTL}
		if v4 {
			set.Type = dns.TypeA
		}
		for _, a := range ns.Addrs {
			if a.Is4() == v4 {
				set.Data = append(set.Data, a.String())
			}
		}
		if len(set.Data) > 0 {
			out = append(out, set)
		}
	}
	return out
}

// home gives the smallest zone of ours that holds a name; -1: none. Every World asks it for
// every name server of every zone, so it does not look at all zones.
func (t *Table) home(n gslb.Name) int {
	for ; !n.IsZero(); n = n.Parent() {
		if i := t.zone(n); i >= 0 {
			return i
		}
	}
	return -1
}

// zoneOf gives the smallest zone of ours that holds a wire name; -1: none.
func (t *Table) zoneOf(name []byte) int {
	best := -1
	for i, z := range t.zones {
		if z.holds(name) && (best < 0 || len(z.wire) > len(t.zones[best].wire)) {
			best = i
		}
	}
	return best
}
