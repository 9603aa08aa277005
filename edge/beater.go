// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// beatTarget is what a World asks of the heartbeat in one edge zone.
type beatTarget struct {
	active     bool         // a zone of ours lies below it
	ours       []Delegation // that are published
	missed     []gslb.GeoTag
	conflicted string // the World knows of another cluster with our geo tag
	blind      bool   // this process cannot read its objects
}

// beater writes our cluster's heartbeat in one edge zone. Every instance of a
// cluster runs one; the heartbeat itself is the lease: it is changed only under
// a prerequisite on its old value, and the loser of a race reads again and is
// content if the winner said the same.
type beater struct {
	k        *Keeper
	edge     gslb.Name
	owner    gslb.Name // of the TXT record
	self     gslb.GeoTag
	selfID   string
	claim    *claim
	claimed  func() // called when the claim changed
	targets  box[beatTarget]
	pokes    box[struct{}]
	removals chan removal

	target     beatTarget
	digest     string
	moved      bool      // our addresses changed since the heartbeat last said so
	othersAt   time.Time // since when it states others than ours; zero: it does not
	changed    bool      // what we miss changed since we last looked
	alarmSince time.Time // zero: calm
	due        time.Time // when to look again; zero: nothing to beat for
	retry      backoff
	wroteAt    time.Time
	away       atomic.Bool // nothing answered when we looked last

	seen     Heartbeat        // as last read
	seenAt   time.Time        // when its counter was seen first; zero: never read
	calmDue  time.Time        // when it is to be rewritten, if nobody does
	lent     []HeardKeepAlive // what another instance of ours missed when it wrote last
	lentTill time.Time        // how long that counts
	wildcard bool             // what is read at the name is made up by a wildcard
	dispute  dispute
}

func newBeater(k *Keeper, edge gslb.Name, self gslb.GeoTag, selfID string, c *claim) *beater {
	owner, err := gslb.HeartbeatName(self, edge)
	if err != nil {
		k.Log.Error("no heartbeat: its name does not fit", "edge", edge, "error", err)
	}
	if owner.IsZero() {
		c.open("")
	}
	return &beater{
		k: k, edge: edge, owner: owner, self: self, selfID: selfID, claim: c,
		targets: newBox[beatTarget](), pokes: newBox[struct{}](), removals: make(chan removal), moved: true,
	}
}

// poke makes the beater look now.
func (b *beater) poke() { b.pokes.put(struct{}{}) }

// answers says that the edge zone answers somebody of ours. If it did not when we looked
// last, we look now: who reads there could see the end of an outage before our next try,
// and must not judge us by what we said before it.
func (b *beater) answers() {
	if b.away.CompareAndSwap(true, false) {
		b.poke()
	}
}

// run waits for one of five things:
//
//  1. a new target: if what we miss or our addresses changed, look now
//  2. somebody found that the heartbeat is another than we know
//  3. the heartbeat is to be removed
//  4. it is time to beat, to retry or to verify
//  5. ctx ends
func (b *beater) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if !b.due.IsZero() {
			timer.Reset(time.Until(b.due))
		}
		select {
		case <-ctx.Done():
			return
		case t := <-b.targets:
			b.take(t)
		case <-b.pokes:
			if !b.due.IsZero() {
				b.due = time.Now()
			}
		case r := <-b.removals:
			r.done <- b.remove(ctx)
		case <-timer.C:
			b.look(ctx)
		}
	}
}

// take notes a new target.
func (b *beater) take(t beatTarget) {
	now := time.Now()
	started := t.active && !b.target.active
	digest := digestOf(t.ours)
	moved := digest != b.digest
	changed := !slices.Equal(t.missed, b.target.missed)
	switch {
	case len(t.missed) == 0:
		b.alarmSince = time.Time{}
		if changed {
			// Who misses it still says so again within its interval. Kept, an alarm would
			// outlive the cut and vouch for us in the next one.
			b.lent = nil
		}
	case b.alarmSince.IsZero():
		b.alarmSince = now
	}
	b.moved, b.changed = b.moved || moved, b.changed || changed
	sees := b.target.blind && !t.blind && b.moved // what was kept back can be said
	b.target, b.digest = t, digest
	switch {
	case !t.active || b.owner.IsZero():
		b.due = time.Time{}
	case started, moved, changed, sees:
		b.retry.reset()
		b.due = later(now, b.wroteAt.Add(beatGap))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// look reads the heartbeat, writes it if that is needed, and decides when to
// look again.
func (b *beater) look(ctx context.Context) {
	err := b.beat(ctx)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	b.away.Store(err != nil && asError(err).Reason == ReasonUnreachable)
	if err == nil {
		b.retry.reset()
		b.due = b.nextLook(now)
		b.k.board.beat(b.edge, nil)
		b.k.metrics.beat(b.edge, b.seen.Counter, len(b.target.missed))
		return
	}
	most := retryMost
	if !b.alarmSince.IsZero() {
		most = beatAlarm
	}
	if b.dispute.newcomer && !b.dispute.owned && now.Before(b.waitsUntil()) {
		b.due = now.Add(beatGap)
	} else {
		b.due = now.Add(b.k.jitter(b.retry.next(most)))
	}
	b.k.board.beat(b.edge, asError(err))
}

// nextLook says when to look again after all was well.
func (b *beater) nextLook(now time.Time) time.Time {
	if !b.alarmSince.IsZero() {
		return later(now, b.beatBy(now))
	}
	at := now.Add(b.k.jitter(verifyEvery))
	if proven := b.dispute.takenAt.Add(proveFor); b.dispute.newcomer && now.Before(proven) && proven.Before(at) {
		at = proven
	}
	if b.calmDue.Before(at) {
		at = b.calmDue
	}
	if stale := b.seenAt.Add(believeBeats * b.seen.Interval); len(b.seen.Missed) > 0 && stale.Before(at) {
		at = stale
	}
	return later(now, at)
}

// interval is the time to the next beat.
func (b *beater) interval(now time.Time) time.Duration {
	switch {
	case b.alarmSince.IsZero():
		return beatCalm
	case now.Sub(b.alarmSince) < longAlarm:
		return beatAlarm
	}
	return beatLongAlarm
}

// beatBy is when an alarm has to beat again: as the last beat stated, or sooner.
func (b *beater) beatBy(now time.Time) time.Time {
	return b.seenAt.Add(min(b.interval(now), b.seen.Interval))
}
