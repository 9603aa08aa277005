// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Places beside clusters that a link can lead to.
const (
	edgeSite   = gslb.GeoTag("edge")
	anchorSite = gslb.GeoTag("anchor")
	worldSite  = gslb.GeoTag("world") // where clients are, who reach entries
)

// Retransmission of what was lost, as TCP does it.
const (
	firstResend = 200 * time.Millisecond
	mostResend  = 2 * time.Second
)

// road is one direction between two places.
type road struct{ from, to gslb.GeoTag }

// quality says how a road is. The zero value is fast and safe.
type quality struct {
	cut    bool          // nothing arrives
	closed bool          // no connection can be opened in this direction; those of the other side work
	delay  time.Duration // one way
	loss   float64       // share of packets that have to be sent again
	twice  float64       // share of questions that arrive twice
}

// network is the roads between clusters, edge and anchor. The Sim's lock guards it.
type network struct {
	roads   map[road]*quality
	delay   time.Duration // of roads that nothing was said about
	dropped int           // packets that had to be sent again
}

func (n *network) at(from, to gslb.GeoTag) *quality {
	q := n.roads[road{from, to}]
	if q == nil {
		q = &quality{}
		n.roads[road{from, to}] = q
	}
	return q
}

// silent says whether nothing can be exchanged between two places.
func (n *network) silent(a, b gslb.GeoTag) bool { return n.at(a, b).cut || n.at(b, a).cut }

// take is how long one packet travels, and whether it arrives at all.
func (n *network) take(from, to gslb.GeoTag, r *rand.Rand) (time.Duration, bool) {
	q := n.at(from, to)
	d := max(q.delay, n.delay)
	d += time.Duration(r.Float64() * float64(d) / 4)
	switch {
	case q.cut:
		return 0, false
	case q.loss > 0 && r.Float64() < q.loss:
		n.dropped++
		return 0, false
	}
	return d, true
}

// source gives random numbers that depend on the seed and a name only.
func (s *sim) source(name string, n int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(s.seed, h.Sum64()+uint64(n))) //nolint:gosec // a simulation repeats itself
}

// nap lets time pass, or gives the error of ctx.
func nap(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
