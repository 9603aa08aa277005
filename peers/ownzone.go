// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"maps"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// publishZone makes the next version of one zone, if anything of it differs.
// The first one, and one after a refusal, is made of everything.
func (a *author) publishZone(o *ownZone, empty *Zone, w *gslb.World, names []gslb.Name) {
	head := w.OwnHeader(o.zone)
	head.Instance = a.instance
	head.Public = o.tell(head.Public, time.Now())
	a.bound(o, head)
	cur, _ := o.pub.current()
	next := soa{instance: a.instance, serial: uint32(a.now().Unix())}
	if cur != nil {
		next.serial = cur.serial + 1
	}
	texts := recordsByName(head)
	base := cur
	if cur == nil || o.refused || !o.leftAt.IsZero() {
		base, names = empty, slices.AppendSeq(hostsIn(w, o.zone), maps.Keys(texts))
	} else {
		names = append(slices.Clone(names), movedRecords(o, head)...)
	}
	o.leftAt = time.Time{}
	if cur == nil {
		cur = empty
	}
	apex, err := encodeHeader(head)
	if err != nil {
		a.refuse(o, err)
		return
	}
	changes := map[string]*set{"": apex}
	for _, n := range names {
		label := hostLabel(n)
		changes[label] = a.setOf(o, w, n, texts[n], cur.find(label))
	}
	z := base.with(changes, next)
	if err := z.bounded(); err != nil {
		a.refuse(o, err)
		return
	}
	if o.refused {
		o.refused = false
		a.log.Info("report is published again", "zone", o.zone)
	}
	o.head, o.records, o.challenges = head, head.Records, head.Challenges
	if len(diff(cur, z)) > 0 {
		a.metrics.reportBytes.WithLabelValues(o.zone.String()).Set(float64(z.size))
		o.pub.publish(z)
	}
}

// freeze goes on with what was said before another cluster was found to use our geo tag:
// nothing new is said of hosts, records and name servers until that is settled. Whom
// we hear is told as ever, since others vouch by it, and so is a goodbye.
func (a *author) freeze(w *gslb.World) {
	a.frozen = true
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, o := range a.own {
		now := w.OwnHeader(o.zone)
		cur, _ := o.pub.current()
		if now == nil || cur == nil || o.head == nil {
			continue
		}
		head := *o.head
		head.Hears, head.Lost, head.Disputed, head.Announcement = now.Hears, now.Lost, now.Disputed, now.Announcement
		apex, err := encodeHeader(&head)
		if err != nil {
			a.refuse(o, err)
			continue
		}
		z := cur.with(map[string]*set{"": apex}, soa{instance: a.instance, serial: cur.serial + 1})
		if len(diff(cur, z)) > 0 {
			o.pub.publish(z)
		}
	}
}

// tell gives the serial of the served zone as it is told now. Whatever changes anywhere
// moves that of every cluster; if each told the others at once, one change would make
// as many reports as there are clusters. Who begins to read is told the newest:
// see [author.catchUp].
func (o *ownZone) tell(public uint32, now time.Time) uint32 {
	if o.publicAt.IsZero() || now.Sub(o.publicAt) >= publicEvery {
		o.public, o.publicAt = public, now
	}
	return o.public
}

// catchUp tells the serials that were held back, of all zones whose time has come; of one
// zone, if origin is not "", at once.
func (a *author) catchUp(origin name) {
	a.publishing.Lock()
	defer a.publishing.Unlock()
	if a.world == nil || a.frozen {
		return
	}
	served := make(map[name]bool, len(a.world.Zones))
	for i := range a.world.Zones {
		z := &a.world.Zones[i]
		empty, err := newZone(a.world.Self, z.Zone)
		if err != nil {
			continue
		}
		served[empty.origin] = true
		if origin != "" && empty.origin != origin {
			continue
		}
		o := a.ownZone(empty)
		if origin != "" {
			o.publicAt = time.Time{}
		}
		if z.Serial != o.public && time.Since(o.publicAt) >= publicEvery {
			a.publishZone(o, empty, a.world, nil)
		}
	}
	a.withdraw(served, a.world)
}

// movedRecords names the owners of records when they differ from those published.
func movedRecords(o *ownZone, head *gslb.Report) []gslb.Name {
	if slices.Equal(o.records, head.Records) && slices.Equal(o.challenges, head.Challenges) {
		return nil
	}
	var out []gslb.Name
	for _, r := range slices.Concat(o.records, o.challenges, head.Records, head.Challenges) {
		out = append(out, r.Name)
	}
	return out
}

// setOf gives the set of one name; nil if there is nothing to say of it, and
// the old one if nothing changed. A host that does not fit in the format stays
// as it was last told.
func (a *author) setOf(o *ownZone, w *gslb.World, n gslb.Name, texts []*line, old *set) *set {
	var offer *gslb.Offer
	if h := w.Host(n); toldIn(h, o.zone) {
		if p := h.Part(w.Self); p != nil {
			offer = p.Offer
		}
	}
	if offer == nil && len(texts) == 0 {
		delete(o.failed, n)
		delete(o.unsaid, n)
		return nil
	}
	s, err := encodeSet(n, offer, texts, o.zone)
	if err != nil && len(texts) > 0 {
		if !o.unsaid[n] {
			o.unsaid[n] = true
			a.log.Error("records cannot be reported, peers do not serve them", "zone", o.zone, "name", n, "error", err)
		}
		if offer == nil {
			return nil
		}
		s, err = encodeSet(n, offer, nil, o.zone) // the host is worth more
	} else {
		delete(o.unsaid, n)
	}
	if err != nil {
		if !o.failed[n] {
			o.failed[n] = true
			a.log.Error("host cannot be reported, peers keep what they know of it", "zone", o.zone, "host", n, "error", err)
		}
		return old
	}
	if o.failed[n] {
		delete(o.failed, n)
		a.log.Info("host is reported again", "zone", o.zone, "host", n)
	}
	if s.sameText(old) {
		return old
	}
	s.part = nil // ours is never read back
	return s
}

// bound leaves out records that are more than a report may hold.
func (a *author) bound(o *ownZone, head *gslb.Report) {
	all := len(head.Records) + len(head.Challenges)
	head.Records, head.Challenges = boundRecords(head.Records, head.Challenges)
	left := all - len(head.Records) - len(head.Challenges)
	if (left > 0) != o.crowded {
		o.crowded = left > 0
		if o.crowded {
			a.log.Error("there are too many records to report, peers do not serve the last ones", "zone", o.zone, "count", left)
		} else {
			a.log.Info("every record is reported again", "zone", o.zone)
		}
	}
}

// refuse notes that the report does not fit in the format: the last good one
// stays, since part of one would empty hosts elsewhere.
func (a *author) refuse(o *ownZone, err error) {
	if !o.refused {
		o.refused = true
		a.log.Error("report cannot be published, the last one stays", "zone", o.zone, "error", err)
	}
}
