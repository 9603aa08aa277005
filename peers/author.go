// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"log/slog"
	"reflect"
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

	publishing sync.Mutex  // held while versions are made
	world      *gslb.World // last published
	frozen     bool        // another cluster uses our geo tag

	stateMu sync.Mutex
	state   gslb.Announcement
	turned  chan struct{} // closed when state changes
}

// ownZone is our report of one zone.
type ownZone struct {
	zone       gslb.Name
	pub        *publication
	head       *gslb.Report // as told, without offers
	public     uint32       // serial of the served zone, as told
	publicAt   time.Time    // since when
	records    []gslb.Record
	challenges []gslb.Record
	failed     map[gslb.Name]bool // hosts that do not fit in the format
	unsaid     map[gslb.Name]bool // names whose records do not
	crowded    bool               // there are too many records
	refused    bool               // the whole report does not fit
	leftAt     time.Time          // since when the zone is not served any more; zero: it is
}

func newAuthor(instance string, now func() time.Time, log *slog.Logger, m *metrics) *author {
	return &author{
		instance: instance, now: now, log: log, metrics: m,
		own: make(map[name]*ownZone), relay: make(map[name]*publication), turned: make(chan struct{}),
	}
}

// publish turns what changed in a World into new versions of our report zones.
// Until the objects of this cluster were read, or
// known from before a restart, nothing is published: an empty report would empty hosts.
func (a *author) publish(w *gslb.World) {
	if w.Local.Synced || w.Local.Restored {
		a.publishing.Lock()
		if c := w.Cluster(w.Self); c != nil && c.Conflict != "" {
			a.freeze(w)
		} else {
			a.frozen = false
			a.publishZones(w)
		}
		a.publishing.Unlock()
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
	a.withdraw(served, w)
}

// changedByZone groups the hosts of which we say something else than before by
// the zones that they are or were in, and by those around them.
func (a *author) changedByZone(prev, w *gslb.World) map[gslb.Name][]gslb.Name {
	out := make(map[gslb.Name][]gslb.Name)
	if prev == nil {
		return out // every zone is new
	}
	for n := range w.Changed(prev) {
		before, after := prev.Host(n), w.Host(n)
		if before != nil && after != nil && before.Zone == after.Zone && sameOffer(before.Part(w.Self), after.Part(w.Self)) {
			continue // a peer's part changed
		}
		for i := range w.Zones {
			zone := w.Zones[i].Zone
			if toldIn(after, zone) || toldIn(before, zone) {
				out[zone] = append(out[zone], n)
			}
		}
	}
	return out
}

// toldIn reports that a host is told in the report of a zone: that which it lies in, and
// those around that, for clusters that do not serve it.
func toldIn(h *gslb.Host, zone gslb.Name) bool { return h != nil && h.Zone.In(zone) }

func sameOffer(a, b *gslb.Part) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Offer == b.Offer || reflect.DeepEqual(a.Offer, b.Offer)
}

func hostsIn(w *gslb.World, zone gslb.Name) []gslb.Name {
	var out []gslb.Name
	for h := range w.Hosts() {
		if toldIn(h, zone) {
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
		o = &ownZone{zone: empty.zone, pub: newPublication(), failed: make(map[gslb.Name]bool), unsaid: make(map[gslb.Name]bool)}
		a.own[empty.origin] = o
	}
	return o
}

// withdraw ends the reports of zones that we do not serve any more. Silence would leave
// those who do with what we said last: a report that offers nothing tells them. For leftFor
// what we said stays in it, as zones are mostly made anew, unless a zone around it tells of
// its hosts.
func (a *author) withdraw(served map[name]bool, w *gslb.World) {
	a.mu.RLock()
	var gone []*ownZone
	for n, o := range a.own {
		if !served[n] {
			gone = append(gone, o)
		}
	}
	a.mu.RUnlock()
	for _, o := range gone {
		if o.leftAt.IsZero() {
			o.leftAt = time.Now()
		}
		around := slices.ContainsFunc(w.Zones, func(z gslb.Zone) bool { return o.zone.In(z.Zone) })
		a.goOn(o, w, !around && time.Since(o.leftAt) < leftFor)
	}
}

// goOn publishes the report of a zone that is not served any more: what this cluster says of
// itself and of others, and what it offered, if that is kept.
func (a *author) goOn(o *ownZone, w *gslb.World, kept bool) {
	base, err := newZone(w.Self, o.zone)
	cur, _ := o.pub.current()
	if err != nil || cur == nil || o.head == nil {
		return // nothing was said
	}
	head := w.OwnState()
	head.Instance, head.Zone, head.EdgeZone, head.Public, head.NameServers = a.instance, o.zone, o.head.EdgeZone, o.head.Public, o.head.NameServers
	if kept {
		base = cur
	}
	apex, err := encodeHeader(head)
	if err != nil {
		return // the report of every zone that is served says so
	}
	z := base.with(map[string]*set{"": apex}, soa{instance: a.instance, serial: cur.serial + 1})
	o.head = head
	if len(diff(cur, z)) > 0 {
		a.metrics.reportBytes.WithLabelValues(o.zone.String()).Set(float64(z.size))
		o.pub.publish(z)
	}
}

// passOn serves a peer's zone as it was received; nil ends that.
func (a *author) passOn(origin name, z *Zone) {
	a.mu.Lock()
	p := a.relay[origin]
	switch {
	case z == nil:
		delete(a.relay, origin)
	case p == nil:
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
