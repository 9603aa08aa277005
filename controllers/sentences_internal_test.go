// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

func TestEveryReasonHasASentence(t *testing.T) {
	seen := make(map[string]gslb.Reason)
	for _, r := range []gslb.Reason{
		gslb.ReasonReady, gslb.ReasonProbeUp, gslb.ReasonForced, gslb.ReasonDrained, gslb.ReasonNotReady, gslb.ReasonServiceNotFound, gslb.ReasonNoSlices,
		gslb.ReasonAddressUnknown, gslb.ReasonProbeDown, gslb.ReasonProbePending, gslb.ReasonHealthUnknown, gslb.ReasonUnresolved,
		gslb.ReasonClusterLost, gslb.ReasonClusterLeft,
	} {
		s := entrySentence(r)
		assert.NotEmpty(t, s, r)
		assert.NotContains(t, seen, s, "%s says the same as %s", r, seen[s])
		seen[s] = r
	}
	clear(seen)
	for _, r := range []gslb.Reason{
		gslb.ReasonAllHealthy, gslb.ReasonWeighted, gslb.ReasonPrimary, gslb.ReasonPrimaryDown, gslb.ReasonInOrder, gslb.ReasonUnlisted,
		gslb.ReasonUnknownHealth, gslb.ReasonLastResort, gslb.ReasonEmpty, gslb.ReasonLastHealthy, gslb.ReasonAllOffered,
		gslb.ReasonFallback, gslb.ReasonStrategyPending,
	} {
		s := answerMessage(&gslb.Host{}, &strategies.Decision{Reason: r})
		assert.NotEmpty(t, s, r)
		assert.NotContains(t, seen, s, "%s says the same as %s", r, seen[s])
		seen[s] = r
	}
}

func TestPartMessageTellsWhyASilentClusterIsBelieved(t *testing.T) {
	for _, c := range []struct {
		cluster gslb.Cluster
		part    gslb.Part
		want    string
	}{
		{gslb.Cluster{Conflict: "two are us"}, gslb.Part{}, "two are us"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.ThirdCluster, By: "ap"}}, gslb.Part{Liveness: gslb.Vouched}, "cluster ap hears it"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.Heartbeat}}, gslb.Part{Liveness: gslb.Vouched}, "heartbeat"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.SignedBadTime}}, gslb.Part{Liveness: gslb.Vouched}, "clock"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.BadSignature}}, gslb.Part{Liveness: gslb.Vouched}, "key"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.Announced}}, gslb.Part{Liveness: gslb.Vouched}, "restart"},
		{gslb.Cluster{Witness: gslb.Witness{Kind: gslb.Isolation}}, gslb.Part{Liveness: gslb.Vouched}, "cut off itself"},
		{gslb.Cluster{}, gslb.Part{Liveness: gslb.Lost, Checked: true}, "its entry answers for this host"},
		{gslb.Cluster{}, gslb.Part{Liveness: gslb.Doubtful}, "witnesses are being asked"},
		{gslb.Cluster{}, gslb.Part{Liveness: gslb.Unheard}, "has not been heard yet"},
		{gslb.Cluster{K8gb: true}, gslb.Part{Liveness: gslb.Fresh}, "runs k8gb"},
	} {
		assert.Contains(t, partMessage(&c.cluster, &c.part, gslb.ReasonReady), c.want)
	}
	assert.Equal(t, "backends are ready", partMessage(nil, &gslb.Part{}, gslb.ReasonReady))
}
