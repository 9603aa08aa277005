// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// hostInput is all that is known of one host at one moment.
type hostInput struct {
	name     Name
	zone     Name
	self     GeoTag
	claims   []*Offer // of objects in this cluster, oldest first; health by readiness
	peers    []peerOffer
	held     []GeoTag // clusters whose offer here is one that the deletion guard keeps
	known    func(GeoTag) bool
	verdict  func(Name, netip.Addr) (Verdict, bool)
	now      time.Time
	previous *Host        // nil: new
	healthy  []netip.Addr // of a new host: what was healthy before a restart
	probes   []netip.Addr // entries of ours that the guard of probes keeps healthy
	damper   *damper
	returned time.Time                          // since when all others find that we returned; zero: they do not
	waits    func(GeoTag, netip.Addr) time.Time // of a new host: until when entries wait, from before a restart
}

// peerOffer is what a peer says of the host, and how far it is believed.
type peerOffer struct {
	cluster  GeoTag
	liveness Liveness
	checked  bool
	offer    *Offer
}

// mergeHost makes one Host of what the clusters say; nil if nobody offers it.
// It gives the previous Host itself when nothing changed. Offers without a policy do
// not make a host.
func mergeHost(in hostInput) *Host {
	if len(in.claims) == 0 && !slices.ContainsFunc(in.peers, func(p peerOffer) bool { return !p.offer.PolicyUnknown }) {
		return nil
	}
	h := &Host{Name: in.name, Zone: in.zone}
	if len(in.claims) > 0 {
		own := ownOffer(in)
		h.Parts = append(h.Parts, Part{Cluster: in.self, Liveness: Self, Offer: own, Entries: candidates(own, Self, false)})
		for _, c := range in.claims[1:] {
			h.Rivals = append(h.Rivals, c.Source)
		}
	}
	for _, p := range in.peers {
		h.Parts = append(h.Parts, Part{Cluster: p.cluster, Liveness: p.liveness, Checked: p.checked, Offer: p.offer,
			Entries: candidates(p.offer, p.liveness, p.checked)})
	}
	for i := range h.Parts {
		h.Parts[i].Held = slices.Contains(in.held, h.Parts[i].Cluster)
	}
	slices.SortFunc(h.Parts, func(a, b Part) int { return compareTags(a.Cluster, b.Cluster) })
	ownNamespaces(h)
	followPolicy(h, in.self)
	in.delayReturns(h)
	h.keepFamilies()
	for _, t := range h.Policy.Tags() {
		if !in.known(t) {
			h.UnknownTags = append(h.UnknownTags, t)
		}
	}
	h.LastHealthy = healthyAddrs(h)
	switch {
	case len(h.LastHealthy) > 0:
	case in.previous != nil:
		h.LastHealthy = in.previous.LastHealthy
	default:
		h.LastHealthy = in.healthy
	}
	if in.previous != nil && reflect.DeepEqual(h, in.previous) {
		return in.previous
	}
	return h
}

// followPolicy picks the policy that is followed here: that of our own object;
// without one that the host belongs to, that of the earliest claim elsewhere (ties: the
// smallest geo tag), so that every cluster without an object of its own picks the same.
func followPolicy(h *Host, self GeoTag) {
	var from *Part
	if own := h.Part(self); own != nil && !own.Foreign {
		from = own
	} else {
		for i := range h.Parts {
			if p := &h.Parts[i]; !p.Offer.PolicyUnknown && !p.Foreign && (from == nil || p.Offer.Created.Before(from.Offer.Created)) {
				from = p
			}
		}
	}
	h.Policy, h.PolicyFrom = from.Offer.Policy, from.Cluster
	hash := h.Policy.Hash()
	for i := range h.Parts {
		if p := &h.Parts[i]; p != from && !p.Offer.PolicyUnknown && !p.Foreign && p.Offer.Policy.Hash() != hash {
			h.Diverged = append(h.Diverged, p.Cluster)
		}
	}
}

// candidates gives the entries of an offer as a strategy sees them.
func candidates(o *Offer, l Liveness, checked bool) []Candidate {
	out := make([]Candidate, 0, len(o.Entries))
	for i := range o.Entries {
		e := &o.Entries[i]
		if !e.Addr.IsValid() {
			continue
		}
		c := Candidate{Addr: e.Addr, Hostname: e.Hostname}
		c.Tier, c.Reason = standing(l, checked, e.Health, e.Reason)
		if c.Tier == TierReturning && l == Self {
			c.Until = e.Until
		}
		out = append(out, c)
	}
	return out
}

// standing is the merging rule: how an entry counts, by what its cluster says
// of it and how far the cluster is believed (agreement.md §4, design.md R2).
//
//	cluster                          | entry          | tier      | reason
//	left                             | any            | out       | ClusterLeft
//	any other                        | unhealthy      | out       | of the entry
//	lost or unheard, host unchecked  | any other      | lost      | ClusterLost
//	any other                        | healthy, waits | returning | of the entry
//	any other                        | healthy        | healthy   | of the entry
//	any other                        | unknown        | unknown   | of the entry
//
// A host that an entry check vouches for counts as if its cluster were vouched.
func standing(l Liveness, checked bool, h Health, why Reason) (Tier, Reason) {
	switch {
	case l == Left:
		return TierOut, ReasonClusterLeft
	case h == Unhealthy:
		return TierOut, why
	case (l == Lost || l == Unheard) && !checked:
		return TierLost, ReasonClusterLost
	case h == Healthy && (why == ReasonReturning || why == ReasonFlapping):
		return TierReturning, why
	case h == Healthy:
		return TierHealthy, why
	}
	return TierUnknown, why
}

// healthyAddrs gives the healthy entries; where all of those wait, them.
func healthyAddrs(h *Host) []netip.Addr {
	var out []netip.Addr
	best := TierUnknown
	for i := range h.Parts {
		best = min(best, h.Parts[i].Best())
	}
	for i := range h.Parts {
		for _, e := range h.Parts[i].Entries {
			if e.Tier == best && e.Tier != TierUnknown {
				out = append(out, e.Addr)
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func compareTags(a, b GeoTag) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
