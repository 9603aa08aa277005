// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestEventsOfAnswers(t *testing.T) {
	a := func(host, reason string, clusters string, addrs ...string) gslbv1beta1.AnswerStatus {
		out := gslbv1beta1.AnswerStatus{Host: host, Type: "A", Reason: reason, Message: "why", Addresses: addrs}
		if clusters != "" {
			out.Clusters = []string{clusters}
		}
		return out
	}
	type answers = []gslbv1beta1.AnswerStatus
	plain := gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin}
	primary := gslbv1beta1.Strategy{Type: gslbv1beta1.Failover, PrimaryGeoTag: "eu"}
	ordered := gslbv1beta1.Strategy{Type: gslbv1beta1.Failover, FailoverOrder: []gslbv1beta1.GeoTag{"eu", "us"}}
	for _, c := range []struct {
		why       string
		strategy  gslbv1beta1.Strategy
		old, next answers
		want      []happening
	}{
		{"the first answer", plain, nil, answers{a("x", "AllHealthyClusters", "eu", "1", "2")}, []happening{normal("AnswerChanged", "x: no address → 1, 2 (why)")}},
		{"the first answer of failover", primary, nil, answers{a("x", "PrimaryHealthy", "eu", "1")}, []happening{normal("AnswerChanged", "x: no address → 1 (why)")}},
		{"another reason is no other answer", plain, answers{a("x", "AllHealthyClusters", "eu", "2", "1")}, answers{a("x", "HealthUnknownUsed", "eu", "1", "2")}, nil},
		{"an answer went empty", primary, answers{a("x", "r", "eu", "1")}, answers{a("x", "NothingCanServe", "")}, []happening{warning("NothingCanServe", "x: 1 → no address (why)")}},
		{"one event for all draws of a host", plain, answers{a("x", "Weighted", "eu", "1"), a("x", "Weighted", "us", "2")}, answers{a("x", "Weighted", "eu", "1"), a("x", "Weighted", "us", "3")},
			[]happening{normal("AnswerChanged", "x: 1, 2 → 1, 3 (why)")}},
		{"a host went", plain, answers{a("x", "r", "eu", "1"), a("y", "r", "eu", "2")}, answers{a("y", "r", "eu", "2")}, []happening{warning("NotOffered", "x: 1 → no address (no cluster offers the host)")}},
		{"nothing before and after", plain, nil, answers{a("x", "NothingCanServe", "")}, nil},
		{"the primary goes", primary, answers{a("x", "PrimaryHealthy", "eu", "1")}, answers{a("x", "PrimaryUnavailable", "us", "2")}, []happening{warning("FailedOver", "x: 1 → 2 (why)")}},
		{"the primary returns", primary, answers{a("x", "PrimaryUnavailable", "us", "2")}, answers{a("x", "PrimaryHealthy", "eu", "1")}, []happening{normal("FailedBack", "x: 2 → 1 (why)")}},
		{"among the others", primary, answers{a("x", "PrimaryUnavailable", "us", "2")}, answers{a("x", "PrimaryUnavailable", "ap", "3")}, []happening{normal("AnswerChanged", "x: 2 → 3 (why)")}},
		{"down the order", ordered, answers{a("x", "FirstInOrder", "us", "2")}, answers{a("x", "OrderExhausted", "ap", "3")}, []happening{warning("FailedOver", "x: 2 → 3 (why)")}},
		{"up the order", ordered, answers{a("x", "OrderExhausted", "ap", "3")}, answers{a("x", "FirstInOrder", "us", "2")}, []happening{normal("FailedBack", "x: 3 → 2 (why)")}},
		{"a new address of the same cluster", ordered, answers{a("x", "FirstInOrder", "eu", "1")}, answers{a("x", "FirstInOrder", "eu", "1", "4")}, []happening{normal("AnswerChanged", "x: 1 → 1, 4 (why)")}},
	} {
		assert.Equal(t, c.want, answerEvents(&c.strategy, c.old, c.next), c.why)
	}
}

func TestNoEventTellsTheAnswerOfAHolderAsOnesOwn(t *testing.T) {
	answer := gslbv1beta1.AnswerStatus{Host: "x", Addresses: []string{"192.0.2.2"}, Message: "why"}
	moved := gslbv1beta1.AnswerStatus{Host: "x", Addresses: []string{"192.0.2.1"}, Message: "why"}
	conflicted := []metav1.Condition{{Type: "Accepted", Status: "False", Reason: "Conflicted", Message: "taken"}}
	accepted := []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted"}}
	spec := &gslbv1beta1.GslbSpec{Strategy: gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin}}
	status := func(c []metav1.Condition, a ...gslbv1beta1.AnswerStatus) *gslbv1beta1.GslbStatus {
		return &gslbv1beta1.GslbStatus{Conditions: c, Answers: a}
	}
	assert.Equal(t, []happening{warning("HostConflicted", "taken")}, gslbEvents(spec, status(nil), status(conflicted, answer)),
		"the host was answered before the object came")
	assert.Equal(t, []happening{normal("AnswerChanged", "x: 192.0.2.2 → 192.0.2.1 (why)"), normal("ConflictEnded", "no other object has a host of this one any more")},
		gslbEvents(spec, status(conflicted, answer), status(accepted, moved)), "its turn came")
	assert.Equal(t, []happening{normal("AnswerChanged", "x: 192.0.2.2 → 192.0.2.1 (why)")},
		gslbEvents(spec, status(conflicted, answer), status(conflicted, moved)), "the holder's answer changed: that is what the status shows")
}

func TestEventsOfClusters(t *testing.T) {
	c := func(host, tag string, l gslb.Liveness) gslbv1beta1.ClusterStatus {
		return gslbv1beta1.ClusterStatus{Host: host, GeoTag: tag, Liveness: gslbv1beta1.Liveness(l.String())}
	}
	old := []gslbv1beta1.ClusterStatus{c("x", "eu", gslb.Self), c("x", "us", gslb.Fresh), c("x", "ap", gslb.Lost), c("y", "us", gslb.Fresh)}
	next := []gslbv1beta1.ClusterStatus{c("x", "eu", gslb.Self), c("x", "us", gslb.Lost), c("x", "ap", gslb.Vouched), c("x", "af", gslb.Lost), c("y", "us", gslb.Lost)}
	assert.Equal(t, []happening{
		warning("ClusterLost", "cluster us is silent, and nobody vouches for it: its addresses are the last resort"),
		normal("ClusterHeard", "cluster ap is back: it is vouched"),
	}, clusterEvents(old, next), "once for each cluster, and nothing of one that was not there before")
	assert.Empty(t, clusterEvents([]gslbv1beta1.ClusterStatus{c("x", "us", gslb.Fresh)}, []gslbv1beta1.ClusterStatus{c("x", "us", gslb.Doubtful)}), "doubt is no news yet")
	assert.Empty(t, clusterEvents([]gslbv1beta1.ClusterStatus{c("x", "us", gslb.Lost)}, []gslbv1beta1.ClusterStatus{c("x", "us", gslb.Left)}))
}

func TestEventsOfConditions(t *testing.T) {
	c := func(kind, status, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason, Message: "m"}
	}
	type conditions = []metav1.Condition
	for _, x := range []struct {
		why       string
		old, next conditions
		want      []happening
	}{
		{"a conflict comes", conditions{c("Accepted", "True", "Accepted")}, conditions{c("Accepted", "False", "Conflicted")}, []happening{warning("HostConflicted", "m")}},
		{"and goes", conditions{c("Accepted", "False", "Conflicted")}, conditions{c("Accepted", "True", "Accepted")}, []happening{normal("ConflictEnded", "no other object has a host of this one any more")}},
		{"it stays", conditions{c("Accepted", "False", "Conflicted")}, conditions{c("Accepted", "False", "Conflicted")}, nil},
		{"specs diverge from the start", nil, conditions{c("Accepted", "True", "SpecDiverged")}, []happening{warning("SpecDiverged", "m")}},
		{"specs agree", conditions{c("Accepted", "True", "SpecDiverged")}, conditions{c("Accepted", "True", "Accepted")}, []happening{normal("SpecAgrees", "all clusters ask for the same policy")}},
		{"blind", conditions{c("Serving", "True", "Serving")}, conditions{c("Serving", "True", "Blind")}, []happening{warning("Blind", "m")}},
		{"an address in a status is none for clients", nil, conditions{c("Resolved", "True", "EntryIgnored")}, []happening{warning("EntryIgnored", "m")}},
		{"no address is left", conditions{c("Resolved", "True", "EntryIgnored")}, conditions{c("Resolved", "False", "EntryIgnored")}, nil},
		{"all count again", conditions{c("Resolved", "False", "EntryIgnored")}, conditions{c("Resolved", "True", "Resolved")}, []happening{normal("EntriesTaken", "no address in a status is left out any more")}},
		{"a cluster IP by hand", conditions{c("Resolved", "True", "Resolved")}, conditions{c("Resolved", "True", "InternalEntry")}, []happening{warning("InternalEntry", "m")}},
		{"cut off after being blind", conditions{c("Serving", "True", "Blind")}, conditions{c("Serving", "True", "Isolated")},
			[]happening{normal("SeesAgain", "this cluster can read its objects again"), warning("Isolated", "m")}},
	} {
		assert.Equal(t, x.want, conditionEvents(x.old, x.next), x.why)
	}
	for _, x := range []struct {
		why       string
		old, next conditions
		want      []happening
	}{
		{"the first delegation", nil, conditions{c("Delegated", "True", "Delegated")}, []happening{normal("Delegated", "m")}},
		{"no address yet is no news", nil, conditions{c("Delegated", "False", "NameServerAddressUnknown")}, nil},
		{"the edge refuses", conditions{c("Delegated", "True", "Delegated")}, conditions{c("Delegated", "False", "UpdateRefused")}, []happening{warning("UpdateRefused", "m")}},
		{"from the start", nil, conditions{c("Delegated", "False", "UpdateRefused")}, []happening{warning("UpdateRefused", "m")}},
		{"it goes on", conditions{c("Delegated", "False", "UpdateRefused")}, conditions{c("Delegated", "False", "UpdateRefused")}, nil},
		{"it takes updates again", conditions{c("Delegated", "False", "UpdateRefused")}, conditions{c("Delegated", "True", "Delegated")}, []happening{normal("EdgeRepaired", "m")}},
		{"the kind is not installed", nil, conditions{c("Delegated", "False", "DNSEndpointUnavailable")}, []happening{warning("DNSEndpointUnavailable", "m")}},
		{"ExternalDNS is on its way", conditions{c("Delegated", "False", "NameServerAddressUnknown")}, conditions{c("Delegated", "False", "DNSEndpointPending")}, nil},
		{"the edge serves something else", conditions{c("Delegated", "False", "DNSEndpointPending")}, conditions{c("Delegated", "False", "EdgeDrifted")}, []happening{warning("EdgeDrifted", "m")}},
		{"and no longer", conditions{c("Delegated", "False", "EdgeDrifted")}, conditions{c("Delegated", "True", "Delegated")}, []happening{normal("EdgeRepaired", "m")}},
		{"the addresses went", conditions{c("Delegated", "True", "Delegated")}, conditions{c("Delegated", "False", "NameServerAddressUnknown")}, []happening{warning("NameServerAddressUnknown", "m")}},
		{"its parent zone is ours now", conditions{c("Delegated", "False", "UpdateRefused")}, conditions{c("Delegated", "True", "ServedByOwnZone")}, []happening{normal("Delegated", "m")}},
		{"its parent zone is ours no more", conditions{c("Delegated", "True", "ServedByOwnZone")}, conditions{c("Delegated", "False", "NoEdge")}, []happening{warning("NoEdge", "m")}},
		{"two clusters, one tag", conditions{c("Accepted", "True", "Accepted")}, conditions{c("Accepted", "False", "GeoTagConflicted")}, []happening{warning("GeoTagConflicted", "m")}},
	} {
		assert.Equal(t, x.want, zoneEvents(x.old, x.next), x.why)
	}
}

func TestEventsOfWorlds(t *testing.T) {
	clusters := func(us gslb.Liveness) []gslb.Cluster {
		return []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self}, {Tag: "us", Liveness: us}}
	}
	calm, lost := &gslb.World{Clusters: clusters(gslb.Fresh)}, &gslb.World{Clusters: clusters(gslb.Lost)}
	assert.Equal(t, "ClusterLost", worldEvents(calm, lost)[0].reason)
	assert.Equal(t, []happening{normal("ClusterHeard", "cluster us is back: it is fresh")}, worldEvents(lost, calm))
	blind := &gslb.World{Clusters: clusters(gslb.Fresh), Local: gslb.LocalState{Blind: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)}, Isolated: time.Now()}
	var reasons []string
	for _, h := range append(worldEvents(calm, blind), worldEvents(blind, calm)...) {
		reasons = append(reasons, h.reason)
	}
	assert.Equal(t, []string{"Blind", "Isolated", "SeesAgain", "Rejoined"}, reasons)
	assert.Empty(t, worldEvents(blind, blind))
}

// What touches everything at once does not fill the API.
func TestEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := newMetrics(prometheus.NewRegistry())
		require.NoError(t, err)
		to := record.NewFakeRecorder(1000)
		e := newEventer(to, m)
		for range 500 {
			e.all(&gslbv1beta1.Gslb{}, []happening{warning(gslbv1beta1.EventClusterLost, "m")})
		}
		assert.Len(t, to.Events, eventBurst)
		assert.InDelta(t, 500-eventBurst, testutil.ToFloat64(m.events.WithLabelValues(gslbv1beta1.EventClusterLost, "dropped")), 0)
		time.Sleep(time.Second)
		for range 500 {
			e.Eventf(&gslbv1beta1.Gslb{}, "Normal", gslbv1beta1.EventClusterHeard, "%d", 1)
		}
		assert.Len(t, to.Events, eventBurst+eventRate)
	})
}
