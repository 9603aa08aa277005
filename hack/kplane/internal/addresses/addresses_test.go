// SPDX-License-Identifier: Apache-2.0

package addresses_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
)

func TestPlanGivesEachClusterItsNetwork(t *testing.T) {
	base := netip.MustParseAddr("127.0.71.0")
	seen := map[netip.Addr]bool{}
	for i := range 3 {
		plan, err := addresses.NewPlan(base, i)
		require.NoError(t, err)
		for _, a := range append(plan.Ingress(), plan.API(), plan.Pods().Addr(), plan.LoadBalancers().Addr()) {
			assert.False(t, seen[a], "%s is given twice", a)
			assert.True(t, plan.Network().Contains(a), "%s is outside %s", a, plan.Network())
			seen[a] = true
		}
		assert.False(t, plan.Pods().Overlaps(plan.LoadBalancers()))
	}
	plan, err := addresses.NewPlan(base, 1)
	require.NoError(t, err)
	assert.Equal(t, "127.0.72.1", plan.API().String(), "the second cluster has the next /24")
}

func TestPlanWithExternalNodes(t *testing.T) {
	light, err := addresses.NewPlan(netip.MustParseAddr("10.99.1.0"), 0)
	require.NoError(t, err)
	external := light.WithExternalNodes()
	assert.Equal(t, "10.99.1.64/26", external.Pods().String())
	assert.Equal(t, "10.99.1.128/25", external.LoadBalancers().String())
	assert.Equal(t, "10.99.1.128/25", light.Pods().String(), "the plan it was made of stays as it is")
	assert.Equal(t, light.Ingress(), external.Ingress())
	assert.Equal(t, light.API(), external.API())
}

func TestPlanRefusesWhatDoesNotFit(t *testing.T) {
	tests := []struct {
		base  string
		index int
		want  string
		why   string
	}{
		{"127.0.71.5", 0, "127.0.71.0", "the base is the address of a /24, and the message says which"},
		{"127.0.255.0", 1, "no room for 2 clusters", "the third octet must not run over into the second"},
		{"::1", 0, "IPv4", "there is only one IPv6 loopback address"},
	}
	for _, tt := range tests {
		_, err := addresses.NewPlan(netip.MustParseAddr(tt.base), tt.index)
		assert.ErrorContains(t, err, tt.want, tt.why)
	}
}

func TestReportedAndListening(t *testing.T) {
	loopback, err := addresses.NewPlan(netip.MustParseAddr("127.0.71.0"), 0)
	require.NoError(t, err)
	routed, err := addresses.NewPlan(netip.MustParseAddr("10.99.1.0"), 0)
	require.NoError(t, err)

	pod := netip.MustParseAddr("127.0.71.130")
	assert.Equal(t, "10.0.71.130", loopback.Reported(pod).String())
	back, ok := loopback.Listening(loopback.Reported(pod))
	assert.True(t, ok)
	assert.Equal(t, pod, back, "what is reported is found again")

	pod = netip.MustParseAddr("10.99.1.130")
	assert.Equal(t, pod, routed.Reported(pod), "with real addresses nothing is translated")
	back, ok = routed.Listening(pod)
	assert.True(t, ok)
	assert.Equal(t, pod, back)

	for _, a := range []string{"192.0.2.1", "2001:db8::1", "8.8.8.8"} {
		_, ok := loopback.Listening(netip.MustParseAddr(a))
		assert.False(t, ok, "%s must never be dialled from a loopback network", a)
	}
}

func TestPoolReusesLate(t *testing.T) {
	pool := addresses.NewPool(netip.MustParsePrefix("127.0.71.64/30"))
	take := func(owner string) string {
		a, err := pool.Take(owner)
		require.NoError(t, err)
		return a.String()
	}
	assert.Equal(t, "127.0.71.64", take("a"))
	assert.Equal(t, "127.0.71.64", take("a"), "an owner keeps its address")
	pool.Release("a")
	assert.Equal(t, "127.0.71.65", take("b"), "a free address waits for its turn")
	assert.Equal(t, "127.0.71.66", take("c"))
	assert.Equal(t, "127.0.71.67", take("d"))
	assert.Equal(t, "127.0.71.64", take("e"), "then the range starts again")
	_, err := pool.Take("f")
	assert.EqualError(t, err, "all 4 addresses of 127.0.71.64/30 are taken")
	pool.Release("nobody")
}

func TestPoolClaim(t *testing.T) {
	pool := addresses.NewPool(netip.MustParsePrefix("127.0.71.128/25"))
	addr := netip.MustParseAddr("127.0.71.128")
	assert.True(t, pool.Claim(addr, "a"))
	assert.True(t, pool.Claim(addr, "a"), "again is fine")
	assert.False(t, pool.Claim(addr, "b"), "it is a's")
	assert.False(t, pool.Claim(netip.MustParseAddr("127.0.71.129"), "a"), "a has one already")
	assert.False(t, pool.Claim(netip.MustParseAddr("127.0.72.130"), "b"), "outside the range")
	assert.False(t, pool.Claim(netip.MustParseAddr("127.0.71.255"), "b"), "the broadcast address is nobody's")
	next, err := pool.Take("b")
	require.NoError(t, err)
	assert.NotEqual(t, addr, next, "a claimed address is not given out")
}

func TestPoolNeverGivesTheBroadcastAddress(t *testing.T) {
	pool := addresses.NewPool(netip.MustParsePrefix("127.0.71.252/30"))
	for i, owner := range []string{"a", "b", "c"} {
		a, err := pool.Take(owner)
		require.NoError(t, err)
		assert.Equal(t, byte(252+i), a.As4()[3])
	}
	_, err := pool.Take("d")
	assert.Error(t, err)
}
