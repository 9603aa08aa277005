// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// withdrawal bounds how long a cluster that leaves takes its delegation out of the
// edge zones.
const withdrawal = 20 * time.Second

// withdraw takes our name server, its addresses and our heartbeat out of every edge
// zone, because this cluster leaves for good. What fails is told: somebody has to do
// it by hand.
func (p *process) withdraw(keeper *edge.Keeper, w *gslb.World) {
	if keeper == nil || w == nil {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, withdrawal)
	defer cancel()
	for i := range w.Zones {
		z := &w.Zones[i]
		if err := keeper.Remove(ctx, z.Zone, z.EdgeZone); err != nil {
			p.log.Error("this cluster leaves, and its delegation is still in the edge zone; remove it by hand", "zone", z.Zone, "edge", z.EdgeZone, "error", err)
		}
	}
}
