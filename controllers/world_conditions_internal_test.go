// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestConditionsOfTheWorld(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	peer := func(l gslb.Liveness, w gslb.Witness) gslb.Cluster {
		return gslb.Cluster{Tag: "us", Liveness: l, Since: at, Witness: w}
	}
	for _, c := range []struct {
		why      string
		change   func(*zoneInput)
		kind     string
		want     string // "STATUS REASON"; "": not there
		messages []string
	}{
		{"all is well", func(*zoneInput) {}, "UpToDate", "True UpToDate", nil},
		{"the saved world was damaged", func(in *zoneInput) { in.lost = true }, "UpToDate", "True SavedWorldLost", []string{"world.bad"}},
		{"and hosts vanished", func(in *zoneInput) {
			in.lost = true
			in.world.Held = []gslb.Held{{Cluster: "us", Hosts: 40}}
		}, "UpToDate", "False RemovalsHeld", nil},
		{"it cannot read", func(in *zoneInput) { in.world.Local.Blind = at }, "UpToDate", "False Blind", []string{"2026-03-01 12:00:00 UTC"}},
		{"hosts vanished in a mass", func(in *zoneInput) {
			in.world.Held = []gslb.Held{{Cluster: "us", Hosts: 40, Since: at, Until: at.Add(10 * time.Minute)}}
		}, "UpToDate", "False RemovalsHeld", []string{"40 hosts of cluster us", "until 2026-03-01 12:10:00 UTC", "allow-mass-removal=true"}},
		{"Gslbs vanished while the API was read", func(in *zoneInput) { in.held = heldGslbs{7, at} }, "UpToDate", "False RemovalsHeld", []string{"7 Gslbs vanished"}},
		{"probes fail in a mass", func(in *zoneInput) {
			in.world.ProbesHeld = gslb.ProbesHeld{Hosts: 20, Since: at, Until: at.Add(time.Minute)}
		}, "UpToDate", "False ProbesHeld", []string{"the probes of 20 hosts", "until 2026-03-01 12:01:00 UTC", "allow-mass-removal=true"}},
		{"both, and blind", func(in *zoneInput) {
			in.world.Local.Blind = at
			in.world.Held = []gslb.Held{{Cluster: "us", Hosts: 40}}
			in.world.ProbesHeld = gslb.ProbesHeld{Hosts: 20}
		}, "UpToDate", "False Blind", []string{"40 hosts", "20 hosts"}},
		{"nobody else", func(*zoneInput) {}, "PeersHeard", "True NoPeers", nil},
		{"heard", func(in *zoneInput) { in.world.Clusters = append(in.world.Clusters, peer(gslb.Fresh, gslb.Witness{})) }, "PeersHeard", "True PeersHeard", []string{"heard: us"}},
		{"in doubt", func(in *zoneInput) {
			in.world.Clusters = append(in.world.Clusters, peer(gslb.Doubtful, gslb.Witness{}))
		}, "PeersHeard", "True PeersHeard", nil},
		{"vouched for", func(in *zoneInput) {
			in.world.Clusters = append(in.world.Clusters, peer(gslb.Vouched, gslb.Witness{Kind: gslb.ThirdCluster, By: "ap"}))
		}, "PeersHeard", "False PeerVouched", []string{"us", "cluster ap hears it", "since 2026-03-01 12:00:00 UTC"}},
		{"lost", func(in *zoneInput) {
			in.world.Clusters = append(in.world.Clusters, peer(gslb.Lost, gslb.Witness{}), gslb.Cluster{Tag: "ap", Liveness: gslb.Vouched, Witness: gslb.Witness{Kind: gslb.Heartbeat}})
		}, "PeersHeard", "False PeerLost", []string{"us has been silent and nobody has vouched", "cluster ap has been silent", "its heartbeat"}},
		{"heard and not read", func(in *zoneInput) {
			us := peer(gslb.Fresh, gslb.Witness{})
			us.Unread = at
			in.world.Clusters = append(in.world.Clusters, us)
		}, "PeersHeard", "False PeerUnread", []string{"cluster us calls this one", "since 2026-03-01 12:00:00 UTC", "TCP port 53"}},
		{"nobody knows yet whether clients are seen", func(*zoneInput) {}, "ClientsVisible", "", nil},
		{"seen", func(in *zoneInput) { in.clients = clientsSeen }, "ClientsVisible", "True ClientsVisible", nil},
		{"hidden", func(in *zoneInput) { in.clients = clientsHidden }, "ClientsVisible", "False ClientsHidden", []string{"limits by address are off", "externalTrafficPolicy: Local"}},
		{"a zone that is not ours", func(in *zoneInput) { in.zones = &translate.ZonesOutput{} }, "UpToDate", "", nil},
	} {
		in := zoneInput{
			zd:    &gslbv1beta1.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "zd"}},
			zones: &translate.ZonesOutput{Zones: []translate.Zone{{Delegation: "zd"}}},
			world: &gslb.World{Self: "eu", Clusters: []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self}}}, now: at,
		}
		c.change(&in)
		s := zoneStatusOf(in)
		assert.Equal(t, c.want, inWords(s.Conditions, c.kind), c.why)
		for _, m := range c.messages {
			assert.Contains(t, meta.FindStatusCondition(s.Conditions, c.kind).Message, m, c.why)
		}
		in.zd.Status, in.now = s, at.Add(time.Hour)
		assert.Equal(t, s, zoneStatusOf(in), "%s: an hour later nothing is written, since nothing changed", c.why)
	}
}

func TestEventsOfConditionsOfTheWorld(t *testing.T) {
	c := func(kind, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: kind, Reason: reason, Message: "m"}}
	}
	for _, x := range []struct {
		old, next []metav1.Condition
		want      []happening
		why       string
	}{
		{c("UpToDate", "UpToDate"), c("UpToDate", "RemovalsHeld"), []happening{warning("RemovalsHeld", "m")}, "a guard begins"},
		{nil, c("UpToDate", "ProbesHeld"), []happening{warning("ProbesHeld", "m")}, "from the start"},
		{c("UpToDate", "ProbesHeld"), c("UpToDate", "ProbesHeld"), nil, "it goes on"},
		{c("UpToDate", "ProbesHeld"), c("UpToDate", "UpToDate"), []happening{normal("UpToDate", "m")}, "and ends"},
		{c("UpToDate", "UpToDate"), c("UpToDate", "Blind"), nil, "blindness has its own event"},
		{c("ClientsVisible", "ClientsVisible"), c("ClientsVisible", "ClientsHidden"), []happening{warning("ClientsHidden", "m")}, "clients are hidden"},
		{c("ClientsVisible", "ClientsHidden"), c("ClientsVisible", "ClientsVisible"), []happening{normal("ClientsVisible", "m")}, "and seen again"},
	} {
		assert.Equal(t, x.want, zoneEvents(x.old, x.next), x.why)
	}
}

func TestAVouchedClusterIsTold(t *testing.T) {
	world := func(l gslb.Liveness, w gslb.SightingKind) *gslb.World {
		return &gslb.World{Clusters: []gslb.Cluster{{Tag: "us", Liveness: l, Witness: gslb.Witness{Kind: w}}}}
	}
	reasons := func(a, b *gslb.World) string {
		var all []string
		for _, h := range worldEvents(a, b) {
			all = append(all, h.reason)
		}
		return strings.Join(all, " ")
	}
	fresh, doubtful, lost := world(gslb.Fresh, 0), world(gslb.Doubtful, 0), world(gslb.Lost, 0)
	vouched, paused := world(gslb.Vouched, gslb.Heartbeat), world(gslb.Vouched, gslb.Announced)
	assert.Equal(t, "ClusterVouched", reasons(doubtful, vouched))
	assert.Equal(t, "ClusterHeard", reasons(vouched, fresh))
	assert.Equal(t, "ClusterHeard", reasons(lost, vouched))
	assert.Equal(t, "ClusterLost", reasons(vouched, lost))
	assert.Empty(t, reasons(fresh, paused), "a restart that was announced")
	assert.Empty(t, reasons(paused, fresh))
	assert.Empty(t, reasons(fresh, doubtful))
}

func TestWhatIsHeldOrWaitsIsSaidOfTheGslb(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		reason gslb.Reason
		tier   gslb.Tier
		want   string
		says   string
	}{
		{gslb.ReasonProbesHeld, gslb.TierHealthy, "ProbesHeld", "nobody confirms it"},
		{gslb.ReasonReturning, gslb.TierReturning, "Returning", "returnDelaySeconds"},
		{gslb.ReasonFlapping, gslb.TierReturning, "Flapping", "several times"},
	} {
		part := gslb.Part{Cluster: "eu", Liveness: gslb.Self, Offer: &gslb.Offer{}, Entries: []gslb.Candidate{{Tier: c.tier, Reason: c.reason}}}
		if c.tier == gslb.TierReturning {
			part.Entries[0].Until = at
			assert.Contains(t, partMessage(&gslb.Cluster{}, &part, c.reason), "from 2026-03-01 12:00:00 UTC on")
		}
		h := &gslb.Host{Parts: []gslb.Part{part}}
		reason, message := servingReason(statusInput{peerKey: true}, []hostView{{name: "app.cloud.example.com", host: h, own: &h.Parts[0]}})
		assert.Equal(t, c.want, reason)
		assert.Contains(t, message, "app.cloud.example.com")
		assert.Contains(t, message, c.says)
	}
	gone := gslb.Part{Cluster: "us", Held: true, Offer: &gslb.Offer{}}
	h := &gslb.Host{Parts: []gslb.Part{gone}}
	reason, _ := servingReason(statusInput{peerKey: true}, []hostView{{name: "app.cloud.example.com", host: h}})
	require.Equal(t, "RemovalsHeld", reason)
	assert.Contains(t, partMessage(&gslb.Cluster{}, &gone, gslb.ReasonReady), "many vanished together")
}
