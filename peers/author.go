// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// author keeps the zones that this instance serves: our own reports, made of
// Worlds, and those of peers that are read first-hand.
type author struct {
	instance string
	now      func() time.Time // wall clock, for the first serial
	log      *slog.Logger
	metrics  *metrics

	mu    sync.RWMutex
	own   map[name]*ownZone
	relay map[name]*publication
	ready bool // objects were read; until then our own report would be a lie

	world *gslb.World // last published; the publisher's alone

	stateMu sync.Mutex
	state   gslb.Announcement
	turned  chan struct{} // closed when state changes
}

// ownZone is our report of one zone.
type ownZone struct {
	zone       gslb.Name
	pub        *publication
	records    []gslb.Record
	challenges []gslb.Record
	failed     map[gslb.Name]bool // hosts that do not fit in the format
	refused    bool               // the whole report does not fit
}

func newAuthor(instance string, now func() time.Time, log *slog.Logger, m *metrics) *author {
	return &author{
		instance: instance, now: now, log: log, metrics: m,
		own: make(map[name]*ownZone), relay: make(map[name]*publication), turned: make(chan struct{}),
	}
}

// publish turns what changed in a World into new versions of our report zones.
// It is called by one goroutine. Until the objects of this cluster were read
// nothing is published: an empty report would empty hosts.
func (a *author) publish(w *gslb.World) {
	if w.Local.Synced {
		a.publishZones(w)
	}
	a.stateMu.Lock()
	defer a.stateMu.Unlock()
	if a.state != w.Local.Announcement {
		a.state = w.Local.Announcement
		close(a.turned)
		a.turned = make(chan struct{})
	}
}

// announced says whether an announcement is published, and gives a channel that
// is closed when that changes.
func (a *author) announced(v gslb.Announcement) (bool, <-chan struct{}) {
	a.stateMu.Lock()
	defer a.stateMu.Unlock()
	return a.state == v, a.turned
}

func (a *author) publishZones(w *gslb.World) {
	prev := a.world
	a.world = w
	changed := a.changedByZone(prev, w)
	served := make(map[name]bool, len(w.Zones))
	for i := range w.Zones {
		zone := w.Zones[i].Zone
		empty, err := newZone(w.Self, zone)
		if err != nil {
			if prev == nil || prev.Zone(zone) == nil {
				a.log.Error("zone cannot be reported", "zone", zone, "error", err)
			}
			continue
		}
		served[empty.origin] = true
		o := a.ownZone(empty)
		a.publishZone(o, empty, w, changed[zone])
	}
	a.withdraw(served)
}

// changedByZone groups the hosts that differ by the zones that they are or were in.
func (a *author) changedByZone(prev, w *gslb.World) map[gslb.Name][]gslb.Name {
	out := make(map[gslb.Name][]gslb.Name)
	if prev == nil {
		return out // every zone is new
	}
	for n := range w.Changed(prev) {
		var zone gslb.Name
		if h := w.Host(n); h != nil {
			zone = h.Zone
			out[zone] = append(out[zone], n)
		}
		if h := prev.Host(n); h != nil && h.Zone != zone {
			out[h.Zone] = append(out[h.Zone], n)
		}
	}
	return out
}

func hostsIn(w *gslb.World, zone gslb.Name) []gslb.Name {
	var out []gslb.Name
	for h := range w.Hosts() {
		if h.Zone == zone {
			out = append(out, h.Name)
		}
	}
	return out
}

func (a *author) ownZone(empty *Zone) *ownZone {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = true
	o := a.own[empty.origin]
	if o == nil {
		o = &ownZone{zone: empty.zone, pub: newPublication(), failed: make(map[gslb.Name]bool)}
		a.own[empty.origin] = o
	}
	return o
}

// publishZone makes the next version of one zone, if anything of it differs.
// The first one, and one after a refusal, is made of everything.
func (a *author) publishZone(o *ownZone, empty *Zone, w *gslb.World, names []gslb.Name) {
	head := w.OwnHeader(o.zone)
	head.Instance = a.instance
	cur, _ := o.pub.current()
	next := soa{instance: a.instance, serial: uint32(a.now().Unix())}
	if cur != nil {
		next.serial = cur.serial + 1
	}
	texts := recordsByName(head)
	base := cur
	if cur == nil || o.refused {
		base, names = empty, slices.AppendSeq(hostsIn(w, o.zone), maps.Keys(texts))
	} else {
		names = append(slices.Clone(names), movedRecords(o, head)...)
	}
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
	o.records, o.challenges = head.Records, head.Challenges
	if len(diff(cur, z)) > 0 {
		a.metrics.reportBytes.WithLabelValues(o.zone.String()).Set(float64(z.size))
		o.pub.publish(z)
	}
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
	if h := w.Host(n); h != nil && h.Zone == o.zone {
		if p := h.Part(w.Self); p != nil {
			offer = p.Offer
		}
	}
	if offer == nil && len(texts) == 0 {
		delete(o.failed, n)
		return nil
	}
	s, err := encodeSet(n, offer, texts, o.zone)
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

// refuse notes that the report does not fit in the format: the last good one
// stays, since part of one would empty hosts elsewhere.
func (a *author) refuse(o *ownZone, err error) {
	if !o.refused {
		o.refused = true
		a.log.Error("report cannot be published, the last one stays", "zone", o.zone, "error", err)
	}
}

// withdraw takes zones away that are no longer ours.
func (a *author) withdraw(served map[name]bool) {
	a.mu.Lock()
	var gone []*ownZone
	for n, o := range a.own {
		if !served[n] {
			delete(a.own, n)
			gone = append(gone, o)
		}
	}
	a.mu.Unlock()
	for _, o := range gone {
		o.pub.publish(nil)
		a.metrics.reportBytes.DeleteLabelValues(o.zone.String())
	}
}

// passOn serves a peer's zone as it was received; nil ends that.
func (a *author) passOn(origin name, z *Zone) {
	a.mu.Lock()
	p := a.relay[origin]
	if p == nil && z != nil {
		p = newPublication()
		a.relay[origin] = p
	}
	a.mu.Unlock()
	if p != nil {
		p.publish(z)
	}
}

// find gives the publication that a question is about: its name is a report
// zone, or lies one label below it. relayed tells that it is a peer's.
func (a *author) find(q name) (p *publication, origin name, label string, relayed bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	origin = q
	for {
		if o := a.own[origin]; o != nil {
			return o.pub, origin, label, false
		}
		if r := a.relay[origin]; r != nil {
			return r, origin, label, true
		}
		var ok bool
		if label != "" {
			return nil, q, "", false
		}
		if label, origin, ok = q.cut(); !ok {
			return nil, q, "", false
		}
	}
}

func (a *author) isReady() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.ready
}

// publications lists our own, for flushing.
func (a *author) publications() []*publication {
	a.mu.RLock()
	defer a.mu.RUnlock()
	out := make([]*publication, 0, len(a.own))
	for _, o := range a.own {
		out = append(out, o.pub)
	}
	return out
}
