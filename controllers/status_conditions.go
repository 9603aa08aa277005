// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// conditionsOf gives the conditions that the Gslb has, with ours brought up to date. The
// time of a transition moves with the status of its condition only.
func conditionsOf(in statusInput, views []hostView) []metav1.Condition {
	all := slices.Clone(in.gslb.Status.Conditions)
	accepted, resolved := acceptedOf(in, views), resolvedOf(in)
	for _, c := range []metav1.Condition{accepted, resolved, servingOf(in, views, accepted, resolved)} {
		c.ObservedGeneration = observed(in.out)
		c.LastTransitionTime = metav1.NewTime(in.now)
		meta.SetStatusCondition(&all, c)
	}
	return all
}

// translated gives a condition of the translation.
func translated(in statusInput, kind string) metav1.Condition {
	if c := meta.FindStatusCondition(in.out.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: kind}
}

// acceptedOf adds what only the World knows to condition Accepted.
//
//	translation | another object has a host  | in the World              | status | reason
//	False       | any                        | any                       | False  | of translation
//	True        | yes                        | any                       | False  | Conflicted
//	True        | no                         | unknown geo tag           | True   | UnknownGeoTag
//	True        | no                         | another namespace, later  | True   | ClaimedElsewhere
//	True        | no                         | a cluster has no weight   | True   | NoWeight
//	True        | no                         | policies differ           | True   | SpecDiverged
//	True        | no                         | –                         | True   | of translation
//
// The first that holds gives the reason; the message tells all.
func acceptedOf(in statusInput, views []hostView) metav1.Condition {
	c := translated(in, gslbv1beta1.ConditionAccepted)
	var conflicts, said []string
	var reasons []string
	tell := func(reason, message string) {
		if !slices.Contains(said, message) {
			said, reasons = append(said, message), append(reasons, reason)
		}
	}
	for i := range views {
		v := &views[i]
		switch {
		case v.rival != nil && v.read.Offered:
			conflicts = append(conflicts, belongs(v.name, v.rival.Source.String(), v.rival))
		case v.own != nil && v.own.Foreign:
			conflicts = append(conflicts, foreign(v))
		case v.own != nil:
			tellForeign(v, tell)
			tellWorld(in.world, v, tell)
		}
	}
	switch {
	case c.Status == metav1.ConditionFalse:
		if len(conflicts) > 0 {
			c.Message += "; " + strings.Join(conflicts, "; ")
		}
	case len(conflicts) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonConflicted
		c.Message = strings.Join(conflicts, "; ") + "; one namespace can have a host, and in it one object of a cluster: take it out of one of them"
	case len(said) > 0:
		if c.Reason != gslbv1beta1.ReasonAccepted {
			said, reasons = append(said, c.Message), append(reasons, c.Reason)
		}
		c.Reason, c.Message = firstOf(reasons, gslbv1beta1.ReasonUnknownGeoTag, gslbv1beta1.ReasonClaimedElsewhere, gslbv1beta1.ReasonNoWeight, gslbv1beta1.ReasonSpecDiverged), strings.Join(said, "; ")
	}
	return c
}

// foreign says to which object of another cluster a host belongs.
func foreign(v *hostView) string {
	owner := v.host.Owner()
	if owner == nil {
		return belongs(v.name, "another object", nil)
	}
	return belongs(v.name, fmt.Sprintf("%s of cluster %s", owner.Offer.Source, owner.Cluster), owner.Offer)
}

// belongs says whose a host is, and since when; nil: nobody knows more.
func belongs(host, whose string, offer *gslb.Offer) string {
	if offer == nil || offer.Created.IsZero() {
		return fmt.Sprintf("host %s belongs to %s", host, whose)
	}
	return fmt.Sprintf("host %s belongs to %s, which claims it since %s", host, whose, offer.Created.UTC().Format(time.RFC3339Nano))
}

// tellForeign tells of other clusters whose objects of other namespaces claim the host.
func tellForeign(v *hostView, tell func(reason, message string)) {
	for i := range v.host.Parts {
		if p := &v.host.Parts[i]; p.Foreign {
			tell(gslbv1beta1.ReasonClaimedElsewhere, fmt.Sprintf(
				"host %s: cluster %s offers it by %s, of another namespace, which came later; that is shown and not answered", v.name, p.Cluster, p.Offer.Source))
		}
	}
}

// firstOf gives the first word of order that is among the reasons, else their first.
func firstOf(reasons []string, order ...string) string {
	for _, word := range order {
		if slices.Contains(reasons, word) {
			return word
		}
	}
	return reasons[0]
}

// tellWorld tells what is true of a policy that is followed, and should be known.
func tellWorld(w *gslb.World, v *hostView, tell func(reason, message string)) {
	h := v.host
	if len(h.UnknownTags) > 0 {
		var known []gslb.GeoTag
		for i := range w.Clusters {
			known = append(known, w.Clusters[i].Tag)
		}
		tell(gslbv1beta1.ReasonUnknownGeoTag, fmt.Sprintf("the strategy names %s, which is no cluster of the zone; there are %s",
			strings.Join(tagTexts(h.UnknownTags), ", "), strings.Join(tagTexts(known), ", ")))
	}
	if h.Policy.Weighted() {
		var without []string
		for i := range h.Parts {
			if _, has := h.Policy.WeightOf(h.Parts[i].Cluster); !has && h.Parts[i].Cluster != w.Self { // of ours the translation tells
				without = append(without, string(h.Parts[i].Cluster))
			}
		}
		if len(without) > 0 {
			tell(gslbv1beta1.ReasonNoWeight, fmt.Sprintf("cluster %s has no weight, so it has 0: it is answered when nothing else is left", strings.Join(without, ", ")))
		}
	}
	if len(h.Diverged) > 0 {
		tell(gslbv1beta1.ReasonSpecDiverged, fmt.Sprintf("host %s: %s asks for another policy; each cluster answers by its own", v.name, strings.Join(tagTexts(h.Diverged), ", ")))
	}
}

func resolvedOf(in statusInput) metav1.Condition {
	c := translated(in, gslbv1beta1.ConditionResolved)
	if in.refusal != "" {
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonIngressNotWritten
		c.Message = "the embedded Ingress cannot be written: " + in.refusal
	}
	return c
}

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
