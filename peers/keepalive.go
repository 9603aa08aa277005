// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// KeepAlive is the last keep-alive number heard from an instance of a peer.
type KeepAlive struct {
	Instance string
	Number   uint64
	At       time.Time // when it was heard
}

// sentMost is how many numbers are remembered one by one.
const sentMost = 4096

// sent numbers what this instance says. A number is the milliseconds of the
// instance's life, and more than the one before; so an old number tells when it
// was sent without being remembered.
type sent struct {
	start time.Time

	mu   sync.Mutex
	last uint64
	ring [sentMost]uint64
	next int
}

// number takes the next number.
func (s *sent) number(now time.Time) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, uint64(max(0, now.Sub(s.start).Milliseconds())))
	s.ring[s.next] = s.last
	s.next = (s.next + 1) % sentMost
	return s.last
}

// at says when a number was sent; false for one that never was, as far as is
// remembered. Of numbers older than the ring only those are doubted that are
// greater than any sent.
func (s *sent) at(n uint64) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.ring[s.next] // 0 until the ring is full
	if n == 0 || n > s.last || n >= oldest && !slices.Contains(s.ring[:], n) {
		return time.Time{}, false
	}
	return s.start.Add(time.Duration(n) * time.Millisecond), true
}

// How long and how many instances of a peer are remembered by number: longer
// than TSIG's window, in which a request could be replayed.
const (
	numbersKept  = 3 * fudge * time.Second
	instancesMax = 64
)

// heard remembers the numbers of others.
type heard struct {
	mu    sync.Mutex
	peers map[gslb.GeoTag]map[string]*lastNumber
}

type lastNumber struct {
	number uint64
	at     time.Time
}

// note takes a number and says whether it is greater than all from that
// instance before: a replayed message is not.
func (h *heard) note(tag gslb.GeoTag, instance string, n uint64, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.peers == nil {
		h.peers = make(map[gslb.GeoTag]map[string]*lastNumber)
	}
	p := h.peers[tag]
	if p == nil {
		if len(h.peers) == maxPeers {
			return false
		}
		p = make(map[string]*lastNumber)
		h.peers[tag] = p
	}
	l := p[instance]
	if l == nil {
		l = &lastNumber{at: now}
		p[instance] = l
		forgetNumbers(p, now)
	}
	if n <= l.number {
		return false
	}
	l.number, l.at = n, now
	return true
}

func forgetNumbers(p map[string]*lastNumber, now time.Time) {
	for id, l := range p {
		if now.Sub(l.at) > numbersKept {
			delete(p, id)
		}
	}
	for len(p) > instancesMax {
		oldest := ""
		for id, l := range p {
			if oldest == "" || l.at.Before(p[oldest].at) {
				oldest = id
			}
		}
		delete(p, oldest)
	}
}

// recent gives what was heard of each peer, the newest instance first.
func (h *heard) recent(most int) map[gslb.GeoTag][]KeepAlive {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make(map[gslb.GeoTag][]KeepAlive, len(h.peers))
	for tag, p := range h.peers {
		ids := make([]string, 0, len(p))
		for id := range p {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b string) int {
			return cmp.Or(p[b].at.Compare(p[a].at), cmp.Compare(a, b))
		})
		for _, id := range ids[:min(most, len(ids))] {
			out[tag] = append(out[tag], KeepAlive{Instance: id, Number: p[id].number, At: p[id].at})
		}
	}
	return out
}
