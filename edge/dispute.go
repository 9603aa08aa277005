// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"fmt"
	"time"
)

// maxTaken is how often a heartbeat of another cluster id is taken over: once
// for a cluster that was built anew under its old geo tag, once more so that a
// rival sees that it is not alone.
const maxTaken = 2

// What a start waits for before it takes the heartbeat of another cluster id over: one
// interval of an alarm, so that its counter can move. A calm heartbeat tells nothing that
// soon; the wait is then for the exchange, where a cluster that hears both tells.
const (
	startWatch = 15 * time.Second // at most, of the interval that it states
	startSlack = 5 * time.Second
)

// proveFor is how long a heartbeat that was taken over has to stand before glue follows:
// another cluster that lives looks at it within that time, and writes its own back.
const proveFor = verifyEvery + verifyEvery/4

// dispute settles what happens when the heartbeat under our geo tag was written
// by another cluster id. Two living clusters write over each other a few times
// at most; then both know, and one stops. The zero value is peace.
type dispute struct {
	owned         bool // the heartbeat was ours before
	newcomer      bool // it was another cluster's before it was ours
	taken         int
	takenAt       time.Time // when it was taken over last
	rivalAt       time.Time // when the rival was seen last
	message       string    // not empty: the geo tag is used twice
	removableFrom time.Time // old glue stays until then: it may be the rival's
}

// foreign notes a rival's heartbeat and says whether we may write over it.
//
//	rival's heartbeat           | World knows the rival | we
//	stood there before ours     | no                    | wait; take it if it does not move: a cluster built anew
//	stood there before ours     | yes                   | publish nothing, and show it
//	follows ours, again         | no                    | write once more, and show it
//	follows ours, after that    | any                   | stop, and show it
//	does not go on              | any                   | take it
//	goes on                     | yes                   | stop, and show it
func (d *dispute) foreign(h Heartbeat, b *beater, now time.Time) bool {
	d.rivalAt = now
	stale := b.stale(now)
	known := b.target.conflicted != ""
	may := stale || !known && d.taken < maxTaken
	if !d.owned {
		d.newcomer = true
		may = stale || !known && !now.Before(b.waitsUntil())
	}
	if may && !d.owned {
		d.message = ""
	} else {
		d.message = fmt.Sprintf("geo tag %q is used by two clusters: id %s, which is ours, and id %s, which wrote the heartbeat %s; give each cluster a geo tag of its own",
			b.self, b.selfID, h.ClusterID, b.owner.FQDN())
	}
	return may
}

// wrote notes that ours was written over cur.
func (d *dispute) wrote(cur current, selfID string, now time.Time) {
	if cur.good && cur.beat.ClusterID != selfID {
		d.taken++
		d.takenAt = now
		d.removableFrom = now.Add(adoptedHold)
	}
	d.owned = true
}

// ours notes that the heartbeat is our cluster's; after a while of that the
// rival is forgotten.
func (d *dispute) ours(now time.Time) {
	d.owned = true
	if d.taken > 0 && now.Sub(d.rivalAt) > 2*adoptedHold {
		d.taken, d.message, d.newcomer = 0, "", false
	}
}

// waitsUntil is when a start takes over the heartbeat of another cluster id, if it does
// not move before and nobody says that the other cluster lives.
func (b *beater) waitsUntil() time.Time {
	return b.seenAt.Add(min(b.seen.Interval, startWatch) + startSlack)
}

// mayBegin reports that we may write where no heartbeat stands: not for the first time
// while the World knows of another cluster with our geo tag.
func (b *beater) mayBegin() *Error {
	if b.dispute.owned || b.target.conflicted == "" {
		return nil
	}
	b.dispute.newcomer = true
	return b.yield(b.target.conflicted)
}

// yield publishes nothing, and shows why.
func (b *beater) yield(why string) *Error {
	b.claim.newcomer(b.dispute.newcomer)
	if b.claim.set(false, time.Time{}, why) {
		b.claimed()
	}
	return &Error{Reason: ReasonGeoTagConflicted, Message: why}
}

// proven reports that nobody keeps us from publishing: no other cluster had our geo tag
// before us, or none objected to our heartbeat for a while.
func (d *dispute) proven(now time.Time) bool {
	return !d.newcomer || d.owned && d.message == "" && !now.Before(d.takenAt.Add(proveFor))
}
