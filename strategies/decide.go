// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// Decide chooses the answers of a host by its policy. It is pure: equal hosts
// give equal decisions.
func Decide(h *gslb.Host) Decision {
	h = shareTiers(h)
	d := Decision{TTL: h.Policy.TTL, Max: h.Policy.MaxAnswers}
	usable, tier := bestTier(h)
	if len(usable) == 0 {
		decideUnhealthy(h, &d)
		d.Entries = explain(h, &d, tier)
		return d
	}
	switch {
	case h.Policy.Strategy == gslb.Failover:
		failover(&h.Policy, usable, &d)
	case h.Policy.Weighted():
		weighted(&h.Policy, usable, &d)
	default:
		roundRobin(usable, &d)
		d.Pending = h.Policy.Strategy == gslb.GeoIP
	}
	alias(h, &d)
	switch tier {
	case gslb.TierUnknown:
		d.Reason = gslb.ReasonUnknownHealth
	case gslb.TierLost:
		d.Reason = gslb.ReasonLastResort
	case gslb.TierHealthy, gslb.TierReturning, gslb.TierOut:
		if d.Pending {
			d.Reason = gslb.ReasonStrategyPending
		}
	}
	d.Entries = explain(h, &d, tier)
	return d
}

// cluster is a cluster that can be chosen, with its addresses of the best tier.
type cluster struct {
	tag   gslb.GeoTag
	addrs []netip.Addr
}

// bestTier gives the clusters that have entries of the best tier there is.
//
//	some cluster healthy | some waits | some unknown | some lost | used
//	yes                  | any        | any          | any       | healthy entries
//	no                   | yes        | any          | any       | entries that wait: they are healthy
//	no                   | no         | yes          | any       | unknown entries
//	no                   | no         | no           | yes       | lost entries, as last reported
//	no                   | no         | no           | no        | none: whenAllUnhealthy
func bestTier(h *gslb.Host) ([]cluster, gslb.Tier) {
	best := gslb.TierOut
	for i := range h.Parts {
		best = min(best, h.Parts[i].Best())
	}
	if best == gslb.TierOut {
		return nil, best
	}
	var out []cluster
	for i := range h.Parts {
		c := cluster{tag: h.Parts[i].Cluster}
		for _, e := range h.Parts[i].Entries {
			if e.Tier == best {
				c.addrs = append(c.addrs, e.Addr)
			}
		}
		if len(c.addrs) > 0 {
			c.addrs = sortAddrs(c.addrs)
			out = append(out, c)
		}
	}
	return out, best
}

// together makes one answer of several clusters.
func together(cs []cluster) Answer {
	var a Answer
	for _, c := range cs {
		a.Clusters = append(a.Clusters, c.tag)
		a.Addrs = append(a.Addrs, c.addrs...)
	}
	a.Addrs = sortAddrs(a.Addrs)
	return a
}

// explain says of every entry whether it can be answered and why.
func explain(h *gslb.Host, d *Decision, tier gslb.Tier) []EntryReason {
	var out []EntryReason
	for i := range h.Parts {
		p := &h.Parts[i]
		for _, e := range p.Entries {
			v := EntryReason{Cluster: p.Cluster, Addr: e.Addr, Reason: e.Reason}
			weight, chosen := chosenFor(d, p.Cluster, e.Addr)
			switch {
			case e.Tier == tier && tier != gslb.TierOut && chosen:
				v.In = weight > 0 || !anyWeight(d, e.Addr.Is4())
				if !v.In {
					v.Reason = gslb.ReasonWeightZero
				}
			case tier == gslb.TierOut:
				v.In = chosen
			case e.Tier == tier:
				v.Reason = gslb.ReasonNotChosen
			case e.Tier == gslb.TierUnknown || e.Tier == gslb.TierHealthy:
				v.Reason = gslb.ReasonLowerTier
			}
			out = append(out, v)
		}
	}
	return out
}

func chosenFor(d *Decision, c gslb.GeoTag, addr netip.Addr) (weight uint32, ok bool) {
	for _, a := range d.Answers {
		if slices.Contains(a.Clusters, c) && slices.Contains(a.Addrs, addr) {
			return a.Weight, true
		}
	}
	return 0, false
}

// anyWeight reports that an answer with a weight has addresses of the family, so
// that answers with weight 0 are never drawn for it (see [Decision.Shares]).
func anyWeight(d *Decision, v4 bool) bool {
	return slices.ContainsFunc(d.Answers, func(a Answer) bool {
		return a.Weight > 0 && slices.ContainsFunc(a.Addrs, func(ip netip.Addr) bool { return ip.Is4() == v4 })
	})
}
