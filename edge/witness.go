// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// How often the heartbeat of a silent cluster is read.
const (
	readDoubtful = 250 * time.Millisecond // something is to be decided
	readSilent   = time.Second            // vouched, or nobody is heard at all
	readLost     = 5 * time.Second        // lost, and others are heard
	readTimeout  = time.Second
	maxBelieved  = time.Minute // of an interval that a heartbeat states
)

// aliveAfter is how long the author of an alarm is taken to have lived after the
// keep-alive that it names, where it does not tell: alarms are raised after that
// much silence. (A process that was frozen raises its alarm when it goes on, and
// hears a keep-alive at the same moment.)
const aliveAfter = 2 * time.Second

// silence is which clusters are silent.
type silence struct {
	clusters []gslb.Cluster // doubtful, vouched or lost
	alone    bool           // nobody is heard first-hand
}

func silentOf(w *gslb.World) silence {
	s := silence{alone: true}
	for _, c := range w.Clusters {
		switch c.Liveness {
		case gslb.Doubtful, gslb.Vouched, gslb.Lost:
			s.clusters = append(s.clusters, c)
		case gslb.Fresh:
			s.alone = false
		case gslb.Self, gslb.Unheard, gslb.Left:
		}
	}
	s.alone = s.alone && len(s.clusters) > 0
	return s
}

// witness reads the heartbeats of silent clusters in one edge zone.
type witness struct {
	k     *Keeper
	edge  gslb.Name
	self  gslb.GeoTag
	watch box[silence]
	// answered is called when the edge zone answered.
	answered func()

	silence  silence
	readings map[gslb.GeoTag]*reading
}

// reading is what was read of one cluster's heartbeat since it fell silent. Servers of
// one zone can lag behind each other, so each has its own.
type reading struct {
	due  time.Time
	last map[string]beatRead // good ones, by server
}

// beatRead is a heartbeat as a server told it. The zero value is none.
type beatRead struct {
	at       time.Time
	counter  uint64
	instance string
}

func newWitness(k *Keeper, edge gslb.Name, self gslb.GeoTag) *witness {
	return &witness{k: k, edge: edge, self: self, watch: newBox[silence](), readings: make(map[gslb.GeoTag]*reading)}
}

// run waits for one of three things:
//
//  1. other clusters are silent now
//  2. it is time to read a heartbeat
//  3. ctx ends
func (t *witness) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if at := t.next(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case s := <-t.watch:
			t.take(s)
		case <-timer.C:
			t.round(ctx)
		}
	}
}

// take notes who is silent; what is newly so, or newly in doubt, is read at once.
func (t *witness) take(s silence) {
	now := time.Now()
	t.silence = s
	watched := make(map[gslb.GeoTag]*reading, len(s.clusters))
	for _, c := range s.clusters {
		r := t.readings[c.Tag]
		if r == nil {
			r = &reading{due: now, last: make(map[string]beatRead)}
		}
		if soonest := now.Add(t.pace(c)); soonest.Before(r.due) {
			r.due = soonest
		}
		watched[c.Tag] = r
	}
	t.readings = watched
}

func (t *witness) pace(c gslb.Cluster) time.Duration {
	switch {
	case c.Liveness == gslb.Doubtful:
		return readDoubtful
	case c.Liveness == gslb.Vouched, t.silence.alone:
		return readSilent
	}
	return readLost
}

// next is when a heartbeat is to be read; zero: none is.
func (t *witness) next() (at time.Time) {
	for _, r := range t.readings {
		if at.IsZero() || r.due.Before(at) {
			at = r.due
		}
	}
	return at
}

// round reads what is due. A server that does not answer is not asked about the
// next cluster in the same round.
func (t *witness) round(ctx context.Context) {
	reached := true
	for _, c := range t.silence.clusters {
		r := t.readings[c.Tag]
		now := time.Now()
		if ctx.Err() != nil || r.due.After(now) {
			continue
		}
		r.due = now.Add(t.pace(c))
		if reached {
			reached = t.read(ctx, c, r, now)
		}
	}
}

// read reads one heartbeat and reports whether the server answered.
func (t *witness) read(ctx context.Context, c gslb.Cluster, r *reading, now time.Time) bool {
	owner, err := gslb.HeartbeatName(c.Tag, t.edge)
	if err != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	a, err := t.k.Publisher.Lookup(ctx, Query{Zone: t.edge, Name: owner, Type: TypeTXT})
	if err != nil {
		return asError(err).RCODE != ""
	}
	t.answered()
	cur := parseCurrent(a.Data)
	if !cur.good || cur.beat.Cluster != c.Tag || c.ID != "" && cur.beat.ClusterID != c.ID {
		return true
	}
	if s, ok := t.judge(cur.beat, c, r, a.Server, now); ok {
		t.k.Store.Sight(s)
		t.k.metrics.vouched(c.Tag)
	}
	return true
}

// judge says whether a heartbeat vouches for its author, which must name us. All
// times are ours:
//
//	this reading                 | names a keep-alive of ours | proves that the author lived at
//	the first since it is silent | yes                        | its sending + its age, but not later than now
//	the first since we started   | of an instance before us   | now, for one interval: until it has to move
//	the counter moved            | yes                        | that, or the reading before, when it had not yet moved
//	the counter rose             | no: we or it started anew  | the reading before
//	the counter did not move     | any                        | nothing new
//
// The reading before is one of the same server: another one may tell an older heartbeat.
func (t *witness) judge(h Heartbeat, c gslb.Cluster, r *reading, server string, now time.Time) (gslb.Sighting, bool) {
	was := r.last[server]
	read, first, before, last := len(r.last) > 0, was.at.IsZero(), was.at, was.counter
	moved := !first && (h.Counter != was.counter || h.Instance != was.instance)
	r.last[server] = beatRead{now, h.Counter, h.Instance}
	interval := min(h.Interval, maxBelieved)
	s := gslb.Sighting{Kind: gslb.Heartbeat, Of: h.Cluster, Instance: h.Instance, ValidFor: believeBeats * interval}
	alive, ours := t.alive(h)
	switch names, another := t.names(h); {
	case ours && (first || moved):
		if alive.After(now) {
			alive = now
		}
		if moved && before.After(alive) {
			alive = before
		}
		s.At = alive
	case !read && c.Restored && another:
		s.At, s.ValidFor = now, interval+readSilent
	case moved && h.Counter > last && names:
		s.At = before
	default:
		return gslb.Sighting{}, false
	}
	return s, true
}

// names says whether a heartbeat misses our cluster, and whether it heard an instance of it.
func (t *witness) names(h Heartbeat) (names, instance bool) {
	for _, m := range h.Missed {
		if m.Cluster == t.self {
			names, instance = true, instance || m.Instance != ""
		}
	}
	return names, instance
}

// alive gives the latest moment at which the author lived, by the keep-alives of
// ours that it names and how long ago it had heard them.
func (t *witness) alive(h Heartbeat) (newest time.Time, ok bool) {
	if t.k.Sent == nil {
		return newest, false
	}
	for _, m := range h.Missed {
		if m.Cluster != t.self || m.Instance == "" {
			continue
		}
		at, ours := t.k.Sent(m.Instance, m.Number)
		if !ours {
			continue
		}
		if m.Age > 0 {
			at = at.Add(m.Age)
		} else {
			at = at.Add(aliveAfter)
		}
		if !ok || at.After(newest) {
			newest, ok = at, true
		}
	}
	return newest, ok
}
