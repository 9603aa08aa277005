// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// cluster is one simulated cluster: machines that serve applications, an API
// that says how they do, and processes of Meridian. The Sim's lock guards it.
type cluster struct {
	s    *sim
	tag  gslb.GeoTag
	addr netip.Addr   // of its name server
	skew atomic.Int64 // nanoseconds that its wall clock is ahead

	powered bool // the machines run
	away    bool // the API cannot be reached by anybody
	slots   []*slot
	turns   map[turn]int

	version  uint64 // of the API: moves with every change
	objects  map[gslb.Name]*gslb.Offer
	down     map[netip.Addr]bool
	verdicts map[gslb.Name]map[netip.Addr]gslb.Health

	vanished time.Time // since when lists of the API are empty; zero: they are not
	returned time.Time // when they were not any more
	unseen   bool      // something changed while they were
	forgot   bool      // a process began while they were
	keys     []string  // of peers, by name; the first signs

	object  *published // the delegation as ExternalDNS finds it; nil: none
	leaving bool       // it said goodbye
	left    time.Time  // when it did
}

type turn struct {
	by gslb.GeoTag
	p  int
}

// slot is the place of one of a cluster's processes; a restarted process is
// another one in the same place.
type slot struct {
	c      *cluster
	n      int
	starts int
	p      *process // the last one; nil before the first
	saved  *gslb.Saved
	paused time.Time                 // when this one announced a restart; zero: it never did
	serial uint32                    // highest that was served from here
	signs  map[gslb.GeoTag]time.Time // when a message of a cluster last came here
}

// addr is where this process alone is called, as other instances of its cluster do.
func (sl *slot) addr() string { return fmt.Sprintf("10.%d.0.%d:53", sl.c.addr.As4()[3], sl.n) }

func (c *cluster) id() string { return "id-" + string(c.tag) }

// running lists the processes that run, frozen ones too.
func (c *cluster) running() []*process {
	var out []*process
	for _, sl := range c.slots {
		if sl.p != nil && sl.p.running {
			out = append(out, sl.p)
		}
	}
	return out
}

// next gives the process that takes the next connection of a client; nil: none
// listens. Each client's connections go round, as a load balancer with affinity
// to nobody does. The lock is held.
func (c *cluster) next(client *process) *process {
	all := c.running()
	if len(all) == 0 {
		return nil
	}
	k := turn{client.c.tag, client.sl.n}
	c.turns[k]++
	return all[c.turns[k]%len(all)]
}

// pausedAt is when a process last announced a restart; zero: none did. The lock is held.
func (c *cluster) pausedAt() time.Time {
	var at time.Time
	for _, sl := range c.slots {
		at = latest(at, sl.paused)
	}
	return at
}

// changed tells the processes that watch the API of a change, each a moment
// later. The lock is held.
func (c *cluster) changed() {
	c.version++
	for _, p := range c.running() {
		p.notice(time.Duration(5+p.random.IntN(60)) * time.Millisecond)
	}
}

// offers gives what the API lists, health by readiness. The lock is held.
func (c *cluster) offers() []*gslb.Offer {
	if !c.vanished.IsZero() {
		return nil
	}
	out := make([]*gslb.Offer, 0, len(c.objects))
	for _, o := range c.objects {
		offer := *o
		offer.Entries = slices.Clone(o.Entries)
		for i := range offer.Entries {
			if e := &offer.Entries[i]; c.down[e.Addr] {
				e.Health, e.Reason = gslb.Unhealthy, gslb.ReasonNotReady
			}
		}
		out = append(out, &offer)
	}
	slices.SortFunc(out, func(a, b *gslb.Offer) int { return a.Host.Compare(b.Host) })
	return out
}

// answers reports whether a client that asks an address gets an answer. The lock
// is held.
func (c *cluster) answers(addr netip.Addr) bool { return c.powered && !c.down[addr] }

// sim.cluster finds a cluster by its tag.
func (s *sim) cluster(tag string) (*cluster, error) {
	if c := s.clusters[gslb.GeoTag(tag)]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no cluster %q in this story", tag)
}

// addCluster makes a cluster with machines that run and no process.
func (s *sim) addCluster(tag gslb.GeoTag) *cluster {
	n := len(s.clusters)
	c := &cluster{
		s: s, tag: tag, addr: netip.AddrFrom4([4]byte{203, 0, 113, byte(200 + n)}), powered: true,
		turns: map[turn]int{}, objects: map[gslb.Name]*gslb.Offer{}, down: map[netip.Addr]bool{},
		verdicts: map[gslb.Name]map[netip.Addr]gslb.Health{}, keys: []string{"old"},
	}
	for i := range s.instances(tag) {
		c.slots = append(c.slots, &slot{c: c, n: i + 1, signs: map[gslb.GeoTag]time.Time{}})
	}
	s.clusters[tag] = c
	s.byAddr[netip.AddrPortFrom(c.addr, 53).String()] = c
	for _, sl := range c.slots {
		s.slotAt[sl.addr()] = sl
	}
	return c
}

// instances says how many processes a cluster has.
func (s *sim) instances(tag gslb.GeoTag) int {
	if n := s.perCluster[tag]; n > 0 {
		return n
	}
	return 1
}
