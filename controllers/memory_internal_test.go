// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestGuard(t *testing.T) {
	key := func(i int) string { return fmt.Sprintf("g%d", i) }
	now := time.Now()
	judged := now.Add(guardCount)
	for _, c := range []struct {
		vanish, all int
		hold        bool
		why         string
	}{
		{10, 10, false, "ten are believed"},
		{11, 22, false, "half is believed"},
		{11, 21, true, "more than half may be a store that was lost"},
		{11, 11, true, "all of them too"},
	} {
		g := newGuard(slog.New(slog.DiscardHandler), testMetrics(t), gslb.DefaultRemovalHold)
		for i := range c.vanish {
			g.lost(nn("a", key(i)), now)
		}
		holds := func(name string, all int, now time.Time) time.Duration {
			wait, meant := g.holds(nn("a", name), all, now)
			assert.False(t, meant && wait > 0)
			return wait
		}
		assert.Equal(t, guardCount, holds("g0", c.all, now), "they are counted for a moment first")
		for i := range c.vanish {
			assert.Equal(t, c.hold, holds(key(i), c.all-boolInt(!c.hold)*i, judged) > 0, c.why)
		}
		assert.Zero(t, holds("deleted", c.all, judged), "a deletion that the watch told of is believed")
		if !c.hold {
			continue
		}
		g.seen(nn("a", "g1"))
		wait, meant := g.holds(nn("a", "g1"), c.all, judged)
		assert.Zero(t, wait, "it returned, so its deletion is one now")
		assert.True(t, meant, "and confirms the first")
		_, meant = g.holds(nn("a", "deleted"), c.all, judged)
		assert.False(t, meant, "that was never held, so hosts are judged")
		_, meant = g.holds(nn("a", "g1"), c.all, judged)
		assert.False(t, meant, "once")
		assert.Positive(t, holds("g0", c.all, judged.Add(gslb.DefaultRemovalHold-time.Second)))
		wait, meant = g.holds(nn("a", "g0"), c.all, judged.Add(gslb.DefaultRemovalHold))
		assert.Zero(t, wait, "at last it is believed")
		assert.True(t, meant, "also by the guard of hosts")
		g.seen(nn("a", "g2"))
		_, meant = g.holds(nn("a", "g2"), c.all, judged.Add(gslb.DefaultRemovalHold+time.Second))
		assert.False(t, meant, "a deletion long after says nothing of the first")
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestGuardThatIsTurnedOffHoldsNothing(t *testing.T) {
	g := newGuard(slog.New(slog.DiscardHandler), testMetrics(t), 0)
	now := time.Now()
	for i := range 20 {
		g.lost(nn("a", fmt.Sprint("g", i)), now)
	}
	for i := range 20 {
		wait, meant := g.holds(nn("a", fmt.Sprint("g", i)), 20-i, now)
		assert.Zero(t, wait, "at once")
		assert.False(t, meant)
	}
	assert.Empty(t, g.keeps())
}

func TestGuardForgetsWhatVanishedLongAgo(t *testing.T) {
	g := newGuard(slog.New(slog.DiscardHandler), testMetrics(t), gslb.DefaultRemovalHold)
	now := time.Now()
	for i := range 12 {
		g.lost(nn("a", strings.Repeat("x", i+1)), now.Add(time.Duration(i)*guardWindow))
	}
	wait, _ := g.holds(nn("a", strings.Repeat("x", 12)), 12, now.Add(11*guardWindow+guardCount))
	assert.Zero(t, wait, "one now and then is no loss")
}

func ownService(ips ...string) *corev1.Service {
	svc := &corev1.Service{}
	for _, ip := range ips {
		svc.Status.LoadBalancer.Ingress = append(svc.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return svc
}

func TestGlue(t *testing.T) {
	var mu sync.Mutex
	changes := 0
	changed := func() {
		mu.Lock()
		defer mu.Unlock()
		changes++
	}
	log := slog.New(slog.DiscardHandler)
	fixed, err := newGlue(&Config{Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("203.0.113.1")}, Asker: &askerOf{}}, log, changed)
	require.NoError(t, err)
	fixed.observe(ownService("198.51.100.1"))
	assert.Equal(t, "[203.0.113.1 203.0.113.2]", fmt.Sprint(fixed.addrs()), "what was configured wins")

	g, err := newGlue(&Config{Asker: &askerOf{}}, log, changed)
	require.NoError(t, err)
	assert.Empty(t, g.addrs())
	g.observe(ownService("::ffff:198.51.100.2", "127.0.0.1", "2001:db8::1"))
	assert.Equal(t, "[198.51.100.2 2001:db8::1]", fmt.Sprint(g.addrs()), "loopback is for demos")
	assert.Equal(t, 2, changes)

	loop, err := newGlue(&Config{Asker: &askerOf{}, AllowLoopback: true}, log, changed)
	require.NoError(t, err)
	loop.observe(ownService("127.0.0.1"))
	assert.Equal(t, "[127.0.0.1]", fmt.Sprint(loop.addrs()))
	loop.observe(&corev1.Service{})
	assert.NotEmpty(t, loop.addrs(), "a status that goes empty says nothing")
	svc := &corev1.Service{Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "203.0.113.9"}}}}}
	loop.observe(svc)
	assert.Equal(t, "[203.0.113.9]", fmt.Sprint(loop.addrs()), "addresses count at once")
	svc.Status.LoadBalancer.Ingress = append(svc.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{Hostname: "lb.example.net"})
	loop.observe(svc)
	assert.Equal(t, "[203.0.113.9]", fmt.Sprint(loop.addrs()), "names are resolved elsewhere")
	loop.observe(nil)
	assert.Empty(t, loop.addrs(), "the Service is gone, and so are its addresses")
}
