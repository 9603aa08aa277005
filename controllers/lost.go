// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
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
	var names []string
	for i := range w.Clusters {
		if p := &w.Clusters[i]; p.Liveness == gslb.Lost {
			names = append(names, string(p.Tag))
			if p.ID != "" {
				names = append(names, p.ID)
			}
		}
	}
	slices.Sort(names)
	if !c.lost.put(names) {
		return
	}
	elsewhere := func(t *translation) bool {
		return slices.ContainsFunc(t.out.Hosts, func(h translate.HostStatus) bool { return len(h.Elsewhere) > 0 })
	}
	for _, g := range c.last.where(elsewhere) {
		c.add(item{g})
	}
}
