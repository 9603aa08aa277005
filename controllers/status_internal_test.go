// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestServingSaysThatWeightsAreZero(t *testing.T) {
	down := unhealthy(gslb.ReasonNotReady, "192.0.2.1")
	weightless := translate.Output{Hosts: []translate.HostStatus{{Host: gslb.MustName(app), Text: app, Offered: true, Weightless: true}}}
	for _, c := range []struct {
		scene   scene
		message string
	}{
		{scene{own: []part{down}, noKey: true, out: weightless}, "every backend in this cluster has weight 0, so no request reaches one, and no other cluster has " + app},
		{scene{own: []part{down}, us: []part{healthy("198.51.100.1")}, out: weightless}, "every backend in this cluster has weight 0, so no request reaches one; others serve " + app},
		{scene{own: []part{down}, us: []part{healthy("198.51.100.1")}}, "no backend in this cluster is ready; others serve " + app},
		{scene{own: []part{healthy("192.0.2.1")}, out: weightless}, "every host is answered"}, // a probe alone says so
	} {
		synctest.Test(t, func(t *testing.T) {
			serving := meta.FindStatusCondition(statusOf(c.scene.input(t)).Conditions, "Serving")
			assert.Contains(t, serving.Message, c.message)
		})
	}
}

func TestServing(t *testing.T) {
	down := unhealthy(gslb.ReasonNotReady, "192.0.2.1")
	drained := part{health: gslb.Healthy, reason: gslb.ReasonReady, over: gslb.Drain, addrs: []string{"192.0.2.1"}}
	forced := part{health: gslb.Unhealthy, reason: gslb.ReasonNotReady, over: gslb.Force, addrs: []string{"192.0.2.1"}}
	all := down
	all.policy.WhenAllUnhealthy = gslb.AllOffered
	for _, c := range []struct {
		scene  scene
		status metav1.ConditionStatus
		reason string
		why    string
	}{
		{scene{own: []part{healthy("192.0.2.1")}}, "True", "Serving", "all is well"},
		{scene{own: []part{healthy("192.0.2.1")}, noKey: true}, "True", "NoPeerKey", "well, but alone"},
		{scene{own: []part{down}, noKey: true}, "False", "NoLocalReadyEndpoints", "alone and down"},
		{scene{own: []part{down}, us: []part{healthy("198.51.100.1")}}, "True", "NoLocalReadyEndpoints", "others serve"},
		{scene{own: []part{down}, us: []part{unhealthy(gslb.ReasonNotReady, "198.51.100.1")}}, "False", "AllUnhealthy", "nobody serves"},
		{scene{own: []part{all}, us: []part{unhealthy(gslb.ReasonNotReady, "198.51.100.1")}}, "True", "AllUnhealthy", "nobody serves, and all are answered"},
		{scene{own: []part{drained}}, "False", "Drained", "taken out, and nobody else is there"},
		{scene{own: []part{drained}, us: []part{healthy("198.51.100.1")}}, "True", "Drained", "taken out"},
		{scene{own: []part{forced}}, "True", "Forced", "held in"},
		{scene{own: []part{unhealthy(gslb.ReasonProbeDown, "192.0.2.1")}, us: []part{healthy("198.51.100.1")}}, "True", "ServedElsewhere", "the probe fails here"},
		{scene{own: []part{{health: gslb.HealthUnknown, reason: gslb.ReasonHealthUnknown, addrs: []string{"192.0.2.1"}}}}, "True", "LastResort", "nobody knows"},
		{scene{own: []part{down}, us: []part{healthy("198.51.100.1")}, silent: time.Minute}, "True", "LastResort", "only a lost cluster is left"},
		{scene{own: []part{healthy("192.0.2.1")}, blind: true}, "True", "Blind", "cannot read its objects"},
		{scene{own: []part{unhealthy(gslb.ReasonAddressUnknown)}, out: translate.Output{Conditions: notTrue("Resolved", "AddressUnknown")}},
			"False", "NotResolved", "no address yet"},
		{scene{own: []part{unhealthy(gslb.ReasonAddressUnknown)}, us: []part{healthy("198.51.100.1")}, out: translate.Output{Conditions: notTrue("Resolved", "AddressUnknown")}},
			"True", "ServedElsewhere", "no address yet, but others have"},
		{scene{out: translate.Output{Conditions: notTrue("Accepted", "HostOutsideZones")}}, "False", "NotAccepted", "refused"},
		{scene{out: translate.Output{Hosts: []translate.HostStatus{}, Conditions: notTrue("Resolved", "ResourceNotFound")}}, "False", "NotResolved", "nothing to serve"},
		{scene{own: []part{healthy("192.0.2.1"), {from: older, age: time.Hour, health: gslb.Healthy, addrs: []string{"192.0.2.9"}}}}, "False", "NotAccepted", "the host is another's"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := statusOf(c.scene.input(t))
			serving := meta.FindStatusCondition(s.Conditions, "Serving")
			assert.Equal(t, c.status, serving.Status, c.why)
			assert.Equal(t, c.reason, serving.Reason, "%s: %s", c.why, serving.Message)
			assert.NotEmpty(t, serving.Message)
			assert.NotContains(t, serving.Message, "%!", "the message is whole")
		})
	}
}

func TestAccepted(t *testing.T) {
	ours := healthy("192.0.2.1")
	with := func(p gslb.Policy) part {
		x := ours
		x.policy = p
		return x
	}
	us := healthy("198.51.100.1")
	for _, c := range []struct {
		scene   scene
		status  metav1.ConditionStatus
		reason  string
		message string
		why     string
	}{
		{scene{own: []part{ours}, us: []part{us}}, "True", "Accepted", "", "nothing to tell"},
		{scene{own: []part{with(gslb.Policy{Strategy: gslb.Failover, Primary: "eo"})}, us: []part{us}}, "True", "UnknownGeoTag", "eo, which is no cluster of the zone; there are eu, us", "a misspelt tag"},
		{scene{own: []part{with(gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}}})}, us: []part{us}},
			"True", "NoWeight", "cluster us has no weight", "a cluster was forgotten"},
		{scene{own: []part{with(gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "us", Weight: 1}}})}, us: []part{us}},
			"True", "SpecDiverged", "us asks for another policy", "of ours the translation tells, once"},
		{scene{own: []part{with(gslb.Policy{Strategy: gslb.Failover, Primary: "eu"})}, us: []part{us}}, "True", "SpecDiverged", "us asks for another policy", "two policies"},
		{scene{own: []part{ours, {from: older, age: time.Hour, health: gslb.Healthy, addrs: []string{"192.0.2.9"}}}}, "False", "Conflicted", "belongs to Gslb b/first, which claims it since 2025-12-31T23:00:00Z", "another object has the host"},
		{scene{own: []part{ours}, out: translate.Output{Conditions: []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "StrategyPending", Message: "geoip"}}}},
			"True", "StrategyPending", "geoip", "what the translation says stays"},
		{scene{own: []part{with(gslb.Policy{Strategy: gslb.Failover, Primary: "eo"})}, us: []part{us},
			out: translate.Output{Conditions: []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "NoWeight", Message: "weights"}}}},
			"True", "UnknownGeoTag", "; weights", "all is told, the worst is the reason"},
		{scene{own: []part{ours}, us: []part{{from: older, age: time.Hour, health: gslb.Healthy, addrs: []string{"198.51.100.1"}}}}, "False", "Conflicted",
			"host app.cloud.example.com belongs to Gslb b/first of cluster us, which claims it since 2025-12-31T23:00:00Z; one", "another cluster's object of another namespace is older"},
		{scene{own: []part{ours}, us: []part{{from: older, age: -time.Hour, health: gslb.Healthy, addrs: []string{"198.51.100.1"}}}}, "True", "ClaimedElsewhere",
			"cluster us offers it by Gslb b/first, of another namespace, which came later; that is shown and not answered", "it is younger"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := statusOf(c.scene.input(t))
			accepted := meta.FindStatusCondition(s.Conditions, "Accepted")
			assert.Equal(t, c.status, accepted.Status, c.why)
			assert.Equal(t, c.reason, accepted.Reason, c.why)
			assert.Contains(t, accepted.Message, c.message, c.why)
		})
	}
}

func TestResolvedTellsOfARefusedIngress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := statusOf(scene{own: []part{healthy("192.0.2.1")}, refuse: "exceeded quota"}.input(t))
		resolved := meta.FindStatusCondition(s.Conditions, "Resolved")
		assert.Equal(t, "IngressNotWritten", resolved.Reason)
		assert.Contains(t, resolved.Message, "exceeded quota")
	})
}

func TestStatusLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := healthy("192.0.2.1", "2001:db8::1")
		ours.policy = gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}, {Cluster: "us", Weight: 2}}}
		us := healthy("198.51.100.1")
		us.policy = ours.policy
		in := scene{own: []part{ours}, us: []part{us}}.input(t)
		in.out.ExposedIPs = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		s := statusOf(in)
		assert.Equal(t, int64(3), s.ObservedGeneration)
		assert.Equal(t, "eu", s.GeoTag)
		assert.Equal(t, app, s.Hosts)
		assert.Equal(t, "eu, us", s.HealthyClusters)
		assert.Equal(t, []string{"192.0.2.1"}, s.LoadBalancer.ExposedIPs)
		assert.Equal(t, map[string][]string{app: {"192.0.2.1", "198.51.100.1", "2001:db8::1"}}, s.HealthyRecords)
		assert.Equal(t, map[string]gslbv1beta1.ServiceHealth{app: gslbv1beta1.Healthy}, s.ServiceHealth)

		require.Len(t, s.Clusters, 2)
		assert.Equal(t, gslbv1beta1.LivenessSelf, s.Clusters[0].Liveness)
		assert.Equal(t, []string{"192.0.2.1", "2001:db8::1"}, s.Clusters[0].Addresses)
		assert.Equal(t, int32(1), *s.Clusters[0].Weight)
		assert.Equal(t, "Ready", s.Clusters[0].Reason)
		assert.Equal(t, gslbv1beta1.LivenessFresh, s.Clusters[1].Liveness)

		require.Len(t, s.Answers, 3, "two draws of A, one of AAAA")
		assert.Equal(t, "A", s.Answers[0].Type)
		assert.Equal(t, int32(33), *s.Answers[0].SharePercent)
		assert.Equal(t, []string{"us"}, s.Answers[1].Clusters)
		assert.Equal(t, int32(67), *s.Answers[1].SharePercent)
		assert.Equal(t, "AAAA", s.Answers[2].Type)
		assert.Nil(t, s.Answers[2].SharePercent, "there is no other")
		assert.Equal(t, "Weighted", s.Answers[2].Reason)
	})
}

func TestStatusOfAHostWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := statusOf(scene{own: []part{unhealthy(gslb.ReasonNotReady, "2001:db8::1")}}.input(t))
		require.Len(t, s.Answers, 1)
		assert.Equal(t, "AAAA", s.Answers[0].Type, "of the family that there are entries of")
		assert.Empty(t, s.Answers[0].Addresses)
		assert.Equal(t, "NothingCanServe", s.Answers[0].Reason)
		assert.NotNil(t, s.HealthyRecords[app], "an empty list and not null, which the schema refuses")
		assert.Empty(t, s.HealthyRecords[app])
	})
}

func TestStatusIsTheSameFromAnotherWriterAtAnotherTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		played := scene{own: []part{healthy("192.0.2.1")}, us: []part{healthy("198.51.100.1")}}
		first := statusOf(played.input(t))
		time.Sleep(time.Hour)
		played.old = first
		second := statusOf(played.input(t)) // another process, which started later
		assert.True(t, equality.Semantic.DeepEqual(first, second), "times tell of changes, not of writers")

		played.old, played.own = second, []part{unhealthy(gslb.ReasonNotReady, "192.0.2.1")}
		third := statusOf(played.input(t))
		assert.True(t, third.Clusters[0].Since.After(second.Clusters[0].Since.Time), "its health changed")
		assert.Equal(t, second.Clusters[1].Since, third.Clusters[1].Since, "the other's did not")
		accepted := meta.FindStatusCondition(third.Conditions, "Accepted")
		assert.Equal(t, meta.FindStatusCondition(first.Conditions, "Accepted").LastTransitionTime, accepted.LastTransitionTime)
	})
}

func TestStatusKeepsConditionsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		foreign := metav1.Condition{Type: "Audited", Status: "True", Reason: "ByHand"}
		s := statusOf(scene{own: []part{healthy("192.0.2.1")}, old: gslbv1beta1.GslbStatus{Conditions: []metav1.Condition{foreign}}}.input(t))
		assert.Equal(t, &foreign, meta.FindStatusCondition(s.Conditions, "Audited"))
		assert.Len(t, s.Conditions, 4)
	})
}

func TestStatusWaitsForTheWorldThatTookTheTranslationIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := scene{own: []part{healthy("192.0.2.1")}}.input(t)
		assert.True(t, in.current())
		early := *in.out
		early.Hosts = append([]translate.HostStatus{{Host: gslb.MustName("new.cloud.example.com"), Offered: true}}, early.Hosts...)
		in.out = &early
		assert.False(t, in.current(), "a host is offered that the World does not know yet")
		late := *in.out
		late.Hosts = []translate.HostStatus{{Host: gslb.MustName(app)}}
		in.out = &late
		assert.False(t, in.current(), "the World still has an offer that was taken back")
	})
}
