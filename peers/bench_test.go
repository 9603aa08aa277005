// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

// BenchmarkChangeReachesThePeer measures from an input of one cluster's store to
// the World of another, over TCP on loopback, with 10,000 hosts in both.
func BenchmarkChangeReachesThePeer(b *testing.B) {
	const hosts = 10_000
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	start := func(tag gslb.GeoTag, static map[gslb.GeoTag][]string) (*gslb.Store, *gslb.Mailbox, *peers.Exchange) {
		store, err := gslb.NewStore(gslb.Config{Self: tag, ClusterID: "x"})
		require.NoError(b, err)
		x, err := peers.New(peers.Config{
			Self: tag, ClusterID: "id-" + string(tag), Keys: []peers.Key{sharedKey()}, Store: store, Worlds: store.Mailbox().C(), Static: static, Log: quietLog(),
		})
		require.NoError(b, err)
		store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}})
		for i := range hosts {
			put(store, i, 1)
		}
		store.SetLocal(gslb.LocalState{Synced: true, Mark: 1})
		box := store.Mailbox()
		wg.Go(func() { _ = store.Run(ctx) })
		wg.Go(func() { _ = x.Run(ctx) })
		return store, box, x
	}
	us, _, x := start("us", nil)
	server := peerstest.Listen(b, x)
	_, worlds, _ := start("eu", map[gslb.GeoTag][]string{"us": {server.Addr}})
	until := func(i int, last byte) {
		for w := range worlds.C() {
			h := w.Host(hostName(i))
			if h != nil && h.Part("us") != nil && h.Part("us").Offer.Entries[0].Addr.As4()[3] == last {
				return
			}
		}
	}
	until(hosts-1, 1)
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		i, last := n%hosts, byte(2+n%200)
		put(us, i, last)
		until(i, last)
	}
}

func hostName(i int) gslb.Name { return gslb.MustName(fmt.Sprintf("app-%d.%s", i, zone)) }

func put(s *gslb.Store, i int, last byte) {
	src := gslb.Source{Kind: "Gslb", Namespace: "b", Name: fmt.Sprint(i)}
	s.SetObject(src, []*gslb.Offer{{
		Host: hostName(i), Source: src, Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
		Entries: []gslb.Entry{{Addr: netip.AddrFrom4([4]byte{192, 0, 2, last}), Health: gslb.Healthy, Reason: gslb.ReasonReady}},
	}})
}
