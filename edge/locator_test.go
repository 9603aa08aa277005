// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
)

// phoneBook is a resolver in memory.
type phoneBook struct {
	mu    sync.Mutex
	hosts map[string][]netip.Addr
	calls int
}

func (p *phoneBook) set(host string, list ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = make(map[string][]netip.Addr)
	}
	p.hosts[host] = addrs(list...)
}

// LookupNetIP implements edge.Resolver; a host without addresses fails.
func (p *phoneBook) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if len(p.hosts[host]) == 0 {
		return nil, errors.New("no such host")
	}
	return p.hosts[host], nil
}

func TestLocator(t *testing.T) {
	bubble(t, func(t *testing.T) {
		book := &phoneBook{}
		var told [][]netip.Addr
		l, err := edge.NewLocator(edge.LocatorConfig{
			Resolver: book, OnChange: func(a []netip.Addr) { told = append(told, a) }, Rand: func() float64 { return 0.5 },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()

		l.Set([]string{"192.0.2.2", "192.0.2.1"})
		synctest.Wait()
		assert.Equal(t, [][]netip.Addr{addrs("192.0.2.1", "192.0.2.2")}, told)
		pass(time.Hour)
		assert.Zero(t, book.calls, "addresses need no resolver, and no timer")

		l.Set([]string{"lb.example.net"})
		synctest.Wait()
		assert.Empty(t, told[len(told)-1], "the old addresses were somebody else's by now")
		book.set("lb.example.net", "192.0.2.9")
		pass(6 * time.Second)
		assert.Equal(t, addrs("192.0.2.9"), told[len(told)-1])

		n := len(told)
		book.set("lb.example.net")
		pass(time.Hour)
		assert.Len(t, told, n, "a name that no longer resolves keeps its last good addresses")

		book.set("lb.example.net", "192.0.2.10", "2001:db8::1")
		pass(31 * time.Second)
		assert.Equal(t, addrs("192.0.2.10", "2001:db8::1"), told[len(told)-1])

		l.Set(nil)
		synctest.Wait()
		assert.Empty(t, told[len(told)-1])
		cancel()
		assert.NoError(t, <-done)
	})
}

func TestNewLocatorRefuses(t *testing.T) {
	_, err := edge.NewLocator(edge.LocatorConfig{})
	assert.Error(t, err)
}

func TestMetrics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Registerer = reg })
		r.tell(nil)
		families, err := reg.Gather()
		require.NoError(t, err)
		problems, err := promlint.NewWithMetricFamilies(families).Lint()
		require.NoError(t, err)
		assert.Empty(t, problems)
		values := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				values[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		assert.Equal(t, 1.0, values["meridian_edge_delegated"])
		assert.Equal(t, 1.0, values["meridian_edge_heartbeat_beats"])
		assert.Equal(t, 2.0, values["meridian_edge_updates_total"])
		_, err = edge.New(edge.Config{Worlds: r.worlds, Store: r, Registerer: reg})
		assert.ErrorContains(t, err, "metrics")
	})
}
