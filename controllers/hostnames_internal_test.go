// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// askerOf resolves the names that it has; others cannot be resolved.
type askerOf struct {
	mu    sync.Mutex
	names map[string]string
}

func (a *askerOf) set(name, addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = map[string]string{name: addr}
}

func (a *askerOf) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	addr, known := a.names[name]
	if !known {
		return hostnames.Answer{}, errors.New("SERVFAIL")
	}
	return hostnames.Answer{Addrs: []netip.Addr{netip.MustParseAddr(addr)}, TTL: time.Minute}, nil
}

// TestALoadBalancerIsKnownByName: the addresses of the name are the entries, from the
// first translation that counts, and for as long as it cannot be resolved again.
func TestALoadBalancerIsKnownByName(t *testing.T) {
	objects := application("shop", true)
	objects[1].(*networkingv1.Ingress).Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: "lb.example.net"}}
	b := newBench(t, objects...)
	b.names.set("lb.example.net", "198.51.100.1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	key := nn("a", "shop")
	b.translate(ctx, key, time.Now())
	entries := b.store.of("shop")[0].Entries
	require.Len(t, entries, 1)
	assert.False(t, entries[0].Addr.IsValid(), "nobody was asked yet")
	running.Go(func() { _ = b.collector.names.Run(ctx) })
	b.awaitOthers(ctx, time.Now())
	entries = b.store.of("shop")[0].Entries
	require.Len(t, entries, 1)
	assert.Equal(t, "198.51.100.1", entries[0].Addr.String())
	assert.Equal(t, "lb.example.net", entries[0].Hostname)

	require.NoError(t, b.api.Delete(ctx, objects[0]))
	b.translate(ctx, key, time.Now())
	wanted, _ := b.collector.names.Count()
	assert.Zero(t, wanted, "a Gslb that is gone wants no name")
}

// TestTheNameServerIsKnownByName: the glue follows the name as its TTL says, and is never
// empty because a name cannot be resolved, or not yet.
func TestTheNameServerIsKnownByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asker := &askerOf{}
		g, err := newGlue(&Config{Asker: asker}, nil, func() {})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { assert.NoError(t, g.run(ctx)) })
		defer running.Wait()
		defer cancel()
		has := func(want, why string, after time.Duration) {
			t.Helper()
			<-time.After(after)
			synctest.Wait()
			assert.Equal(t, want, fmt.Sprint(g.addrs()), why)
		}
		named := &corev1.Service{}
		named.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example.net"}}
		g.observe(named)
		has("[]", "nothing was ever known", time.Minute)
		g.observe(ownService("198.51.100.9"))
		has("[198.51.100.9]", "addresses count at once", 0)
		g.observe(named)
		has("[198.51.100.9]", "the name cannot be resolved yet", time.Minute)
		asker.set("lb.example.net", "198.51.100.1")
		has("[198.51.100.1]", "now it can", 2*time.Minute)
		asker.set("lb.example.net", "198.51.100.2")
		has("[198.51.100.2]", "it is asked for again when its TTL ends, and the old one goes a TTL later", 4*time.Minute)
		asker.set("other.example.net", "198.51.100.3")
		has("[198.51.100.2]", "trouble takes no address away", time.Hour)
		g.observe(nil)
		has("[]", "the Service is gone", 0)
	})
}
