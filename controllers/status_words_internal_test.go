// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestWordsOfHealth holds the truth tables of serviceHealth and clusters[].health. The
// words of serviceHealth are k8gb's three; where nothing is known there is none.
func TestWordsOfHealth(t *testing.T) {
	const addr = "192.0.2.1"
	by := func(over gslb.Override, p part) part {
		p.over = over
		return p
	}
	unknown := part{health: gslb.HealthUnknown, reason: gslb.ReasonHealthUnknown, addrs: []string{addr}}
	for _, c := range []struct {
		why      string
		own      part
		readable translate.HostStatus // what the translation says of readiness
		service  gslbv1beta1.ServiceHealth
		cluster  gslbv1beta1.ClusterHealth
		reason   string
	}{
		{"backends are ready", healthy(addr), translate.HostStatus{}, gslbv1beta1.Healthy, gslbv1beta1.ClusterHealthy, "Ready"},
		{"no backend is ready", unhealthy(gslb.ReasonNotReady, addr), translate.HostStatus{}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "NoLocalReadyEndpoints"},
		{"the ingress controller is dead", unhealthy(gslb.ReasonEntryNotReady, addr),
			translate.HostStatus{Readiness: gslb.Healthy, Health: gslb.Unhealthy}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "EntryNotReady"},
		{"nothing listens at the gateway", unhealthy(gslb.ReasonNotProgrammed, addr),
			translate.HostStatus{Readiness: gslb.Healthy, Health: gslb.Unhealthy}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "NotProgrammed"},
		{"nobody can tell", unknown, translate.HostStatus{}, "", gslbv1beta1.ClusterUnknown, "HealthUnknown"},
		{"no address is known, backends are ready", part{reason: gslb.ReasonAddressUnknown},
			translate.HostStatus{Readiness: gslb.Healthy}, "", gslbv1beta1.ClusterUnknown, "AddressUnknown"},
		{"no address is known, no backend is ready", part{reason: gslb.ReasonNotReady},
			translate.HostStatus{Readiness: gslb.Unhealthy, Health: gslb.Unhealthy}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "NoLocalReadyEndpoints"},
		{"no address is known, no Service is there", part{reason: gslb.ReasonServiceNotFound},
			translate.HostStatus{Readiness: gslb.Unhealthy, ReadinessReason: gslb.ReasonServiceNotFound}, gslbv1beta1.NotFound, gslbv1beta1.ClusterUnhealthy, "ServiceNotFound"},
		{"no Service is there", unhealthy(gslb.ReasonServiceNotFound, addr),
			translate.HostStatus{Readiness: gslb.Unhealthy, ReadinessReason: gslb.ReasonServiceNotFound}, gslbv1beta1.NotFound, gslbv1beta1.ClusterUnhealthy, "ServiceNotFound"},
		{"drained", by(gslb.Drain, healthy(addr)), translate.HostStatus{}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "Drained"},
		{"drained, and no address is known", by(gslb.Drain, part{reason: gslb.ReasonAddressUnknown}), translate.HostStatus{}, gslbv1beta1.Unhealthy, gslbv1beta1.ClusterUnhealthy, "AddressUnknown"},
		{"forced", by(gslb.Force, unhealthy(gslb.ReasonNotReady, addr)), translate.HostStatus{}, gslbv1beta1.Healthy, gslbv1beta1.ClusterHealthy, "Forced"},
		{"forced, and no address is known", by(gslb.Force, part{reason: gslb.ReasonAddressUnknown}), translate.HostStatus{}, "", gslbv1beta1.ClusterUnknown, "AddressUnknown"},
	} {
		synctest.Test(t, func(t *testing.T) {
			read := c.readable
			read.Host, read.Text, read.Offered = gslb.MustName(app), app, true
			played := scene{own: []part{c.own}, us: []part{healthy("198.51.100.1")}, out: translate.Output{Hosts: []translate.HostStatus{read}}}
			s := statusOf(played.input(t))
			assert.Equal(t, c.service, s.ServiceHealth[app], c.why)
			require.Len(t, s.Clusters, 2)
			assert.Equal(t, c.cluster, s.Clusters[0].Health, c.why)
			assert.Equal(t, c.reason, s.Clusters[0].Reason, c.why)
			assert.NotEmpty(t, s.HealthyRecords[app], "%s: the host keeps the answers of the other cluster", c.why)
		})
	}
}

// TestWordsOfAHostThatIsNotOffered: an ingress controller that is dead is no healthy
// service, offered or not.
func TestWordsOfAHostThatIsNotOffered(t *testing.T) {
	for _, c := range []struct {
		why  string
		read translate.HostStatus
		word gslbv1beta1.ServiceHealth
	}{
		{"backends are ready behind an entry that is open", translate.HostStatus{Readiness: gslb.Healthy, Health: gslb.Healthy}, gslbv1beta1.Healthy},
		{"backends are ready behind a dead ingress controller", translate.HostStatus{Readiness: gslb.Healthy, Health: gslb.Unhealthy}, gslbv1beta1.Unhealthy},
		{"backends are ready, and no entry is known", translate.HostStatus{Readiness: gslb.Healthy}, ""},
		{"no Service is there", translate.HostStatus{Readiness: gslb.Unhealthy, ReadinessReason: gslb.ReasonServiceNotFound, Health: gslb.Unhealthy}, gslbv1beta1.NotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			read := c.read
			read.Host, read.Text = gslb.MustName(app), app
			s := statusOf(scene{out: translate.Output{Hosts: []translate.HostStatus{read}}}.input(t))
			assert.Equal(t, c.word, s.ServiceHealth[app], c.why)
		})
	}
}
