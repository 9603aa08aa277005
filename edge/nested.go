// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"fmt"

	"github.com/meridian-gslb/meridian/gslb"
)

// ServedParent gives the zone of a World that is the edge zone of another of its zones;
// nil where somebody else serves that edge zone. A server that has both answers for the
// inner one with authority itself, so nothing delegates it and nothing is to be written
// (RFC 1034 §4.3.2: the nearest zone answers).
func ServedParent(w *gslb.World, z *gslb.Zone) *gslb.Zone {
	outer := w.Zone(z.EdgeZone)
	if outer == nil || outer.Zone == z.Zone || !z.Zone.In(outer.Zone) {
		return nil
	}
	return outer
}

// ServedByOwnZone says for people why a zone below one of ours needs no delegation.
func ServedByOwnZone(zone, outer gslb.Name) string {
	return fmt.Sprintf("%s is a zone of this cluster too, and its name servers answer for %s themselves: nothing is kept at an edge for it; how %s is delegated, its own ZoneDelegation tells",
		outer, zone, outer)
}

// settle gives a delegation that could be published its reason where there is nobody to
// publish it to but ourselves.
func (d *Delegation) settle() {
	if d.Own && d.Reason == "" {
		d.Reason, d.Message = ReasonServedByOwnZone, ServedByOwnZone(d.Zone, d.EdgeZone)
	}
}

// tellNested says how the zones stand whose edge zone is ours, and takes them out of the
// plans: no server of an edge is asked for them, none is written, and no heartbeat beats
// there. Such an edge zone may have been somebody else's before, and be it again.
func (k *Keeper) tellNested(w *gslb.World, plans map[gslb.Name][]Delegation) {
	for edge := range k.own {
		if ds := plans[edge]; len(ds) == 0 || !ds[0].Own {
			delete(k.own, edge)
			k.board.giveBack(edge)
		}
	}
	for edge, ds := range plans {
		if !ds[0].Own { // what holds of one zone below an edge zone holds of all
			continue
		}
		k.own[edge] = true
		k.leave(edge)
		all := make([]ZoneStatus, 0, len(ds))
		for _, d := range ds {
			k.within[d.Zone] = true
			s := ZoneStatus{Zone: d.Zone, EdgeZone: edge, OK: d.Reason == ReasonServedByOwnZone, Reason: d.Reason, Message: d.Message}
			if z := w.Zone(d.Zone); z != nil {
				s.NameServers = z.NameServers
			}
			all = append(all, s)
		}
		k.board.follow(edge, ds)
		k.board.takeOver(edge, all)
		delete(plans, edge)
	}
}

// leave stops what works on an edge zone. What it wrote there stays.
func (k *Keeper) leave(edge gslb.Name) {
	z := k.zones[edge]
	if z == nil {
		return
	}
	z.stop()
	delete(k.zones, edge)
	k.outside.forget(edge)
	k.metrics.leave(edge)
}

// removeNested takes away what there is of a zone whose edge zone is ours: at most an
// object for somebody who was to carry it into an edge zone of before.
func (k *Keeper) removeNested(ctx context.Context, r removal) {
	if k.Objects == nil {
		r.done <- nil
		return
	}
	a := newAssembler(k, r.edge, k.last.Self)
	k.wg.Go(func() { r.done <- a.remove(ctx, r.zone) })
}
