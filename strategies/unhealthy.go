// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// decideUnhealthy answers when no cluster can serve, by whenAllUnhealthy.
//
//	whenAllUnhealthy | answer
//	empty, unset     | NODATA
//	lastHealthy      | the addresses that were healthy last; NODATA if none ever was
//	all              | every offered address, of the namespace that has the host
//	fallback         | fallbackAddresses
func decideUnhealthy(h *gslb.Host, d *Decision) {
	var a Answer
	switch h.Policy.WhenAllUnhealthy {
	case gslb.LastHealthy:
		a.Addrs, d.Reason = slices.Clone(h.LastHealthy), gslb.ReasonLastHealthy
		a.Clusters = offering(h, a.Addrs)
	case gslb.AllOffered:
		a = together(allOffered(h))
		d.Reason = gslb.ReasonAllOffered
	case gslb.Fallback:
		a.Addrs, d.Reason = sortAddrs(slices.Clone(h.Policy.Fallback)), gslb.ReasonFallback
	case gslb.Empty:
	}
	if len(a.Addrs) == 0 {
		a, d.Reason = Answer{}, gslb.ReasonEmpty
	}
	d.Answers = []Answer{a}
}

func allOffered(h *gslb.Host) []cluster {
	var out []cluster
	for i := range h.Parts {
		if h.Parts[i].Foreign {
			continue
		}
		c := cluster{tag: h.Parts[i].Cluster}
		for _, e := range h.Parts[i].Entries {
			c.addrs = append(c.addrs, e.Addr)
		}
		if len(c.addrs) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// offering gives the clusters that still offer one of the addresses.
func offering(h *gslb.Host, addrs []netip.Addr) []gslb.GeoTag {
	var out []gslb.GeoTag
	for i := range h.Parts {
		if slices.ContainsFunc(h.Parts[i].Entries, func(e gslb.Candidate) bool { return slices.Contains(addrs, e.Addr) }) {
			out = append(out, h.Parts[i].Cluster)
		}
	}
	return out
}
