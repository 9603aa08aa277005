// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/flowcontrol"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// Events are bounded over all objects, so that a change that touches everything does not
// fill the API; of one object the recorder sends 25 at once and then one in five minutes,
// and joins what repeats.
const (
	eventRate  = 10 // a second
	eventBurst = 100
)

// event of an object, not yet sent.
type happening struct{ kind, reason, message string }

func normal(reason, message string) happening {
	return happening{corev1.EventTypeNormal, reason, message}
}

func warning(reason, message string) happening {
	return happening{corev1.EventTypeWarning, reason, message}
}

// eventer sends events within bounds. Only what writers do calls it, so only the leader
// tells.
type eventer struct {
	to      record.EventRecorder
	limit   flowcontrol.RateLimiter
	metrics *metrics
}

func newEventer(to record.EventRecorder, m *metrics) *eventer {
	return &eventer{to: to, limit: flowcontrol.NewTokenBucketRateLimiter(eventRate, eventBurst), metrics: m}
}

// Event sends one event; it never blocks.
func (e *eventer) Event(obj runtime.Object, kind, reason, message string) {
	if !e.limit.TryAccept() {
		e.metrics.events.WithLabelValues(reason, "dropped").Inc()
		return
	}
	e.metrics.events.WithLabelValues(reason, "sent").Inc()
	e.to.Event(obj, kind, reason, message)
}

// Eventf is Event with a format.
func (e *eventer) Eventf(obj runtime.Object, kind, reason, format string, args ...any) {
	e.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

func (e *eventer) all(obj runtime.Object, hs []happening) {
	for _, h := range hs {
		e.Event(obj, h.kind, h.reason, h.message)
	}
}

// gslbEvents tells what differs between two statuses of a Gslb, as far as it is news.
func gslbEvents(spec *gslbv1beta1.GslbSpec, old, next *gslbv1beta1.GslbStatus) []happening {
	all := answerEvents(&spec.Strategy, old.Answers, next.Answers)
	all = append(all, clusterEvents(old.Clusters, next.Clusters)...)
	return append(all, conditionEvents(old.Conditions, next.Conditions)...)
}

// answerEvents compares the answers of each host, whoever gives them and why.
//
//	before        | after                        | event
//	any           | the same addresses           | –
//	some address  | none                         | NothingCanServe, a warning
//	some address  | nobody offers the host       | NotOffered, a warning
//	failover      | from a cluster of lower rank | FailedOver, a warning
//	failover      | from one of higher rank      | FailedBack
//	any other     | other addresses              | AnswerChanged
func answerEvents(s *gslbv1beta1.Strategy, old, next []gslbv1beta1.AnswerStatus) []happening {
	var all []happening
	for i := range next {
		a := &next[i]
		if i > 0 && next[i-1].Host == a.Host {
			continue // once for each host
		}
		before, after := addressesOf(old, a.Host), addressesOf(next, a.Host)
		if slices.Equal(before, after) {
			continue
		}
		message := fmt.Sprintf("%s: %s → %s (%s)", a.Host, listed(before), listed(after), a.Message)
		was, is := rankOf(s, old, a.Host), rankOf(s, next, a.Host)
		switch {
		case len(after) == 0:
			all = append(all, warning(gslbv1beta1.EventNothingCanServe, message))
		case s.Type != gslbv1beta1.Failover || len(before) == 0 || was == is:
			all = append(all, normal(gslbv1beta1.EventAnswerChanged, message))
		case is > was:
			all = append(all, warning(gslbv1beta1.EventFailedOver, message))
		default:
			all = append(all, normal(gslbv1beta1.EventFailedBack, message))
		}
	}
	for i := range old {
		gone := !slices.ContainsFunc(next, func(a gslbv1beta1.AnswerStatus) bool { return a.Host == old[i].Host })
		if gone && (i == 0 || old[i-1].Host != old[i].Host) {
			all = append(all, warning(gslbv1beta1.EventNotOffered,
				fmt.Sprintf("%s: %s → %s (no cluster offers the host)", old[i].Host, listed(addressesOf(old, old[i].Host)), listed(nil))))
		}
	}
	return all
}

// rankOf gives the place of the cluster that answers a host in the order of failover; one
// that is not in it comes last.
func rankOf(s *gslbv1beta1.Strategy, answers []gslbv1beta1.AnswerStatus, host string) int {
	order := s.FailoverOrder
	if len(order) == 0 {
		order = []gslbv1beta1.GeoTag{s.PrimaryGeoTag}
	}
	best := len(order)
	for i := range answers {
		for _, c := range answers[i].Clusters {
			if at := slices.Index(order, gslbv1beta1.GeoTag(c)); answers[i].Host == host && at >= 0 {
				best = min(best, at)
			}
		}
	}
	return best
}

// addressesOf gives the addresses of a host in all its answers, sorted.
func addressesOf(answers []gslbv1beta1.AnswerStatus, host string) []string {
	var all []string
	for i := range answers {
		if answers[i].Host == host {
			all = append(all, answers[i].Addresses...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func listed(addresses []string) string {
	if len(addresses) == 0 {
		return "no address"
	}
	return strings.Join(addresses, ", ")
}

// clusterEvents tells of clusters that were lost, and of lost ones that are back: each
// once for the object, whatever the number of its hosts.
func clusterEvents(old, next []gslbv1beta1.ClusterStatus) []happening {
	before := make(map[string]gslbv1beta1.Liveness)
	for i := range old {
		before[old[i].GeoTag] = old[i].Liveness
	}
	var all []happening
	for i := range next {
		c := &next[i]
		was, known := before[c.GeoTag]
		before[c.GeoTag] = c.Liveness
		if known {
			all = append(all, livenessEvent(c.GeoTag, string(was), string(c.Liveness))...)
		}
	}
	return all
}

func livenessEvent(tag, was, is string) []happening {
	lost, left := gslb.Lost.String(), gslb.Left.String()
	switch {
	case is == was:
	case is == lost:
		return []happening{warning(gslbv1beta1.EventClusterLost, fmt.Sprintf("cluster %s is silent, and nobody vouches for it: its addresses are the last resort", tag))}
	case was == lost && is != left:
		return []happening{normal(gslbv1beta1.EventClusterHeard, fmt.Sprintf("cluster %s is back: it is %s", tag, is))}
	}
	return nil
}

// conditionNews are the reasons of conditions of a Gslb that are news when they come and
// when they go.
var conditionNews = []struct{ condition, reason, came, went, wentMessage string }{
	{gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonConflicted, gslbv1beta1.EventHostConflicted, gslbv1beta1.EventConflictEnded, "no other object has a host of this one any more"},
	{gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonHostOutsideZones, gslbv1beta1.ReasonHostOutsideZones, gslbv1beta1.EventHostInsideZones, "every host lies in a zone now"},
	{gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonNamespaceNotAllowed, gslbv1beta1.ReasonNamespaceNotAllowed, gslbv1beta1.EventNamespaceAllowed, "the namespace may take the hosts now"},
	{gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonSpecDiverged, gslbv1beta1.EventSpecDiverged, gslbv1beta1.EventSpecAgrees, "all clusters ask for the same policy"},
	{gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonEntryIgnored, gslbv1beta1.ReasonEntryIgnored, gslbv1beta1.EventEntriesTaken, "no address in a status is left out any more"},
	{gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonInternalEntry, gslbv1beta1.ReasonInternalEntry, gslbv1beta1.EventEntriesTaken, "no address inside the cluster is given by hand any more"},
	{gslbv1beta1.ConditionServing, gslbv1beta1.ReasonBlind, gslbv1beta1.EventBlind, gslbv1beta1.EventSeesAgain, "this cluster can read its objects again"},
	{gslbv1beta1.ConditionServing, gslbv1beta1.ReasonIsolated, gslbv1beta1.EventIsolated, gslbv1beta1.EventRejoined, "this cluster is not cut off any more"},
}

func conditionEvents(old, next []metav1.Condition) []happening {
	var all []happening
	for _, n := range conditionNews {
		was, is := meta.FindStatusCondition(old, n.condition), meta.FindStatusCondition(next, n.condition)
		had, has := was != nil && was.Reason == n.reason, is != nil && is.Reason == n.reason
		switch {
		case has && !had:
			all = append(all, warning(n.came, is.Message))
		case had && !has && is != nil:
			all = append(all, normal(n.went, n.wentMessage))
		}
	}
	return all
}

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
