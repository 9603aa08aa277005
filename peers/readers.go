// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// readers knows the peers: where they are, what is read from them, and through
// whom those are read that cannot be reached.
type readers struct {
	x *Exchange

	mu         sync.Mutex
	ctx        context.Context // of the links; nil before Run
	wg         sync.WaitGroup
	peers      map[gslb.GeoTag]*peer
	zones      []gslb.Name
	copies     map[copyKey]*copies
	discovered map[gslb.GeoTag]map[gslb.Name][]netip.Addr
	reported   map[gslb.GeoTag][]netip.Addr // by the World: reports, and what was saved of them
	told       map[gslb.GeoTag][]netip.Addr // by a peer that called us
	world      *gslb.World
	replicas   []string               // where other instances of our cluster are called
	namesakes  map[gslb.Name][]string // by zone: name servers of our own tag at the edge that are not ours
	own        map[string]bool        // those of replicas and namesakes that are ourselves
	foreign    map[gslb.GeoTag]bool   // clusters that run something else
}

type copyKey struct {
	tag  gslb.GeoTag
	zone gslb.Name
}

func newReaders(x *Exchange) *readers {
	r := &readers{
		x: x, peers: make(map[gslb.GeoTag]*peer), copies: make(map[copyKey]*copies),
		discovered: make(map[gslb.GeoTag]map[gslb.Name][]netip.Addr),
		reported:   make(map[gslb.GeoTag][]netip.Addr), told: make(map[gslb.GeoTag][]netip.Addr), own: make(map[string]bool), namesakes: make(map[gslb.Name][]string), foreign: make(map[gslb.GeoTag]bool),
	}
	for tag := range x.cfg.Static {
		r.know(tag)
	}
	return r
}

// know gives a peer, new if need be; nil beyond the bound, and for ourselves unless we
// have replicas.
// The lock is held by the caller, or nobody else is there yet.
func (r *readers) know(tag gslb.GeoTag) *peer {
	p := r.peers[tag]
	if p == nil && (!r.ours(tag) || r.hasReplicas()) && tag != "" && len(r.peers) < maxPeers {
		p = newPeer(r.x, tag)
		r.peers[tag] = p
		r.x.cfg.Store.KnowPeer(tag)
		if !r.ours(tag) && len(r.addrs(tag)) == 0 {
			r.x.DelegationChanged() // it is known, so its name server will be
		}
	}
	return p
}

func (r *readers) peer(tag gslb.GeoTag) *peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.know(tag)
}

// start lets links run until ctx ends.
func (r *readers) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx = ctx
	r.arrange()
}

// called notes a signed request from a peer: it lives and may be worth dialling,
// where it says that it is.
func (r *readers) called(tag gslb.GeoTag, at []netip.Addr) {
	p := r.callsFrom(tag, at)
	if p == nil {
		return
	}
	p.called(time.Now())
	if r.x.cfg.Discover == nil {
		r.tellUnreachable(tag)
	}
}

// follow takes over what a World knows: zones, clusters, their name servers,
// and which instance of each is believed.
func (r *readers) follow(w *gslb.World) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.world
	r.world = w
	zones := make([]gslb.Name, 0, len(w.Zones))
	reported := make(map[gslb.GeoTag][]netip.Addr)
	for i := range w.Zones {
		zones = append(zones, w.Zones[i].Zone)
		for _, ns := range w.Zones[i].NameServers {
			reported[ns.Cluster] = append(reported[ns.Cluster], ns.Addrs...)
		}
	}
	for tag, addrs := range reported {
		if len(addrs) > 0 {
			r.reported[tag] = addrs // those of a cluster that is gone are kept
		}
	}
	r.zones = zones
	r.forget()
	for i := range w.Clusters {
		c := &w.Clusters[i]
		if p := r.know(c.Tag); p != nil {
			p.left.Store(c.Liveness == gslb.Left)
			if c.Liveness == gslb.Left && was != nil && listed(w, c.Tag) && !listed(was, c.Tag) {
				p.tryNow() // others hear it again
			}
			if !r.ours(c.Tag) {
				r.passOn(c)
			}
		}
		if c.Liveness == gslb.Fresh {
			for _, t := range c.Hears {
				r.know(t)
			}
		}
	}
	r.arrange()
}

// arrange makes subscriptions and links fit what is known. The lock is held.
func (r *readers) arrange() {
	relayed := r.relayed(time.Now())
	for tag, p := range r.peers {
		subs := make([]subscription, 0, len(r.zones))
		for _, zone := range r.zones {
			if c := r.copiesOf(tag, zone); c != nil {
				subs = append(subs, subscription{tag, c})
			}
		}
		p.subscribe(append(subs, relayed[tag]...))
		if r.ctx != nil {
			p.arrange(r.ctx, &r.wg, r.addrs(tag))
		}
	}
}

func (r *readers) copiesOf(tag gslb.GeoTag, zone gslb.Name) *copies {
	k := copyKey{tag, zone}
	c := r.copies[k]
	if c == nil {
		empty, err := newZone(tag, zone)
		if err != nil {
			return nil // its name does not fit in DNS, so nobody can serve it
		}
		c = newCopies(empty)
		c.onBad = func(n int, why error) {
			if n == 0 {
				r.x.log.Info("every record of a peer is read again", "peer", tag, "zone", zone)
				return
			}
			r.x.log.Warn("records of a peer cannot be read and are not served; the rest of its report stands", "peer", tag, "zone", zone, "count", n, "error", why)
		}
		r.copies[k] = c
	}
	return c
}

// look is called now and then: whether a peer can be read changes by time alone.
func (r *readers) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrange()
}

// current says whether a version of a peer's report is what the peer itself says now: it
// answers us, and confirmed that version within the lease. (The keep-alive does so for
// the first zone only; the others are asked about as rarely as they are held.)
func (r *readers) current(z *Zone) bool {
	now := time.Now()
	r.mu.Lock()
	p, c := r.peers[z.tag], r.copies[copyKey{z.tag, z.zone}]
	first := len(r.zones) > 0 && r.zones[0] == z.zone
	r.mu.Unlock()
	if p == nil || c == nil || !p.direct.within(r.x.cfg.Lease, now) {
		return false
	}
	return !first || now.Sub(c.directAt(z)) < r.x.cfg.Lease
}

// deliver takes a new version of a report. quietly: a refusal is not told.
func (r *readers) deliver(sub subscription, z *Zone, direct, quietly bool, now time.Time) error {
	key := "report " + string(sub.tag) + " " + z.zone.String()
	err := sub.copies.take(z, direct, now, r.x.cfg.Store)
	if err != nil {
		var stale *errStale
		if (!quietly || !errors.As(err, &stale)) && r.x.noises.start(key) {
			r.x.log.Warn("report is not taken", "peer", sub.tag, "zone", z.zone, "error", err)
		}
		return err
	}
	r.isCurrent(sub.tag, z.instance, direct, now)
	if r.x.noises.end(key) {
		r.x.log.Info("report is taken again", "peer", sub.tag, "zone", z.zone)
	}
	if direct && !r.ours(sub.tag) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.world != nil {
			if c := r.world.Cluster(sub.tag); c != nil {
				r.passOn(c)
			}
		}
	}
	return nil
}

// badReport notes a signed answer that is no report.
func (r *readers) badReport(sub subscription, err error) {
	zone := sub.copies.empty.zone
	if r.x.noises.start("report " + string(sub.tag) + " " + zone.String()) {
		r.x.log.Warn("report is not taken", "peer", sub.tag, "zone", zone, "error", err)
	}
}
