// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Remove takes our NS and glue of a zone out of its edge zone, and our heartbeat
// too when no other zone of ours lies below that edge zone. It returns nil once
// the edge zone, read back, holds none of it; call it again after an error. The
// zone is not put back while Worlds still have it. Run must be running.
func (k *Keeper) Remove(ctx context.Context, zone, edge gslb.Name) error {
	r := removal{zone: zone, edge: edge, done: make(chan error, 1)}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case k.removals <- r:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.done:
		return err
	}
}

// remove runs in Keeper.Run: it stops the zone from being put back, and hands
// the work to those who own it.
func (k *Keeper) remove(ctx context.Context, r removal) {
	if k.reads == nil {
		r.done <- nil
		return
	}
	if k.last == nil {
		r.done <- errors.New("the edge keeper has not started yet")
		return
	}
	if k.last.Zone(r.zone) != nil {
		k.retired[r.zone] = true
		k.spread(ctx, k.last)
	}
	if k.last.Zone(r.edge) != nil {
		k.removeNested(ctx, r)
		return
	}
	z, nested := k.edgeZone(ctx, r.edge, k.last), k.within[r.zone] && !k.board.wasHeld(r.zone)
	alone := !slices.ContainsFunc(k.last.Zones, func(o gslb.Zone) bool {
		return o.EdgeZone == r.edge && o.Zone != r.zone && !k.retired[o.Zone]
	})
	if z.assembler != nil {
		k.wg.Go(func() { r.done <- hand(z.ctx, z.assembler.removals, r) })
		return
	}
	k.wg.Go(func() {
		err := hand(z.ctx, z.delegator.removals, r)
		if err == nil && alone {
			err = hand(z.ctx, z.beater.removals, r)
		}
		if nested && err != nil && asError(err).Reason == ReasonRefused {
			err = nil // it was ours to answer for, and whom we write to does not hold its edge zone
		}
		r.done <- err
	})
}

// hand gives the removal to a worker and waits for it.
func hand(ctx context.Context, to chan<- removal, r removal) error {
	r.done = make(chan error, 1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case to <- r:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.done:
		return err
	}
}

// remove takes our NS and glue of one zone away.
func (d *delegator) remove(ctx context.Context, zone gslb.Name) error {
	d.want = slices.DeleteFunc(slices.Clone(d.want), func(o Delegation) bool { return o.Zone == zone })
	d.k.board.follow(d.edge, d.want)
	if c := d.claim.conflict(); c != "" {
		return &Error{Reason: ReasonGeoTagConflicted, Message: c + "; nothing is removed from the edge zone until that is settled"}
	}
	name, err := gslb.NameServerName(d.self, zone, d.edge)
	if err != nil {
		return nil // no such name, so nothing was ever published
	}
	want := Delegation{Zone: zone, EdgeZone: d.edge, NameServer: name}
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	have, err := d.read(ctx, want, "")
	if err != nil {
		return err
	}
	c := withdraw(want, have)
	if c.Empty() {
		return nil
	}
	server, err := d.k.Publisher.Update(ctx, c)
	if err != nil {
		return err
	}
	if have, err = d.read(ctx, want, server); err != nil {
		return err
	}
	left := withdraw(want, have)
	if len(left.Remove) == 0 && len(left.Clear) > 0 {
		if left.Clear, err = d.standing(ctx, left.Clear); err != nil {
			return err
		}
	}
	if !left.Empty() {
		d.k.metrics.ignored(d.edge)
		return &Error{Reason: ReasonIgnored, Server: server,
			Message: "edge server " + server + " said NOERROR to the removal of " + name.FQDN() + " and still serves it"}
	}
	d.k.Log.Info("delegation removed from the edge zone", "zone", zone, "edge", d.edge, "server", server)
	return nil
}

// withdraw says what of ours is still there. The name of our name server is
// ours alone, so its addresses go whole.
func withdraw(want Delegation, have holding) Change {
	c := Change{Zone: want.EdgeZone}
	if slices.Contains(have.ns, want.NameServer.FQDN()) {
		c.Remove = append(c.Remove, gslb.Record{Name: want.Zone, Type: TypeNS, Data: want.NameServer.FQDN()})
	}
	if len(have.glue) > 0 {
		c.Clear = append(c.Clear, RRset{Name: want.NameServer, Type: TypeA}, RRset{Name: want.NameServer, Type: TypeAAAA})
	}
	return c
}

// standing gives the sets that are really in the zone: what is read at a name
// may be made up by a wildcard, which prerequisites are not fooled by.
func (d *delegator) standing(ctx context.Context, sets []RRset) ([]RRset, error) {
	_, err := d.k.Publisher.Update(ctx, Change{Zone: d.edge, Require: sets})
	if errors.Is(err, ErrRaced) {
		return sets, nil
	}
	return nil, err
}

// remove takes our heartbeat away, under a prerequisite on what was read.
func (b *beater) remove(ctx context.Context) error {
	b.target, b.due = beatTarget{}, time.Time{}
	var err error
	for range maxRaces {
		if err = b.removeOnce(ctx); !errors.Is(err, ErrRaced) {
			break
		}
	}
	b.k.board.beat(b.edge, nil)
	return err
}

func (b *beater) removeOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	cur, err := b.read(ctx, "")
	if err != nil || !cur.good || cur.beat.ClusterID != b.selfID {
		return err // there is none, or it is another cluster's
	}
	server, err := b.k.Publisher.Update(ctx, Change{
		Zone: b.edge, Require: []RRset{b.unchanged(cur)}, Clear: []RRset{{Name: b.owner, Type: TypeTXT}},
	})
	if err != nil {
		return err
	}
	if cur, err = b.read(ctx, server); err != nil {
		return err
	}
	if cur.good && cur.beat.Instance == b.k.Instance {
		return b.ignored(server)
	}
	b.k.Log.Info("heartbeat removed from the edge zone", "edge", b.edge, "server", server)
	return nil
}
