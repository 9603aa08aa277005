// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"log/slog"
	"reflect"
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
	a.withdraw(served)
}

// changedByZone groups the hosts of which we say something else than before by
// the zones that they are or were in.
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
		var zone gslb.Name
		if after != nil {
			zone = after.Zone
			out[zone] = append(out[zone], n)
		}
		if before != nil && before.Zone != zone {
			out[before.Zone] = append(out[before.Zone], n)
		}
	}
	return out
}

func sameOffer(a, b *gslb.Part) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Offer == b.Offer || reflect.DeepEqual(a.Offer, b.Offer)
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
		o = &ownZone{zone: empty.zone, pub: newPublication(), failed: make(map[gslb.Name]bool), unsaid: make(map[gslb.Name]bool)}
		a.own[empty.origin] = o
	}
	return o
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
