// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatDrainsFollowsItsTable(t *testing.T) {
	old := Entry{Addr: netip.MustParseAddr("192.0.2.1"), Draining: true}
	now := Entry{Addr: netip.MustParseAddr("192.0.2.2")}
	alone, beside := []Entry{old, {Hostname: "lb.example.net"}}, []Entry{now, old}
	for _, c := range []struct {
		all    []Entry
		h      Health
		probe  Health
		asked  bool
		was    Reason
		want   Health
		reason Reason
		why    string
	}{
		{alone, Healthy, Unhealthy, true, "", Healthy, "given", "nothing else is there, so it counts as ever"},
		{alone, Unhealthy, HealthUnknown, false, "", Unhealthy, "given", "whatever that is"},
		{beside, Healthy, Healthy, true, "", Healthy, ReasonDraining, "it is known to serve"},
		{beside, Healthy, HealthUnknown, false, "", Healthy, ReasonDraining, "until somebody looked"},
		{beside, Healthy, Unhealthy, true, "", Unhealthy, ReasonWithdrawn, "it does not serve"},
		{beside, Healthy, HealthUnknown, true, "", Unhealthy, ReasonWithdrawn, "nobody can tell"},
		{beside, Unhealthy, Healthy, true, "", Unhealthy, "given", "backends are not ready"},
		{alone, Healthy, HealthUnknown, false, ReasonWithdrawn, Unhealthy, ReasonWithdrawn, "it left when another address took its place, and does not come back with a name"},
		{alone, Healthy, Unhealthy, true, ReasonWithdrawn, Unhealthy, ReasonWithdrawn, "nor while it is known not to serve"},
		{alone, Healthy, Healthy, true, ReasonWithdrawn, Healthy, "given", "it serves again"},
		{alone, Healthy, HealthUnknown, false, ReasonDraining, Healthy, "given", "it still served"},
		{beside, Healthy, Healthy, true, ReasonWithdrawn, Healthy, ReasonDraining, "it serves again"},
	} {
		h, reason := drained(c.all, c.h, "given", c.probe, c.asked, c.was)
		assert.Equal(t, c.want.String(), h.String(), c.why)
		assert.Equal(t, c.reason, reason, c.why)
	}
}
