// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
)

// Self is the cluster in which the Worlds of this package live.
const Self gslb.GeoTag = "eu"

// Host is a balanced name of a test.
type Host struct {
	Name   string
	Addrs  []string            // healthy entries of Self; ADDRESS=NAME where a load balancer has a name
	Others map[string][]string // healthy entries of other clusters, by geo tag
	Policy gslb.Policy         // no strategy means round robin, no TTL 30 s
	K8gb   bool                // it comes from an object of k8gb
}

// Worlds makes Worlds with a real Store. It belongs to one test.
type Worlds struct {
	t     testing.TB
	store *gslb.Store
	zones []gslb.ZoneIntent
	peers map[gslb.GeoTag]map[gslb.Name]*gslb.Offer
	mark  uint64
	ready bool

	mu    sync.Mutex
	moved sync.Cond
	world *gslb.World
}

// NewWorlds starts a Store that serves the zones, each below its parent name as
// the edge zone.
func NewWorlds(t testing.TB, zones ...string) *Worlds {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: Self, ClusterID: "eu-id", Settle: time.Nanosecond})
	require.NoError(t, err)
	w := &Worlds{t: t, store: store, peers: make(map[gslb.GeoTag]map[gslb.Name]*gslb.Offer), ready: true}
	w.moved.L = &w.mu
	for _, z := range zones {
		w.zones = append(w.zones, Zone(z))
	}
	store.SetZones(w.zones)
	store.OnWorld(func(world *gslb.World) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.world = world
		w.moved.Broadcast()
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = store.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

// Zone is a zone with our own name server at 192.0.2.53.
func Zone(name string) gslb.ZoneIntent {
	z := gslb.MustName(name)
	return gslb.ZoneIntent{Zone: z, EdgeZone: z.Parent(), NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}
}

// NotReady makes the Worlds from now on not ready.
func (w *Worlds) NotReady() { w.ready = false }

// SetZones replaces the zones.
func (w *Worlds) SetZones(zones ...gslb.ZoneIntent) *gslb.World {
	w.zones = zones
	w.store.SetZones(zones)
	return w.settle()
}

// Set adds or replaces hosts and gives the World with them.
func (w *Worlds) Set(hosts ...Host) *gslb.World {
	w.t.Helper()
	for _, h := range hosts {
		name := gslb.MustName(h.Name)
		w.store.SetObject(sourceOf(name), []*gslb.Offer{h.offer(name, h.Addrs)})
		for tag, addrs := range h.Others {
			peer := gslb.GeoTag(tag)
			if w.peers[peer] == nil {
				w.peers[peer] = make(map[gslb.Name]*gslb.Offer)
			}
			w.peers[peer][name] = h.offer(name, addrs)
		}
	}
	return w.settle()
}

// Remove takes hosts away and gives the World without them.
func (w *Worlds) Remove(names ...string) *gslb.World {
	w.t.Helper()
	for _, s := range names {
		name := gslb.MustName(s)
		w.store.SetObject(sourceOf(name), nil)
		for _, offers := range w.peers {
			delete(offers, name)
		}
	}
	return w.settle()
}

// Table is the Table of the present World, built anew.
func (w *Worlds) Table() *answers.Table {
	w.t.Helper()
	return Table(w.t, nil, w.settle())
}

// Table builds a Table.
func Table(t testing.TB, prev *answers.Table, w *gslb.World) *answers.Table {
	t.Helper()
	table, err := answers.Build(prev, w)
	require.NoError(t, err)
	return table
}

func sourceOf(n gslb.Name) gslb.Source {
	return gslb.Source{Kind: "Gslb", Namespace: "test", Name: n.String()}
}

func (h *Host) offer(name gslb.Name, addrs []string) *gslb.Offer {
	o := &gslb.Offer{Host: name, Source: sourceOf(name), Policy: h.Policy, Incumbent: h.K8gb}
	if o.Policy.Strategy == "" {
		o.Policy.Strategy = gslb.RoundRobin
	}
	if o.Policy.TTL == 0 {
		o.Policy.TTL = 30
	}
	for _, a := range addrs {
		addr, name, _ := strings.Cut(a, "=")
		o.Entries = append(o.Entries, gslb.Entry{Addr: netip.MustParseAddr(addr), Hostname: name, Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	return o
}

// settle hands in what the other clusters say, and waits for the World in which
// everything handed in so far is merged.
func (w *Worlds) settle() *gslb.World {
	w.t.Helper()
	for tag, offers := range w.peers {
		for _, z := range w.zones {
			require.NoError(w.t, w.store.SetReport(w.report(tag, offers, z)))
		}
		w.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: string(tag), At: time.Now()})
	}
	w.mark++
	w.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark, l.Synced = w.mark, w.ready })
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.world == nil || w.world.Local.Mark != w.mark {
		w.moved.Wait()
	}
	return w.world
}

func (w *Worlds) report(tag gslb.GeoTag, offers map[gslb.Name]*gslb.Offer, z gslb.ZoneIntent) *gslb.Report {
	ns, err := gslb.NameServerName(tag, z.Zone, z.EdgeZone)
	require.NoError(w.t, err)
	r := &gslb.Report{
		Cluster: tag, ClusterID: string(tag) + "-id", Instance: string(tag), Zone: z.Zone, EdgeZone: z.EdgeZone,
		NameServers: []gslb.NameServer{{Cluster: tag, Name: ns, Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.53")}}},
		Hears:       []gslb.GeoTag{Self}, Offers: make(map[gslb.Name]*gslb.Offer), Mark: w.mark,
	}
	for n, o := range offers {
		if n.In(z.Zone) {
			r.Offers[n] = o
		}
	}
	return r
}
