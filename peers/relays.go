// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// forget drops what belongs to zones that we do not serve any more. The lock is
// held.
func (r *readers) forget() {
	for k, c := range r.copies {
		if !slices.Contains(r.zones, k.zone) {
			delete(r.copies, k)
			r.x.author.passOn(c.empty.origin, nil)
		}
	}
}

// passOn serves to others what we read of a cluster first-hand.
func (r *readers) passOn(c *gslb.Cluster) {
	for _, zone := range r.zones {
		if cp := r.copies[copyKey{c.Tag, zone}]; cp != nil {
			if z := cp.pick(c.Instance); z != nil {
				r.x.author.passOn(z.origin, z)
			}
		}
	}
}

// relayed says which reports are asked of whom because their own cluster cannot
// be read: two of those that hear it, a different pair for each; and another instance
// of ours that hears it. One that nobody tells the address of is asked for at once.
func (r *readers) relayed(now time.Time) map[gslb.GeoTag][]subscription {
	out := make(map[gslb.GeoTag][]subscription)
	if r.world == nil {
		return out
	}
	for _, tag := range slices.SortedFunc(maps.Keys(r.peers), cmp.Compare) {
		p := r.peers[tag]
		if r.ours(tag) || p.direct.within(r.x.cfg.RelayAfter, now) || p.left.Load() || now.Sub(p.known) < r.x.cfg.RelayAfter && len(r.addrs(tag)) > 0 {
			continue
		}
		for _, by := range r.hearers(tag) {
			for _, zone := range r.zones {
				if c := r.copiesOf(tag, zone); c != nil {
					out[by] = append(out[by], subscription{tag, c})
				}
			}
		}
	}
	return out
}

// hearers picks the clusters that are asked for another's report.
func (r *readers) hearers(of gslb.GeoTag) []gslb.GeoTag {
	var out []gslb.GeoTag
	for i := range r.world.Clusters {
		c := &r.world.Clusters[i]
		if c.Tag != of && c.Liveness == gslb.Fresh && slices.Contains(c.Hears, of) && r.peers[c.Tag] != nil {
			out = append(out, c.Tag)
		}
	}
	rank := func(by gslb.GeoTag) uint64 {
		h := fnv.New64a()
		h.Write([]byte(string(r.x.cfg.Self) + " " + string(of) + " " + string(by)))
		return h.Sum64()
	}
	slices.SortFunc(out, func(a, b gslb.GeoTag) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	out = out[:min(relaysPerPeer, len(out))]
	if r.peers[r.x.cfg.Self] != nil && slices.Contains(r.world.ReplicasHear, of) {
		out = append(out, r.x.cfg.Self)
	}
	return out
}

// listed says whether another cluster that is heard, or another instance of ours, hears
// a cluster.
func listed(w *gslb.World, tag gslb.GeoTag) bool {
	return slices.Contains(w.ReplicasHear, tag) || slices.ContainsFunc(w.Clusters, func(c gslb.Cluster) bool {
		return c.Tag != tag && c.Liveness == gslb.Fresh && slices.Contains(c.Hears, tag)
	})
}
