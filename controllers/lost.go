// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// lostClusters are the names of the other clusters that are lost, sorted: geo tags and
// cluster ids, as neighbours may name either. Its zero value has none; safe for concurrent use.
type lostClusters struct{ names atomic.Pointer[[]string] }

func (l *lostClusters) has(name string) bool {
	names := l.names.Load()
	if names == nil {
		return false
	}
	_, found := slices.BinarySearch(*names, name)
	return found
}

// put replaces the names, and reports that they differ.
func (l *lostClusters) put(names []string) bool {
	old := l.names.Swap(&names)
	return old == nil && len(names) > 0 || old != nil && !slices.Equal(*old, names)
}

// observeLost has the Gslbs translated with endpoints in other clusters, when a cluster is
// lost or back: what objects here say of the endpoints in a lost one is of the past. One
// that left is not lost: Meridian is gone from there, and all else may run on.
func (c *collector) observeLost(w *gslb.World) {
	if !c.lost.put(namesOfLost(w)) {
		return
	}
	c.beliefs.Add(1)
	for _, g := range c.last.where(elsewhere) {
		c.add(item{g})
	}
}

// namesOfLost gives the geo tags and cluster ids of the clusters that are lost, sorted.
func namesOfLost(w *gslb.World) []string {
	var names []string
	for i := range w.Clusters {
		p := &w.Clusters[i]
		if p.Liveness != gslb.Lost {
			continue
		}
		names = append(names, string(p.Tag))
		if p.ID != "" {
			names = append(names, p.ID)
		}
	}
	slices.Sort(names)
	return names
}

// elsewhere reports that objects here name endpoints in other clusters.
func elsewhere(t *translation) bool {
	return slices.ContainsFunc(t.out.Hosts, func(h translate.HostStatus) bool { return len(h.Elsewhere) > 0 })
}

// bareClusters are, by host, the names of the other clusters that report that none of their own
// backends is ready, sorted: geo tags and cluster ids. Safe for concurrent use.
type bareClusters struct {
	mu sync.RWMutex
	of map[gslb.Name][]string
}

func (b *bareClusters) has(host gslb.Name, name string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	_, found := slices.BinarySearch(b.of[host], name)
	return found
}

// put replaces the names of a host, and reports that they differ.
func (b *bareClusters) put(host gslb.Name, names []string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Equal(b.of[host], names) {
		return false
	}
	if b.of == nil {
		b.of = make(map[gslb.Name][]string)
	}
	if b.of[host] = names; len(names) == 0 {
		delete(b.of, host)
	}
	return true
}

// observeBare has the Gslbs of a host translated with endpoints in other clusters, when
// another cluster begins or ends to report that it has no ready backend of it: endpoints there
// that objects here call ready are stale then, as the slices that Karmada leaves of a provider
// that is not ready.
//
// Clusters that count each other's endpoints cannot flap by that, however many they are. What
// a cluster reports here is made from its own objects and nothing else: not from what it counts
// elsewhere, and so not from what any other reports. Nothing that is decided by it is an input of it,
// so a change goes one step and ends. Were "unhealthy" believed in its place, two clusters that
// have nothing but stale slices of each other would take turns for ever: the one that is unhealthy makes
// the other one so, which makes the first healthy again. As it is both are out, and neither
// vouches for the other; and where each has one half of what a host needs, neither is bare.
func (c *collector) observeBare(prev, w *gslb.World) {
	for host := range w.Changed(prev) {
		if !c.bare.put(host, bareOf(w, w.Host(host))) {
			continue
		}
		c.beliefs.Add(1)
		for _, g := range c.last.having(host) {
			if t := c.last.get(g); t != nil && elsewhere(t) {
				c.add(item{g})
			}
		}
	}
}

// bareOf gives the names of the clusters whose word makes endpoints there stale for a host.
//
//	cluster    | its part                                        | counts
//	ours, left | any                                             | no: what runs in one that left may run on
//	any other  | of another namespace's object, so other backends | no
//	any other  | not offered any more, and held by the guard      | no: it is of the past
//	any other  | bare                                            | yes, as it reported last
func bareOf(w *gslb.World, h *gslb.Host) []string {
	if h == nil {
		return nil
	}
	var names []string
	for i := range h.Parts {
		p := &h.Parts[i]
		if p.Liveness == gslb.Self || p.Liveness == gslb.Left || p.Foreign || p.Held || !p.Offer.Bare {
			continue
		}
		names = append(names, string(p.Cluster))
		if known := w.Cluster(p.Cluster); known != nil && known.ID != "" {
			names = append(names, known.ID)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
