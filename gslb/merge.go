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

// ownOffer is the claim that stands for this cluster, with overrides and verdicts merged in. Since is
// kept where the health of an entry did not change.
func ownOffer(in hostInput) *Offer {
	claim := in.claims[0]
	own := *claim
	own.Entries = slices.Clone(claim.Entries)
	var before []Entry
	if in.previous != nil {
		if p := in.previous.Part(in.self); p != nil {
			before = p.Offer.Entries
		}
	}
	for i := range own.Entries {
		e := &own.Entries[i]
		v, seen := in.verdict(in.name, e.Addr)
		if !seen {
			v.Health = HealthUnknown
		}
		e.Health, e.Reason = ownHealth(own.Override, e.Health, e.Reason, own.Check, v.Health)
		if (e.Reason == ReasonProbeDown || e.Reason == ReasonProbePending) && slices.Contains(in.probes, e.Addr) {
			e.Health, e.Reason = Healthy, ReasonProbesHeld
		}
		if e.Draining {
			e.Health, e.Reason = drained(own.Entries, e.Health, e.Reason, v.Health, seen)
		}
		was := HealthUnknown
		e.Since = in.now
		for _, b := range before {
			if b.Addr == e.Addr && b.Hostname == e.Hostname {
				if was = b.Health; b.Health == e.Health {
					e.Since = b.Since
				}
			}
		}
		if !e.Addr.IsValid() || e.Draining || in.damper == nil || twice(own.Entries, i) {
			continue
		}
		if why, until := in.damper.judge(in.name, e, was, own.Policy.ReturnDelay, in.now); why != "" {
			e.Reason, e.Until = why, until
		}
	}
	if in.damper != nil {
		in.damper.forget(in.name, before, own.Entries, in.now)
	}
	return &own
}

// drained says how healthy an entry of ours is that its object does not have any more:
// the new address is made before the old one is broken, and the old one stays only
// while somebody finds that it serves.
//
//	another address of ours | otherwise     | probe            | health    | reason
//	none                    | any           | any              | as it was | as it was
//	some                    | not healthy   | any              | as it was | as it was
//	some                    | healthy       | up, or not asked | healthy   | Draining
//	                        |               | yet              |           |
//	some                    | healthy       | any other        | unhealthy | Withdrawn
//
// Otherwise means: by hand, readiness and probe, as any entry.
func drained(all []Entry, h Health, why Reason, probe Health, asked bool) (Health, Reason) {
	other := slices.ContainsFunc(all, func(e Entry) bool { return !e.Draining && e.Addr.IsValid() })
	switch {
	case !other:
		return h, why
	case asked && probe != Healthy:
		return Unhealthy, ReasonWithdrawn
	case h == Healthy:
		return h, ReasonDraining
	}
	return h, why
}

// twice reports that an entry before this one has the same address.
func twice(all []Entry, i int) bool {
	return slices.ContainsFunc(all[:i], func(e Entry) bool { return e.Addr == all[i].Addr })
}

// ownHealth says how healthy an entry of this cluster is (design.md R1).
//
//	override | readiness | check  | probe   | health    | reason
//	drain    | any       | any    | any     | unhealthy | Drained
//	force    | any       | any    | any     | healthy   | Forced
//	–        | any       | alone  | up      | healthy   | ProbeSucceeded
//	–        | any       | alone  | down    | unhealthy | ProbeFailed
//	–        | any       | alone  | unknown | unknown   | ProbePending
//	–        | any       | none   | –       | readiness | of readiness
//	–        | unhealthy | yes    | any     | unhealthy | of readiness
//	–        | any other | yes    | down    | unhealthy | ProbeFailed
//	–        | healthy   | yes    | unknown | unknown   | ProbePending
//	–        | any other | yes    | any     | readiness | of readiness
func ownHealth(o Override, ready Health, why Reason, c *Check, probe Health) (Health, Reason) {
	switch o {
	case Drain:
		return Unhealthy, ReasonDrained
	case Force:
		return Healthy, ReasonForced
	case NoOverride:
	}
	if c == nil {
		return ready, why
	}
	if !c.Alone && ready == Unhealthy {
		return ready, why
	}
	switch {
	case probe == Unhealthy:
		return Unhealthy, ReasonProbeDown
	case c.Alone && probe == Healthy:
		return Healthy, ReasonProbeUp
	case c.Alone, ready == Healthy && probe == HealthUnknown:
		return HealthUnknown, ReasonProbePending
	}
	return ready, why
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
