// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"maps"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// arrange makes the clusters fit what is known of them. The lock is held.
func (a *Asker) arrange() {
	if a.world == nil {
		return
	}
	for tag, addrs := range a.cfg.Static {
		if tag == a.cfg.Self || a.signs(tag) {
			continue
		}
		zones := make(map[gslb.Name][]string)
		for i := range a.world.Zones {
			zones[a.world.Zones[i].Zone] = addrs
		}
		a.begin(tag, zones)
	}
	for tag, c := range a.clusters {
		if _, static := a.cfg.Static[tag]; !static {
			c.serve(a.ours(a.found[tag]))
		}
	}
}

// ours gives the part that is about zones of ours. The lock is held.
func (a *Asker) ours(zones map[gslb.Name][]string) map[gslb.Name][]string {
	out := maps.Clone(zones)
	maps.DeleteFunc(out, func(z gslb.Name, _ []string) bool { return a.world == nil || a.world.Zone(z) == nil })
	return out
}

// begin asks a cluster from now on, or has it asked in other zones. The lock is held.
func (a *Asker) begin(tag gslb.GeoTag, zones map[gslb.Name][]string) {
	c := a.clusters[tag]
	if c == nil {
		c = newCluster(a, tag)
		a.clusters[tag] = c
		a.cfg.Store.KnowPeer(tag)
		a.cfg.Foreign(tag, true)
		a.log.Info("cluster runs k8gb, and is asked as one", "peer", tag, "addresses", addressesOf(zones))
		c.follow(a.hosts)
		ctx, stop := context.WithCancel(a.ctx)
		c.stop = stop
		a.wg.Go(func() { c.run(ctx) })
	}
	c.serve(zones)
}

// end stops asking a cluster that does not run k8gb any more. The lock is held.
func (a *Asker) end(tag gslb.GeoTag) {
	c := a.clusters[tag]
	if c == nil {
		return
	}
	c.stop()
	delete(a.clusters, tag)
	a.cfg.Foreign(tag, false)
	a.log.Info("cluster does not run k8gb any more", "peer", tag)
}

// signs reports that a cluster told something that was signed, so that nothing else is
// believed of it. The lock is held.
func (a *Asker) signs(tag gslb.GeoTag) bool {
	if a.world == nil {
		return false
	}
	c := a.world.Cluster(tag)
	return c != nil && c.ID != "" && !c.K8gb
}

// edgeOf gives the edge zone of a zone of ours; the zero Name if it is not ours.
func (a *Asker) edgeOf(zone gslb.Name) gslb.Name {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.world != nil {
		if z := a.world.Zone(zone); z != nil {
			return z.EdgeZone
		}
	}
	return gslb.Name{}
}

func addressesOf(zones map[gslb.Name][]string) []string {
	var all []string
	for _, addrs := range zones {
		all = append(all, addrs...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
