// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// alive notes a rightly signed answer: tag is who signed it, "" if that cannot
// be told. It may be another cluster than the one that was dialled.
func (r *readers) alive(dialled *peer, tag gslb.GeoTag, instance, addr string, skew time.Duration, now time.Time) {
	stranger := "address " + addr
	if tag != dialled.tag {
		r.x.noises.start(stranger, r.x.log, "address of a peer is answered by another cluster",
			"cluster", dialled.tag, "address", addr, "answeredBy", tag)
	} else {
		r.x.noises.end(stranger, r.x.log, "address of a peer is answered by it again", "cluster", tag, "address", addr)
	}
	if tag == "" || tag == r.x.cfg.Self {
		return
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
	}
	p.skew.Store(int64(skew))
	r.x.noises.end("signature "+string(tag), r.x.log, "signatures of a peer are right again", "cluster", tag)
	if skew.Abs() > fudge*time.Second/2 {
		r.x.noises.start("skew "+string(tag), r.x.log, "clock of a peer is far from ours", "cluster", tag, "skew", skew)
	} else {
		r.x.noises.end("skew "+string(tag), r.x.log, "clock of a peer is near ours again", "cluster", tag, "skew", skew)
	}
	r.x.cfg.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: instance, At: now})
}

// signatureTrouble notes an answer that shows a peer alive without proving what
// it says: trouble with signatures is not death.
func (r *readers) signatureTrouble(p *peer, addr string, kind gslb.SightingKind, err error, now time.Time) {
	var skew *skewError
	if errors.As(err, &skew) {
		p.skew.Store(int64(skew.skew))
	}
	p.troubled(err)
	r.x.noises.start("signature "+string(p.tag), r.x.log, "peer and we do not accept each other's signatures",
		"cluster", p.tag, "address", addr, "error", err)
	r.x.cfg.Store.Sight(gslb.Sighting{Kind: kind, Of: p.tag, At: now})
}

// unproven notes an unsigned answer, which proves nothing.
func (r *readers) unproven(p *peer, addr string, err error) {
	p.troubled(err)
	r.x.noises.start("signature "+string(p.tag), r.x.log, "answers of a peer are not signed",
		"cluster", p.tag, "address", addr, "error", err)
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
		x.noises.start("own tag", x.log, "another cluster uses our geo tag", "asked", presentation(origin), "error", err)
	}
}

// Names of noises that are not about one peer.
const (
	noiseAuthor   = "author"
	noiseIdentity = "identity"
)

// noises logs each trouble when it starts and when it ends, not in between.
type noises struct {
	mu sync.Mutex
	on map[string]time.Time // trouble → when it last showed
}

// quietFor is how long a trouble must not have shown before it is over: the good
// word may be another instance's.
const quietFor = time.Minute

const maxNoises = 4096

func (n *noises) start(key string, log *slog.Logger, msg string, args ...any) {
	n.mu.Lock()
	if n.on == nil {
		n.on = make(map[string]time.Time)
	}
	_, known := n.on[key]
	if len(n.on) < maxNoises || known {
		n.on[key] = time.Now()
	}
	n.mu.Unlock()
	if !known {
		log.Warn(msg, args...)
	}
}

// end ends a trouble that has not shown for some time.
func (n *noises) end(key string, log *slog.Logger, msg string, args ...any) {
	n.mu.Lock()
	last, known := n.on[key]
	over := known && time.Since(last) > quietFor
	if over {
		delete(n.on, key)
	}
	n.mu.Unlock()
	if over {
		log.Info(msg, args...)
	}
}
