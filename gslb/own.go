// SPDX-License-Identifier: Apache-2.0

package gslb

import "slices"

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
			e.Health, e.Reason = drained(own.Entries, e.Health, e.Reason, v.Health, seen, reasonBefore(before, e))
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
//	none, and Withdrawn     | any           | not up           | unhealthy | Withdrawn
//	before                  |               |                  |           |
//	none                    | any other     | any other        | as it was | as it was
//	some                    | not healthy   | any              | as it was | as it was
//	some                    | healthy       | up, or not asked | healthy   | Draining
//	                        |               | yet              |           |
//	some                    | healthy       | any other        | unhealthy | Withdrawn
//
// Otherwise means: by hand, readiness and probe, as any entry. What was Withdrawn had another
// address in its place, which drains beside it now, and is answered.
func drained(all []Entry, h Health, why Reason, probe Health, asked bool, was Reason) (Health, Reason) {
	other := slices.ContainsFunc(all, func(e Entry) bool { return !e.Draining && e.Addr.IsValid() })
	switch {
	case !other && was == ReasonWithdrawn && probe != Healthy:
		return Unhealthy, ReasonWithdrawn
	case !other:
		return h, why
	case asked && probe != Healthy:
		return Unhealthy, ReasonWithdrawn
	case h == Healthy:
		return h, ReasonDraining
	}
	return h, why
}

// reasonBefore is the reason that an entry had before; "": it was not there.
func reasonBefore(before []Entry, e *Entry) Reason {
	for i := range before {
		if before[i].Addr == e.Addr && before[i].Hostname == e.Hostname {
			return before[i].Reason
		}
	}
	return ""
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
