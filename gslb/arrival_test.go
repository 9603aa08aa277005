// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// The time from an input to the World that holds it is that of the input that
// waited longest; an input that changes nothing leaves no trace.
func TestArrivalsAreThoseOfTheOldestInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
		require.NoError(t, err)
		var mu sync.Mutex // guards what follows
		var joined gslb.Arrivals
		var worlds []*gslb.World
		seen := func() []*gslb.World {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(worlds)
		}
		store.OnWorld(func(w *gslb.World) {
			mu.Lock()
			defer mu.Unlock()
			worlds = append(worlds, w)
			joined.Join(w.Arrivals)
		})
		store.SetZones([]gslb.ZoneIntent{{Zone: gslb.MustName("example.com"), EdgeZone: gslb.MustName("com")}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = store.Run(ctx) }()
		time.Sleep(2 * time.Second) // serials move once a second
		offer := func(host string) *gslb.Offer {
			n := gslb.MustName(host)
			return &gslb.Offer{Host: n, Source: gslb.Source{Kind: "Gslb", Name: host}, Policy: gslb.Policy{Strategy: gslb.RoundRobin},
				Entries: []gslb.Entry{{Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy}}}
		}
		set := func(at time.Time, host string) {
			o := offer(host)
			store.SetObjectAt(at, o.Source, []*gslb.Offer{o})
		}
		last := func() gslb.Arrivals { return store.World().Arrivals }

		first := time.Now()
		set(first, "a.example.com")
		time.Sleep(time.Millisecond)
		set(time.Now(), "b.example.com") // in the same World
		synctest.Wait()
		n := len(seen())
		time.Sleep(10 * time.Millisecond)
		require.Len(t, seen(), n+1, "both inputs make one World")
		assert.True(t, last()[gslb.LocalInput].Equal(first))
		assert.Zero(t, last()[gslb.PeerInput])

		event := time.Now().Add(-40 * time.Millisecond)
		set(event, "c.example.com")
		time.Sleep(10 * time.Millisecond)
		assert.True(t, last()[gslb.LocalInput].Equal(event), "the event's time, not the input's")

		n = len(seen())
		set(time.Now(), "c.example.com") // the same offer
		time.Sleep(2 * time.Second)
		for _, w := range seen()[n:] {
			assert.Zero(t, w.Arrivals[gslb.LocalInput], "an input that changed nothing")
		}
		received := time.Now().Add(-time.Second)
		require.NoError(t, store.SetReport(&gslb.Report{
			Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: gslb.MustName("example.com"), Received: received,
			Offers: map[gslb.Name]*gslb.Offer{gslb.MustName("a.example.com"): offer("a.example.com")},
		}))
		time.Sleep(10 * time.Millisecond)
		assert.True(t, last()[gslb.PeerInput].Equal(received))
		assert.Zero(t, last()[gslb.LocalInput])
		store.SetVerdict(gslb.Verdict{Host: gslb.MustName("a.example.com"), Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Unhealthy})
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		assert.Zero(t, joined[gslb.ProbeInput], "without a check the verdict changes nothing")
		assert.True(t, joined[gslb.PeerInput].Equal(received), "Join keeps the oldest")
	})
}

// A loop that turns says so when asked, and nothing else happens for it.
func TestTurnsShowThatTheLoopTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
		require.NoError(t, err)
		assert.Zero(t, store.Turns())
		assert.Zero(t, store.Turns(), "it does not run yet")
		block, blocked := make(chan struct{}), &atomic.Bool{}
		store.OnWorld(func(*gslb.World) {
			if blocked.Load() {
				<-block
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = store.Run(ctx) }()
		synctest.Wait()
		world, before := store.World(), store.Turns()
		synctest.Wait()
		assert.Greater(t, store.Turns(), before)
		synctest.Wait()
		assert.Same(t, world, store.World(), "asking makes no World")

		blocked.Store(true)
		store.SetZones([]gslb.ZoneIntent{{Zone: gslb.MustName("example.com"), EdgeZone: gslb.MustName("com")}})
		time.Sleep(time.Second)
		stuck := store.Turns()
		time.Sleep(time.Minute)
		assert.Equal(t, stuck, store.Turns(), "an observer holds the loop")
		close(block)
		blocked.Store(false)
		synctest.Wait()
		assert.Greater(t, store.Turns(), stuck)
	})
}
