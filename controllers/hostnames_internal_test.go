// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
