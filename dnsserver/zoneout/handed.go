// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"container/list"
	"net/netip"
	"slices"
	"sync"
)

const (
	maxAskers     = 1024 // who was handed something, of all zones
	serialsOfEach = 4    // of one asker and zone: secondaries may share an address
)

// asker is who was handed versions of a zone.
type asker struct {
	key  string // name of the TSIG key; "": not signed
	addr netip.Addr
	zone *zone
}

// handed remembers which serials were handed out to whom, of those who came last.
// Differences are given from such a serial only: other clusters and replicas may
// hold another content under the same number. The zero value is empty.
type handed struct {
	mu   sync.Mutex
	list list.List // of *handout, the last one first
	all  map[asker]*list.Element
}

type handout struct {
	to      asker
	serials []uint32 // the last one last
}

// note remembers that an asker has a serial of ours.
func (h *handed) note(to asker, serial uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = make(map[asker]*list.Element)
	}
	e := h.all[to]
	if e == nil {
		if h.list.Len() == maxAskers {
			oldest := h.list.Back()
			delete(h.all, oldest.Value.(*handout).to)
			h.list.Remove(oldest)
		}
		e = h.list.PushFront(&handout{to: to})
		h.all[to] = e
	}
	h.list.MoveToFront(e)
	o := e.Value.(*handout)
	o.serials = append(slices.DeleteFunc(o.serials, func(s uint32) bool { return s == serial }), serial)
	if len(o.serials) > serialsOfEach {
		o.serials = slices.Delete(o.serials, 0, 1)
	}
}

// knows reports that an asker was handed a serial by us.
func (h *handed) knows(to asker, serial uint32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.all[to]
	return e != nil && slices.Contains(e.Value.(*handout).serials, serial)
}

// Bounds of the transfers that are sent at once.
const (
	maxTransfers        = 32
	maxTransfersOfAsker = 8
)

// places bounds the transfers in flight, in total and of one address. The zero
// value is empty.
type places struct {
	mu    sync.Mutex
	total int
	of    map[netip.Addr]int
}

// take takes a place; false: there is none.
func (p *places) take(a netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= maxTransfers || p.of[a] >= maxTransfersOfAsker {
		return false
	}
	if p.of == nil {
		p.of = make(map[netip.Addr]int)
	}
	p.total++
	p.of[a]++
	return true
}

// give gives a place back.
func (p *places) give(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.of[a]--; p.of[a] == 0 {
		delete(p.of, a)
	}
}

func (p *places) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
