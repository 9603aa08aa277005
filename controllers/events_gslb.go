// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// gslbEvents tells what differs between two statuses of a Gslb, as far as it is news.
func gslbEvents(spec *gslbv1beta1.GslbSpec, old, next *gslbv1beta1.GslbStatus) []happening {
	all := answerEvents(&spec.Strategy, old.Answers, ownAnswers(old, next))
	all = append(all, clusterEvents(old.Clusters, next.Clusters)...)
	return append(all, conditionEvents(old.Conditions, next.Conditions)...)
}

// ownAnswers leaves out the answers of hosts that an object takes up which does not have all of
// its hosts: they may be those of the holder, which did not change.
func ownAnswers(old, next *gslbv1beta1.GslbStatus) []gslbv1beta1.AnswerStatus {
	c := meta.FindStatusCondition(next.Conditions, gslbv1beta1.ConditionAccepted)
	if c == nil || c.Reason != gslbv1beta1.ReasonConflicted {
		return next.Answers
	}
	return slices.DeleteFunc(slices.Clone(next.Answers), func(a gslbv1beta1.AnswerStatus) bool {
		return !slices.ContainsFunc(old.Answers, func(o gslbv1beta1.AnswerStatus) bool { return o.Host == a.Host })
	})
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
