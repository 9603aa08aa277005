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
