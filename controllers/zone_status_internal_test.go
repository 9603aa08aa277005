// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestZoneStatus(t *testing.T) {
	zone := gslb.MustName("cloud.example.com")
	own := translate.Zone{Delegation: "zd", ZoneIntent: gslb.ZoneIntent{
		Zone: zone, EdgeZone: gslb.MustName("example.com"), Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8::53")}}}
	served := &translate.ZonesOutput{Zones: []translate.Zone{own},
		Conditions: map[string]metav1.Condition{"zd": {Type: "Accepted", Status: "True", Reason: "Accepted"}}}
	refused := &translate.ZonesOutput{Conditions: map[string]metav1.Condition{"zd": {Type: "Accepted", Status: "False", Reason: "ZoneConflicted"}}}
	nested := &translate.ZonesOutput{Zones: []translate.Zone{own, {ZoneIntent: gslb.ZoneIntent{Zone: own.EdgeZone}}}, Conditions: served.Conditions}
	at := func(s edge.ZoneStatus) []edge.ZoneStatus {
		s.Zone = zone
		return []edge.ZoneStatus{{Zone: gslb.MustName("other.example.com")}, s}
	}
	calm := &gslb.World{Self: "eu", Clusters: []gslb.Cluster{{Tag: "eu"}}}
	twice := &gslb.World{Self: "eu", Clusters: []gslb.Cluster{{Tag: "eu", Conflict: "two clusters are eu"}}}
	for _, c := range []struct {
		zones               *translate.ZonesOutput
		world               *gslb.World
		edge                []edge.ZoneStatus
		accepted, delegated string // "STATUS REASON"; "": not there
		message             string
		servers             int
		why                 string
	}{
		{served, calm, at(edge.ZoneStatus{OK: true, Reason: edge.ReasonDelegated, NameServers: []gslb.NameServer{{Name: gslb.MustName("gslb-ns-us-cloud.example.com")}}}),
			"True Accepted", "True Delegated", "delegates the zone to gslb-ns-us-cloud.example.com", 2, "all is well"},
		{served, calm, at(edge.ZoneStatus{Reason: edge.ReasonRefused, RCODE: "NOTAUTH", Message: "no"}), "True Accepted", "False UpdateRefused", "no (NOTAUTH)", 2, "the message has the RCODE"},
		{served, calm, at(edge.ZoneStatus{Reason: edge.ReasonUnreachable, Message: "timeout"}), "True Accepted", "False EdgeUnreachable", "timeout", 2, "the edge is away"},
		{served, calm, at(edge.ZoneStatus{Reason: edge.ReasonInvalidName, Message: "too long"}), "True Accepted", "False InvalidSpec", "too long", 2, "a word of the API's"},
		{served, calm, at(edge.ZoneStatus{OK: true, Reason: edge.ReasonServedByOwnZone, Message: "example.com is ours too"}), "True Accepted", "True ServedByOwnZone", "example.com is ours too", 2, "nested"},
		{nested, calm, nil, "True Accepted", "True ServedByOwnZone", "its name servers answer for cloud.example.com themselves", 2, "nested, and nobody keeps an edge: nothing is to be kept by hand"},
		{served, calm, at(edge.ZoneStatus{Reason: edge.ReasonPending}), "True Accepted", "", "", 2, "nothing is told before something is known"},
		{served, calm, nil, "True Accepted", "False NoEdge", "cloud.example.com. NS gslb-ns-eu-cloud.example.com., gslb-ns-eu-cloud.example.com. A 203.0.113.1, gslb-ns-eu-cloud.example.com. AAAA 2001:db8::53", 2, "kept by hand: what is to be kept"},
		{served, twice, nil, "False GeoTagConflicted", "False NoEdge", "", 2, "two clusters of one tag"},
		{refused, calm, nil, "False ZoneConflicted", "False NotAccepted", "", 0, "another object has the zone"},
		{&translate.ZonesOutput{}, calm, nil, "", "", "", 0, "not translated yet"},
	} {
		zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "zd", Generation: 4}}
		in := zoneInput{zd: zd, zones: c.zones, world: c.world, edge: c.edge, now: time.Now()}
		s := zoneStatusOf(in)
		assert.Equal(t, c.accepted, inWords(s.Conditions, "Accepted"), c.why)
		assert.Equal(t, c.delegated, inWords(s.Conditions, "Delegated"), c.why)
		assert.Len(t, s.DNSServers, c.servers, c.why)
		assert.Equal(t, int64(4), s.ObservedGeneration)
		if d := meta.FindStatusCondition(s.Conditions, "Delegated"); d != nil {
			assert.Contains(t, d.Message, c.message, c.why)
		}
		zd.Status, in.now = s, in.now.Add(time.Hour)
		assert.True(t, equality.Semantic.DeepEqual(s, zoneStatusOf(in)), "time alone changes nothing: %s", c.why)
	}
}

func inWords(conditions []metav1.Condition, kind string) string {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

func TestZoneStatusKeepsWhatWasToldWhileTheEdgeIsLookedAt(t *testing.T) {
	zone := gslb.MustName("cloud.example.com")
	told := metav1.Condition{Type: "Delegated", Status: "True", Reason: "Delegated", LastTransitionTime: metav1.Now()}
	in := zoneInput{
		zd:    &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "zd"}, Status: gslbv1beta1.ZoneDelegationStatus{Conditions: []metav1.Condition{told}}},
		zones: &translate.ZonesOutput{Zones: []translate.Zone{{Delegation: "zd", ZoneIntent: gslb.ZoneIntent{Zone: zone, EdgeZone: gslb.MustName("example.com")}}}},
		world: &gslb.World{Self: "eu"}, edge: []edge.ZoneStatus{{Zone: zone, Reason: edge.ReasonPending}},
	}
	require.Equal(t, "True Delegated", inWords(zoneStatusOf(in).Conditions, "Delegated"))
}

func TestZoneStatusTellsWhatWasFoundFromOutside(t *testing.T) {
	zone := gslb.MustName("cloud.example.com")
	own := &translate.ZonesOutput{Zones: []translate.Zone{{Delegation: "zd", ZoneIntent: gslb.ZoneIntent{Zone: zone, EdgeZone: gslb.MustName("example.com")}}}}
	zd := &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "zd"}}
	in := zoneInput{zd: zd, zones: own, world: &gslb.World{Self: "eu"}, now: time.Now()}
	var told []happening
	for _, c := range []struct {
		state     delegation.State
		reason    delegation.Reason
		condition string
		event     string
		why       string
	}{
		{delegation.Unknown, delegation.ReasonPending, "", "", "nothing is told before something is known"},
		{delegation.Works, delegation.ReasonAnswering, "True Answering", "", "all is well from the start: no news"},
		{delegation.Broken, delegation.ReasonLame, "False LameDelegation", "Warning LameDelegation", "it works no more"},
		{delegation.Broken, delegation.ReasonLame, "False LameDelegation", "", "told once"},
		{delegation.Broken, delegation.ReasonNameServerSilent, "False NameServerSilent", "Warning NameServerSilent", "another trouble"},
		{delegation.Unknown, delegation.ReasonEdgeUnreachable, "Unknown EdgeUnreachable", "", "nobody can tell"},
		{delegation.Broken, delegation.ReasonGlueMissing, "False GlueMissing", "Warning GlueMissing", "told again"},
		{delegation.Works, delegation.ReasonAnswering, "True Answering", "Normal DelegationWorks", "over"},
	} {
		in.checks = []delegation.Status{{Zone: zone, State: c.state, Reason: c.reason, Message: "what came"}}
		next := zoneStatusOf(in)
		assert.Equal(t, c.condition, inWords(next.Conditions, "DelegationWorks"), c.why)
		told = workEvents(zd.Status.Conditions, next.Conditions)
		if c.event == "" {
			assert.Empty(t, told, c.why)
		} else if assert.Len(t, told, 1, c.why) {
			assert.Equal(t, c.event, told[0].kind+" "+told[0].reason, c.why)
			assert.Equal(t, "what came", told[0].message, c.why)
		}
		zd.Status = next
	}
	in.zones = &translate.ZonesOutput{}
	assert.Empty(t, inWords(zoneStatusOf(in).Conditions, "DelegationWorks"), "the zone is not ours any more")
}

func TestZoneStatusTellsIsolation(t *testing.T) {
	own := &translate.ZonesOutput{Zones: []translate.Zone{{Delegation: "zd", ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}}}
	in := zoneInput{zd: &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "zd"}}, zones: own, world: &gslb.World{Self: "eu"}, now: time.Now()}
	assert.Equal(t, "True Connected", inWords(zoneStatusOf(in).Conditions, "Connected"))
	in.world = &gslb.World{Self: "eu", Unsought: time.Now()}
	assert.Equal(t, "False PeersUnknown", inWords(zoneStatusOf(in).Conditions, "Connected"))
	at := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	in.world = &gslb.World{Self: "eu", Isolated: at, At: at.Add(time.Minute), IsolatedUntil: at.Add(5 * time.Minute)}
	s := zoneStatusOf(in)
	assert.Equal(t, "False Isolated", inWords(s.Conditions, "Connected"))
	assert.Contains(t, meta.FindStatusCondition(s.Conditions, "Connected").Message, "keeps its last good answers until 2026-01-01 10:05:00 UTC")
	assert.Contains(t, cutOff(in.world), "keeps its last good answers until")
	in.world.At = in.world.IsolatedUntil
	assert.Contains(t, meta.FindStatusCondition(zoneStatusOf(in).Conditions, "Connected").Message, "it kept its last good answers until 2026-01-01 10:05:00 UTC")
}
