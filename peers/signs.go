// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// alive notes a rightly signed answer: tag is who signed it, "" if that cannot
// be told, and id its cluster id, if it says. It may be another cluster than the one
// that was dialled.
func (r *readers) alive(dialled *peer, tag gslb.GeoTag, id, instance, addr string, skew time.Duration, now time.Time) {
	r.checkAddress(dialled.tag, tag, addr)
	if tag == "" || r.ours(tag) && !r.ours(dialled.tag) {
		return
	}
	if r.ours(tag) {
		r.replicaAnswered(instance, addr)
	}
	p := dialled
	if tag != dialled.tag {
		if p = r.peer(tag); p == nil {
			return
		}
	}
	p.heard.set(now)
	if p == dialled {
		p.direct.set(now)
		p.untroubled()
	}
	r.checkClock(p, skew)
	if r.x.noises.end("signature " + string(tag)) {
		r.x.log.Info("signatures of a peer are right again", "peer", tag)
	}
	r.x.cfg.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, ID: id, At: now})
}

// isCurrent notes that what we hold of a report is what its author says: it was read, or
// found unchanged. An answer about something else shows that the instance lives, not
// that what it said before still holds.
func (r *readers) isCurrent(tag gslb.GeoTag, instance string, direct bool, now time.Time) {
	switch {
	case direct:
		r.x.cfg.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: instance, At: now})
	case !r.ours(tag):
		r.x.cfg.Store.Sight(gslb.Sighting{Kind: gslb.ReportRead, Of: tag, At: now})
	}
}

// checkAddress shows when an address leads to another cluster than it should.
func (r *readers) checkAddress(want, got gslb.GeoTag, addr string) {
	key := "address " + addr
	switch {
	case want != got && r.x.noises.start(key):
		r.x.log.Warn("address of a peer is answered by another cluster", "peer", want, "address", addr, "answered_by", got)
	case want == got && r.x.noises.end(key):
		r.x.log.Info("address of a peer is answered by it again", "peer", want, "address", addr)
	}
}

// checkClock shows when the clock of a peer is half of what TSIG bears from ours.
func (r *readers) checkClock(p *peer, skew time.Duration) {
	p.skew.Store(int64(skew))
	key, far := "skew "+string(p.tag), skew.Abs() > fudge*time.Second/2
	switch {
	case far && r.x.noises.start(key):
		r.x.log.Warn("clock of a peer is far from ours", "peer", p.tag, "skew", skew)
	case !far && r.x.noises.end(key):
		r.x.log.Info("clock of a peer is near ours again", "peer", p.tag, "skew", skew)
	}
}

// signatureTrouble notes an answer that shows a peer alive without proving what
// it says: trouble with signatures is not death.
func (r *readers) signatureTrouble(p *peer, addr string, kind gslb.SightingKind, err error, now time.Time) {
	var skew *skewError
	if errors.As(err, &skew) {
		p.skew.Store(int64(skew.skew))
	}
	p.troubled(err)
	if r.x.noises.start("signature " + string(p.tag)) {
		r.x.log.Warn("peer and we do not accept each other's signatures", "peer", p.tag, "address", addr, "error", err)
	}
	r.x.cfg.Store.Sight(gslb.Sighting{Kind: kind, Of: p.tag, At: now})
}

// unproven notes an unsigned answer, which proves nothing.
func (r *readers) unproven(p *peer, addr string, err error) {
	p.troubled(err)
	if r.x.noises.start("signature " + string(p.tag)) {
		r.x.log.Warn("answers of a peer are not signed", "peer", p.tag, "address", addr, "error", err)
	}
}

// sawOwnTag handles a signed request under our own geo tag: a replica of ours
// calls, or another cluster uses our tag, which the Store shows as a conflict.
func (x *Exchange) sawOwnTag(from *hello, origin name) {
	if from.id == x.cfg.ClusterID {
		return
	}
	w := x.world.Load()
	if w == nil || len(w.Zones) == 0 {
		return
	}
	err := x.cfg.Store.SetReport(&gslb.Report{
		Cluster: from.tag, ClusterID: from.id, Instance: from.instance, Zone: w.Zones[0].Zone,
	})
	if err != nil {
		if x.noises.start("own tag") {
			x.log.Warn("another cluster uses our geo tag", "asked", presentation(origin), "error", err)
		}
	}
}

// Names of noises that are not about one peer.
const (
	noiseAuthor   = "author"
	noiseIdentity = "identity"
)

// noises tells when a trouble starts and when it ends, so that it is logged then
// and not in between.
type noises struct {
	mu sync.Mutex
	on map[string]time.Time // trouble → when it last showed
}

// quietFor is how long a trouble must not have shown before it is over: the good
// word may be another instance's.
const quietFor = time.Minute

const maxNoises = 4096

// start notes that a trouble shows, and says whether it is news.
func (n *noises) start(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.on == nil {
		n.on = make(map[string]time.Time)
	}
	_, known := n.on[key]
	if !known && len(n.on) == maxNoises {
		return false
	}
	n.on[key] = time.Now()
	return !known
}

// end says whether a trouble is over: it has not shown for some time.
func (n *noises) end(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, known := n.on[key]
	over := known && time.Since(last) > quietFor
	if over {
		delete(n.on, key)
	}
	return over
}
