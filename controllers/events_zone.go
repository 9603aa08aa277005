// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// zoneEvents tells what differs between two statuses of a ZoneDelegation.
//
//	condition | before             | after             | event
//	Accepted  | any other reason   | a conflict        | its reason, a warning
//	Records…  | any other message  | a conflict        | RecordConflicted, a warning
//	Records…  | a conflict         | none              | RecordConflictEnded
//	Delegated | True               | False             | its reason, a warning
//	Delegated | False, none        | False, another    | its reason, a warning, if the edge is in trouble
//	Delegated | none, no trouble   | True              | Delegated
//	Delegated | trouble            | True, at the edge | EdgeRepaired
//	Delegated | trouble            | True, in our zone | Delegated
//	Delega…ks | any other reason   | False             | its reason, a warning
//	Delega…ks | False              | True              | DelegationWorks
//	UpToDate  | any other reason   | a guard holds     | its reason, a warning
//	UpToDate  | a guard holds      | any other reason  | UpToDate
//	Clients…  | any other reason   | ClientsHidden     | its reason, a warning
//	Clients…  | ClientsHidden      | ClientsVisible    | ClientsVisible
func zoneEvents(old, next []metav1.Condition) []happening {
	var all []happening
	reasonOf := func(conditions []metav1.Condition, kind string) (string, metav1.Condition) {
		if c := meta.FindStatusCondition(conditions, kind); c != nil {
			return c.Reason, *c
		}
		return "", metav1.Condition{}
	}
	was, _ := reasonOf(old, gslbv1beta1.ConditionAccepted)
	is, c := reasonOf(next, gslbv1beta1.ConditionAccepted)
	if is != was && (is == gslbv1beta1.ReasonZoneConflicted || is == gslbv1beta1.ReasonGeoTagConflicted) {
		all = append(all, warning(is, c.Message))
	}
	all = append(all, recordEvents(old, next)...)
	was, _ = reasonOf(old, gslbv1beta1.ConditionDelegated)
	is, c = reasonOf(next, gslbv1beta1.ConditionDelegated)
	switch {
	case is == was || is == "":
	case c.Status == metav1.ConditionTrue && edgeTrouble(was) && is != gslbv1beta1.ReasonServedByOwnZone:
		all = append(all, normal(gslbv1beta1.EventEdgeRepaired, c.Message))
	case c.Status == metav1.ConditionTrue:
		all = append(all, normal(gslbv1beta1.EventDelegated, c.Message))
	case edgeTrouble(is) || was == gslbv1beta1.ReasonDelegated || was == gslbv1beta1.ReasonServedByOwnZone:
		all = append(all, warning(is, c.Message))
	}
	all = append(all, workEvents(old, next)...)
	return append(all, worldConditionEvents(old, next)...)
}

// workEvents tells of delegations that do not work, asked from outside.
func workEvents(old, next []metav1.Condition) []happening {
	was, is := meta.FindStatusCondition(old, gslbv1beta1.ConditionDelegationWorks), meta.FindStatusCondition(next, gslbv1beta1.ConditionDelegationWorks)
	switch {
	case is == nil:
	case is.Status == metav1.ConditionFalse && (was == nil || was.Reason != is.Reason):
		return []happening{warning(is.Reason, is.Message)}
	case is.Status == metav1.ConditionTrue && was != nil && was.Status == metav1.ConditionFalse:
		return []happening{normal(gslbv1beta1.EventDelegationWorks, is.Message)}
	}
	return nil
}

// recordEvents tells of static records that are not served: once for each change.
func recordEvents(old, next []metav1.Condition) []happening {
	conflict := func(conditions []metav1.Condition) string {
		c := meta.FindStatusCondition(conditions, gslbv1beta1.ConditionRecordsServed)
		if c == nil || c.Status != metav1.ConditionFalse {
			return ""
		}
		return c.Message
	}
	was := conflict(old)
	switch is := conflict(next); is {
	case was:
		return nil
	case "":
		return []happening{normal(gslbv1beta1.EventRecordConflictEnded, "every static record that a cluster states for the zone is served")}
	default:
		return []happening{warning(gslbv1beta1.EventRecordConflicted, is)}
	}
}

// edgeTrouble reports that a reason of condition Delegated is a fault, and not a delegation
// that is on its way.
func edgeTrouble(reason string) bool {
	switch reason {
	case gslbv1beta1.ReasonEdgeUnreachable, gslbv1beta1.ReasonUpdateRefused, gslbv1beta1.ReasonUpdateIgnored,
		gslbv1beta1.ReasonDNSEndpointUnavailable, gslbv1beta1.ReasonEdgeDrifted:
		return true
	default:
		return false
	}
}

// worldEvents tells what every ZoneDelegation should tell of two Worlds: clusters lost
// and back, and whether this cluster sees and is connected.
func worldEvents(old, next *gslb.World) []happening {
	var all []happening
	for i := range next.Clusters {
		is := &next.Clusters[i]
		if was := old.Cluster(is.Tag); was != nil {
			all = append(all, livenessEvent(string(is.Tag), was.Liveness.String(), is.Liveness.String())...)
			all = append(all, vouchedEvent(was, is)...)
		}
	}
	if was, is := !old.Local.Blind.IsZero(), !next.Local.Blind.IsZero(); is && !was {
		all = append(all, warning(gslbv1beta1.EventBlind, "this cluster cannot read its objects and keeps what it knew"))
	} else if was && !is {
		all = append(all, normal(gslbv1beta1.EventSeesAgain, fmt.Sprintf("this cluster can read its objects again; it could not since %s", old.Local.Blind.UTC().Format("15:04:05 UTC"))))
	}
	if was, is := !old.Isolated.IsZero(), !next.Isolated.IsZero(); is && !was {
		all = append(all, warning(gslbv1beta1.EventIsolated, "this cluster is probably cut off and keeps its last good answers"))
	} else if was && !is {
		all = append(all, normal(gslbv1beta1.EventRejoined, "this cluster is not cut off any more"))
	}
	return all
}

// vouchedEvent tells of a silent cluster that a witness begins to vouch for, and of its
// end. One that announced a restart is expected to be silent.
func vouchedEvent(was, is *gslb.Cluster) []happening {
	expected := was.Witness.Kind == gslb.Announced || is.Witness.Kind == gslb.Announced
	switch {
	case expected, was.Liveness == is.Liveness, was.Liveness == gslb.Lost, is.Liveness == gslb.Lost:
	case is.Liveness == gslb.Vouched:
		return []happening{warning(gslbv1beta1.EventClusterVouched, fmt.Sprintf("cluster %s is silent, but %s: its addresses stay", is.Tag, vouches(is.Witness)))}
	case was.Liveness == gslb.Vouched && is.Liveness == gslb.Fresh:
		return []happening{normal(gslbv1beta1.EventClusterHeard, fmt.Sprintf("cluster %s is heard again", is.Tag))}
	}
	return nil
}

// tellZones sends what happened to every ZoneDelegation.
func (c *Controllers) tellZones(ctx context.Context, hs []happening) {
	var zones gslbv1beta1.ZoneDelegationList
	if len(hs) == 0 || c.client.List(ctx, &zones) != nil {
		return
	}
	for i := range zones.Items {
		c.events.all(&zones.Items[i], hs)
	}
}
