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
		want   Health
		reason Reason
		why    string
	}{
		{alone, Healthy, Unhealthy, true, Healthy, "given", "nothing else is there, so it counts as ever"},
		{alone, Unhealthy, HealthUnknown, false, Unhealthy, "given", "whatever that is"},
		{beside, Healthy, Healthy, true, Healthy, ReasonDraining, "it is known to serve"},
		{beside, Healthy, HealthUnknown, false, Healthy, ReasonDraining, "until somebody looked"},
		{beside, Healthy, Unhealthy, true, Unhealthy, ReasonWithdrawn, "it does not serve"},
		{beside, Healthy, HealthUnknown, true, Unhealthy, ReasonWithdrawn, "nobody can tell"},
		{beside, Unhealthy, Healthy, true, Unhealthy, "given", "backends are not ready"},
	} {
		h, reason := drained(c.all, c.h, "given", c.probe, c.asked)
		assert.Equal(t, c.want.String(), h.String(), c.why)
		assert.Equal(t, c.reason, reason, c.why)
	}
}
