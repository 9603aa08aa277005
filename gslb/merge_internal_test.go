// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOwnHealthFollowsItsTable(t *testing.T) {
	probed, alone := &Check{}, &Check{Alone: true}
	for _, c := range []struct {
		override Override
		ready    Health
		check    *Check
		probe    Health
		want     Health
		why      Reason
	}{
		{Drain, Healthy, nil, HealthUnknown, Unhealthy, ReasonDrained},
		{Drain, Healthy, alone, Healthy, Unhealthy, ReasonDrained},
		{Force, Unhealthy, nil, HealthUnknown, Healthy, ReasonForced},
		{Force, Unhealthy, probed, Unhealthy, Healthy, ReasonForced},
		{NoOverride, Unhealthy, alone, Healthy, Healthy, ReasonProbeUp},
		{NoOverride, Healthy, alone, Unhealthy, Unhealthy, ReasonProbeDown},
		{NoOverride, Healthy, alone, HealthUnknown, HealthUnknown, ReasonProbePending},
		{NoOverride, Healthy, nil, Unhealthy, Healthy, "given"},
		{NoOverride, Unhealthy, nil, Healthy, Unhealthy, "given"},
		{NoOverride, HealthUnknown, nil, Healthy, HealthUnknown, "given"},
		{NoOverride, Unhealthy, probed, Healthy, Unhealthy, "given"},
		{NoOverride, Healthy, probed, Unhealthy, Unhealthy, ReasonProbeDown},
		{NoOverride, HealthUnknown, probed, Unhealthy, Unhealthy, ReasonProbeDown},
		{NoOverride, Healthy, probed, HealthUnknown, HealthUnknown, ReasonProbePending},
		{NoOverride, Healthy, probed, Healthy, Healthy, "given"},
		{NoOverride, HealthUnknown, probed, Healthy, HealthUnknown, "given"},
	} {
		got, why := ownHealth(c.override, c.ready, "given", c.check, c.probe)
		assert.Equal(t, c.want.String(), got.String(), "%+v", c)
		assert.Equal(t, c.why, why, "%+v", c)
	}
}

func TestStandingFollowsItsTable(t *testing.T) {
	for _, why := range []Reason{ReasonReturning, ReasonFlapping} {
		tier, reason := standing(Vouched, false, Healthy, why)
		assert.Equal(t, TierReturning, tier, "what waits by the word of its own cluster waits everywhere")
		assert.Equal(t, why, reason)
	}
	for _, c := range []struct {
		l       Liveness
		checked bool
		h       Health
		want    Tier
		why     Reason
	}{
		{Left, true, Healthy, TierOut, ReasonClusterLeft},
		{Self, false, Unhealthy, TierOut, "given"},
		{Lost, true, Unhealthy, TierOut, "given"},
		{Lost, false, Healthy, TierLost, ReasonClusterLost},
		{Lost, false, HealthUnknown, TierLost, ReasonClusterLost},
		{Unheard, false, Healthy, TierLost, ReasonClusterLost},
		{Lost, true, Healthy, TierHealthy, "given"},
		{Lost, true, HealthUnknown, TierUnknown, "given"},
		{Self, false, Healthy, TierHealthy, "given"},
		{Fresh, false, Healthy, TierHealthy, "given"},
		{Doubtful, false, Healthy, TierHealthy, "given"},
		{Vouched, false, Healthy, TierHealthy, "given"},
		{Vouched, false, HealthUnknown, TierUnknown, "given"},
	} {
		tier, why := standing(c.l, c.checked, c.h, "given")
		assert.Equal(t, c.want, tier, "%+v", c)
		assert.Equal(t, c.why, why, "%+v", c)
	}
}

func TestSerialLess(t *testing.T) {
	assert.True(t, serialLess(0, 1), "unset is less than all")
	assert.True(t, serialLess(1, 2))
	assert.False(t, serialLess(2, 2))
	assert.True(t, serialLess(4294967295, 1), "RFC 1982: the serial wraps")
	assert.False(t, serialLess(1, 4294967295))
}
