// SPDX-License-Identifier: Apache-2.0

package peers

import "sync"

// versionsKept is how many versions of a zone increments can start from.
const versionsKept = 32

// publication is one zone that is served, ours or a peer's, and those who wait
// for it to move.
type publication struct {
	mu    sync.Mutex
	cur   *Zone // nil: not served now
	past  []*Zone
	moved chan struct{} // closed when cur moves
	held  map[*hold]struct{}
	left  chan struct{} // closed when a hold ends
	step  difference
}

// difference is what differs between two versions: all who wait for the next one ask
// for the same.
type difference struct {
	from, to *Zone
	changes  [][2]*set
}

// hold is a transfer that waits, or is being written: since is what its reader
// has.
type hold struct{ since soa }

func newPublication() *publication {
	return &publication{moved: make(chan struct{}), left: make(chan struct{}), held: make(map[*hold]struct{})}
}

// current gives what is served and a channel that is closed when it moves.
func (p *publication) current() (*Zone, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cur, p.moved
}

// publish serves another version; nil withdraws the zone. Held transfers go out.
func (p *publication) publish(z *Zone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if z == p.cur {
		return
	}
	if p.cur != nil {
		if len(p.past) == versionsKept {
			p.past = append(p.past[:0:0], p.past[1:]...)
		}
		p.past = append(p.past, p.cur)
	}
	if z == nil {
		p.past, p.step = nil, difference{}
	}
	p.cur = z
	close(p.moved)
	p.moved = make(chan struct{})
}

// version gives an earlier version that is still remembered.
func (p *publication) version(s soa) *Zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.past) - 1; i >= 0; i-- {
		if p.past[i].soa() == s {
			return p.past[i]
		}
	}
	return nil
}

// changes gives what differs between two versions, found once for all who ask.
func (p *publication) changes(from, to *Zone) [][2]*set {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.step.from != from || p.step.to != to {
		p.step = difference{from, to, diff(from, to)}
	}
	return p.step.changes
}

// enter notes a transfer; leave must be called when its answer was written.
func (p *publication) enter(since soa) (leave func()) {
	h := &hold{since: since}
	p.mu.Lock()
	p.held[h] = struct{}{}
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.held, h)
		close(p.left)
		p.left = make(chan struct{})
	}
}

// behind says whether a transfer to somebody who lacks the current version is
// under way, and gives a channel that is closed when one ends.
func (p *publication) behind() (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cur == nil {
		return false, p.left
	}
	for h := range p.held {
		if h.since != p.cur.soa() {
			return true, p.left
		}
	}
	return false, p.left
}
