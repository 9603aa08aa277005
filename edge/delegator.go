// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// retryMost bounds the pause between attempts to put a delegation right.
const retryMost = time.Minute

// raceGap is when a zone is looked at again that another instance of ours changed.
const raceGap = 2 * time.Second

// delegator keeps our NS and glue in one edge zone. Adding ours needs no
// prerequisite: it commutes with what the other clusters add.
type delegator struct {
	k        *Keeper
	edge     gslb.Name
	self     gslb.GeoTag
	selfID   string
	claim    *claim
	raced    func() // called when our heartbeat is another than is known
	plans    box[[]Delegation]
	pokes    box[struct{}]
	removals chan removal

	want   []Delegation
	right  map[gslb.Name]Delegation                   // as the edge was found to hold it last
	added  map[gslb.Name][]gslb.Record                // glue that this process added, by zone
	beats  map[gslb.GeoTag]stillBeat                  // of lost clusters
	glue   map[gslb.Name]map[gslb.GeoTag][]netip.Addr // of lost clusters, as it stood while they were named, by zone
	spared map[string]time.Time                       // until when glue of others is left alone, by server
	due    time.Time                                  // when to look at the edge again; zero: nothing to look after
	retry  backoff
}

func newDelegator(k *Keeper, edge gslb.Name, self gslb.GeoTag, id string, c *claim) *delegator {
	return &delegator{
		k: k, edge: edge, self: self, selfID: id, claim: c, plans: newBox[[]Delegation](), pokes: newBox[struct{}](), removals: make(chan removal),
		right: make(map[gslb.Name]Delegation), added: make(map[gslb.Name][]gslb.Record), beats: make(map[gslb.GeoTag]stillBeat),
		glue: make(map[gslb.Name]map[gslb.GeoTag][]netip.Addr), spared: make(map[string]time.Time),
	}
}

// poke makes the delegator look now.
func (d *delegator) poke() { d.pokes.put(struct{}{}) }

// run waits for one of five things:
//
//  1. a new plan: if it differs, look now
//  2. the heartbeat became ours: old glue may be removed now
//  3. a zone is to be removed
//  4. it is time to retry or to verify
//  5. ctx ends
func (d *delegator) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if !d.due.IsZero() {
			timer.Reset(time.Until(d.due))
		}
		select {
		case <-ctx.Done():
			return
		case want := <-d.plans:
			if !reflect.DeepEqual(want, d.want) {
				d.want, d.due = want, time.Now()
				d.retry.reset()
			}
		case <-d.pokes:
			d.due = time.Now()
		case r := <-d.removals:
			r.done <- d.remove(ctx, r.zone)
		case <-timer.C:
			d.look(ctx)
		}
	}
}

// look puts every zone right and decides when to look again.
func (d *delegator) look(ctx context.Context) {
	if len(d.want) == 0 {
		d.due = time.Time{}
		return
	}
	fine, soonest := d.lookAtBeats(ctx), time.Time{}
	for _, want := range d.want {
		s, again := d.reconcile(ctx, want)
		if ctx.Err() != nil {
			return
		}
		d.k.board.set(s)
		fine = fine && (s.OK || want.Reason != "")
		if !again.IsZero() && (soonest.IsZero() || again.Before(soonest)) {
			soonest = again
		}
	}
	if fine {
		d.retry.reset()
		d.due = time.Now().Add(d.k.jitter(verifyEvery))
	} else {
		d.due = time.Now().Add(d.k.jitter(d.retry.next(retryMost)))
	}
	if !soonest.IsZero() && soonest.Before(d.due) {
		d.due = soonest
	}
}

// lookAtBeats is watchBeats within its budget. An edge that cannot be read is told
// by the status of its zones.
func (d *delegator) lookAtBeats(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	return d.watchBeats(ctx) == nil
}

// reconcile reads a delegation, adds what is missing, removes old glue of ours and
// what the dead left, and reads back what the server made of it. It also gives when
// to look again because of the dead; zero: not because of them.
func (d *delegator) reconcile(ctx context.Context, want Delegation) (_ ZoneStatus, again time.Time) {
	s := ZoneStatus{Zone: want.Zone, EdgeZone: want.EdgeZone, Reason: want.Reason, Message: want.Message}
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	if c := d.claim.conflict(); c != "" && want.Reason == "" {
		s.Reason, s.Message = ReasonGeoTagConflicted, c
	}
	switch s.Reason {
	case "":
	case ReasonGeoTagConflicted:
		d.retract(ctx, want)
		return s, again
	default:
		return s, again
	}
	have, err := d.read(ctx, want, "")
	if err != nil {
		return failed(s, err), again
	}
	if !d.claim.isOpen() {
		return d.k.board.last(s), again // the heartbeat is read first
	}
	if change, _ := d.diff(want, have); !change.Empty() {
		switch have, err = d.correct(ctx, want, change); {
		case errors.Is(err, ErrRaced):
			return d.k.board.last(s), time.Now().Add(raceGap)
		case err != nil:
			return failed(s, err), again
		}
	}
	s.Server, s.NameServers = have.server, have.nameServers(want)
	left, kept := d.diff(want, have)
	if !left.Empty() {
		d.k.metrics.ignored(want.EdgeZone)
		s.Reason, s.Message = ReasonIgnored, describe(left, have)
		return s, again
	}
	d.right[want.Zone] = want
	over, err := d.leftOver(ctx, want, have)
	if err != nil {
		return failed(s, err), again
	}
	s.OK, s.Reason, s.Message = true, ReasonDelegated, alsoSaid(kept, over)
	if kept != "" {
		delete(d.right, want.Zone)
	}
	if again, err = d.bury(ctx, want, have); err != nil {
		return failed(s, err), again
	}
	return s, again
}

// correct writes what differs, and reads back what the server made of it. [ErrRaced]:
// somebody else changed the zone since it was read, and nothing was written.
func (d *delegator) correct(ctx context.Context, want Delegation, change Change) (holding, error) {
	was, ok := d.right[want.Zone]
	repair := ok && was.agrees(want)
	server, err := d.change(ctx, change, repair, want.Blind)
	if errors.Is(err, ErrRaced) {
		return holding{}, err
	}
	if repair {
		d.k.metrics.repaired(want.Zone)
	}
	delete(d.right, want.Zone)
	if err != nil {
		return holding{}, err
	}
	d.noteAdded(want, change)
	d.k.Log.Info("edge zone updated", "zone", want.Zone, "edge", want.EdgeZone, "server", server,
		"added", len(change.Add), "removed", len(change.Remove))
	return d.read(ctx, want, server)
}

func failed(s ZoneStatus, err error) ZoneStatus {
	e := asError(err)
	s.OK, s.Reason, s.Server, s.RCODE, s.Message = false, e.Reason, e.Server, e.RCODE, e.Error()
	return s
}
