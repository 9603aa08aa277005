// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// shareTiers rates an address that several clusters offer by the best of its owners, for
// all of them: behind one address, such as that of a global load balancer, each owner can
// serve for the others, so that it is withdrawn only when all say so. A cluster that
// left owns nothing. The host itself is not changed; it is given back where no address
// is shared.
//
//	eu says   | us says   | both count as
//	healthy   | unhealthy | healthy
//	unknown   | unhealthy | unknown
//	unhealthy | unhealthy | out
//	healthy   | left      | eu healthy, us out
func shareTiers(h *gslb.Host) *gslb.Host {
	if !sharesAddresses(h) {
		return h
	}
	best := make(map[netip.Addr]gslb.Tier)
	for i := range h.Parts {
		for _, e := range h.Parts[i].Entries {
			if t, known := best[e.Addr]; !known || e.Tier < t {
				best[e.Addr] = e.Tier
			}
		}
	}
	shared := *h
	shared.Parts = slices.Clone(h.Parts)
	for i := range shared.Parts {
		p := &shared.Parts[i]
		p.Entries = slices.Clone(p.Entries)
		for j := range p.Entries {
			e := &p.Entries[j]
			if t := best[e.Addr]; t < e.Tier && e.Reason != gslb.ReasonClusterLeft {
				e.Tier, e.Reason = t, gslb.ReasonSharedAddress
			}
		}
	}
	return &shared
}

// sharesAddresses reports that an address is offered twice.
func sharesAddresses(h *gslb.Host) bool {
	var few [32]netip.Addr
	all := few[:0]
	for i := range h.Parts {
		for _, e := range h.Parts[i].Entries {
			all = append(all, e.Addr)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			return true
		}
	}
	return false
}

// heaviestOwners makes one answer for each cluster of those that can be drawn. An
// address that several of them share is drawn with the weight of the heaviest (the first
// by tag among equals), which answers for the others: never with the sum. Answers that
// have no address of their own left are not drawn.
func heaviestOwners(p *gslb.Policy, usable []cluster) []Answer {
	order := make([]int, len(usable))
	weight := make([]uint32, len(usable))
	for i := range usable {
		w, _ := p.WeightOf(usable[i].tag)
		order[i], weight[i] = i, uint32(w)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight[b], weight[a]) })
	answers := make([]Answer, len(usable))
	taken := make(map[netip.Addr]int) // address → who has it
	for _, i := range order {
		answers[i].Weight = weight[i]
		for _, addr := range usable[i].addrs {
			owner, known := taken[addr]
			if !known {
				owner = i
				taken[addr] = i
				answers[i].Addrs = append(answers[i].Addrs, addr)
			}
			if a := &answers[owner]; !slices.Contains(a.Clusters, usable[i].tag) {
				a.Clusters = append(a.Clusters, usable[i].tag)
			}
		}
	}
	for i := range answers {
		slices.Sort(answers[i].Clusters)
	}
	return slices.DeleteFunc(answers, func(a Answer) bool { return len(a.Addrs) == 0 })
}
