// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// hostsWhere lists the hosts that meet a condition.
func hostsWhere(views []hostView, meets func(*hostView) bool) string {
	return joined(views, func(v *hostView) string {
		if meets(v) {
			return v.name
		}
		return ""
	})
}

func (v *hostView) answered() bool { return v.host != nil && len(v.decision.Addrs()) > 0 }

// ownReason reports that an entry of ours has the reason; without entries, the offer.
func (v *hostView) ownReason(want gslb.Reason) bool { return v.own != nil && partReason(v.own) == want }

// alone reports that no other cluster offers the host.
func (v *hostView) alone() bool { return v.host == nil || v.own != nil && len(v.host.Parts) == 1 }

func (v *hostView) unhealthyEverywhere() bool {
	switch v.decision.Reason {
	case gslb.ReasonEmpty, gslb.ReasonLastHealthy, gslb.ReasonAllOffered, gslb.ReasonFallback:
		return v.host != nil
	default:
		return false
	}
}

func (v *hostView) lastResort() bool {
	return v.decision.Reason == gslb.ReasonUnknownHealth || v.decision.Reason == gslb.ReasonLastResort
}

// servingOf says whether every host is answered, and what is to be known about it: the
// first row that holds.
//
//	what                                               | status           | reason
//	Accepted is False                                  | False            | NotAccepted
//	not every host is answered, Resolved is False      | False            | NotResolved
//	we cannot read our objects                         | whether answered | Blind
//	we are cut off                                     | whether answered | Isolated
//	a host was taken out here, and nobody else has it  | whether answered | Drained
//	no backend here is ready, or each has weight 0,    | whether answered | NoLocalReadyEndpoints
//	and nobody else has it                             |                  |
//	nothing can serve a host                           | whether answered | AllUnhealthy
//	nothing is known to be healthy for a host          | True             | LastResort
//	what was offered for a host is kept by a guard     | True             | RemovalsHeld
//	a host is kept healthy here against its probes     | True             | ProbesHeld
//	a host was taken out here                          | True             | Drained
//	a host counts as healthy here by hand              | True             | Forced
//	a host was unhealthy here too often, and waits     | True             | Flapping
//	a host is healthy here again, and waits            | True             | Returning
//	no backend here is ready, or each has weight 0     | True             | NoLocalReadyEndpoints
//	a host is not served by this cluster               | True             | ServedElsewhere
//	clusters that serve a host depend on the same one  | True             | SharedFate
//	there is no peer key                               | True             | NoPeerKey
//	–                                                  | True             | Serving
func servingOf(in statusInput, views []hostView, accepted, resolved metav1.Condition) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionServing, Status: metav1.ConditionTrue}
	silent := hostsWhere(views, func(v *hostView) bool { return !v.answered() })
	if silent != "" || len(views) == 0 {
		c.Status = metav1.ConditionFalse
	}
	switch {
	case accepted.Status == metav1.ConditionFalse:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, gslbv1beta1.ReasonNotAccepted, "condition Accepted says why"
	case c.Status == metav1.ConditionFalse && resolved.Status == metav1.ConditionFalse:
		c.Reason, c.Message = gslbv1beta1.ReasonNotResolved, "condition Resolved says why"
	case !in.world.Local.Blind.IsZero():
		c.Reason, c.Message = gslbv1beta1.ReasonBlind, "this cluster cannot read its objects and keeps what it knew"
	case !in.world.Isolated.IsZero():
		c.Reason, c.Message = gslbv1beta1.ReasonIsolated, cutOff(in.world)
	default:
		c.Reason, c.Message = servingReason(in, views)
	}
	if silent != "" && c.Reason != gslbv1beta1.ReasonNotAccepted && c.Reason != gslbv1beta1.ReasonNotResolved {
		c.Message += "; no address is answered for " + silent
	}
	return c
}

// servingReason walks the rows of servingOf that look at the hosts.
func servingReason(in statusInput, views []hostView) (reason, message string) {
	drained := func(v *hostView) bool { return v.ownReason(gslb.ReasonDrained) }
	notReady := func(v *hostView) bool { return v.ownReason(gslb.ReasonNotReady) || v.ownReason(gslb.ReasonNoSlices) }
	weightless := func(v *hostView) bool { return notReady(v) && v.read.Weightless }
	for _, row := range []struct {
		reason, message string // message may hold %s: the hosts
		holds           func(*hostView) bool
	}{
		{gslbv1beta1.ReasonDrained, "this cluster was taken out by hand, and no other has %s",
			func(v *hostView) bool { return drained(v) && v.alone() && v.unhealthyEverywhere() }},
		{gslbv1beta1.ReasonNoLocalReadyEndpoints, "every backend in this cluster has weight 0, so no request reaches one, and no other cluster has %s",
			func(v *hostView) bool { return weightless(v) && v.alone() && v.unhealthyEverywhere() }},
		{gslbv1beta1.ReasonNoLocalReadyEndpoints, "no backend in this cluster is ready, and no other cluster has %s",
			func(v *hostView) bool { return notReady(v) && v.alone() && v.unhealthyEverywhere() }},
		{gslbv1beta1.ReasonAllUnhealthy, "no cluster can serve %s; whenAllUnhealthy decides", (*hostView).unhealthyEverywhere},
		{gslbv1beta1.ReasonLastResort, "no cluster is known to be healthy for %s", (*hostView).lastResort},
		{gslbv1beta1.ReasonRemovalsHeld, "a cluster does not offer %s any more, but many hosts vanished together, so what it offered is kept for a while; condition UpToDate of the ZoneDelegation has more",
			func(v *hostView) bool {
				return v.host != nil && slices.ContainsFunc(v.host.Parts, func(p gslb.Part) bool { return p.Held })
			}},
		{gslbv1beta1.ReasonProbesHeld, "the probes of most hosts of this cluster fail at once and nobody confirms it; %s counts as healthy here as before; condition UpToDate of the ZoneDelegation has more",
			func(v *hostView) bool { return v.ownReason(gslb.ReasonProbesHeld) }},
		{gslbv1beta1.ReasonDrained, "this cluster was taken out by hand; others serve %s", drained},
		{gslbv1beta1.ReasonForced, "this cluster counts as healthy by hand for %s",
			func(v *hostView) bool { return v.ownReason(gslb.ReasonForced) }},
		{gslbv1beta1.ReasonFlapping, "this cluster was unhealthy for %s several times within a minute, and waits before it counts again",
			func(v *hostView) bool { return v.ownReason(gslb.ReasonFlapping) }},
		{gslbv1beta1.ReasonReturning, "this cluster is healthy for %s again, and waits for returnDelaySeconds before it counts",
			func(v *hostView) bool { return v.ownReason(gslb.ReasonReturning) }},
		{gslbv1beta1.ReasonNoLocalReadyEndpoints, "every backend in this cluster has weight 0, so no request reaches one; others serve %s", weightless},
		{gslbv1beta1.ReasonNoLocalReadyEndpoints, "no backend in this cluster is ready; others serve %s", notReady},
		{gslbv1beta1.ReasonServedElsewhere, "other clusters serve %s, this one does not",
			func(v *hostView) bool { return v.own == nil || v.own.Best() != gslb.TierHealthy }},
		{gslbv1beta1.ReasonSharedFate, "clusters that serve %s fail together, since they need the same one; status.clusters[].failureDomain says which",
			func(v *hostView) bool { return v.host != nil && len(in.world.SharedFate(v.host)) > 0 }},
	} {
		if hosts := hostsWhere(views, row.holds); hosts != "" {
			return row.reason, fmt.Sprintf(row.message, hosts)
		}
	}
	if !in.peerKey {
		return gslbv1beta1.ReasonNoPeerKey, "every host is answered; there is no peer key, so nothing is exchanged with other clusters"
	}
	return gslbv1beta1.ReasonServing, "every host is answered, and this cluster can serve it"
}
