// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// takeHeld tells when a guard begins and ends to hold hosts: the deletion guard those of a
// cluster, the guard of probes our own.
func (c *Changes) takeHeld(w *gslb.World) {
	now := make(map[gslb.GeoTag]int, len(w.Held))
	for _, h := range w.Held {
		now[h.Cluster] = h.Hosts
		if h.Hosts > c.held[h.Cluster] {
			c.log.Error("many hosts vanished together; what was offered for them is kept for a while", "geo_tag", string(h.Cluster),
				"vanished", h.Hosts, "hold", h.Until.Sub(w.At).Round(time.Second),
				"do", "restore the objects; if that was meant, annotate the ZoneDelegation with gslb.meridian.dev/allow-mass-removal=true in the cluster where they were removed (of a release without removals=meant in its report: in every cluster), or wait")
		}
	}
	for tag := range c.held {
		if now[tag] == 0 {
			c.log.Info("no vanished hosts are kept any more", "geo_tag", string(tag))
		}
	}
	c.held = now
	switch p := w.ProbesHeld; {
	case p.Hosts > 0 && !c.probes:
		c.probes = true
		c.log.Error("probes of most hosts failed together, and nobody else finds them down; their health is kept for a while",
			"count", p.Hosts, "hold", p.Until.Sub(w.At).Round(time.Second),
			"do", "see whether probes can leave this Pod; if the hosts are down, annotate the ZoneDelegation with gslb.meridian.dev/allow-mass-removal=true, or wait")
	case p.Hosts == 0 && c.probes:
		c.probes = false
		c.log.Info("no health is kept against probes any more")
	}
}
