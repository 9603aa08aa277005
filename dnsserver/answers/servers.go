// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// serversIn gives the addresses of name servers of our zones whose names lie in
// zone i, where nobody else could answer for them.
func (t *Table) serversIn(i int) []gslb.RecordSet {
	var out []gslb.RecordSet
	for j := range t.world.Zones {
		for _, ns := range t.world.Zones[j].NameServers {
			if t.zoneOf([]byte(wireName(ns.Name))) != i || t.world.Host(ns.Name) != nil {
				continue
			}
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
		}
	}
	return out
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
