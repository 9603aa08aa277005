// SPDX-License-Identifier: Apache-2.0

package dnsserver

// A connection stands in two heaps: that of all, and that of its client.
const (
	heapOfAll = iota
	heapOfClient
	heaps
)

// place is where a connection stands in a heap, and the time by which it does:
// it was not idle for longer than since then.
type place struct {
	index int // from 1; 0: not in it
	key   int64
}

// idleHeap is a binary heap of connections by when they were last active. A
// connection that becomes active does not move: it is put right when it comes to
// the top, so that answering takes no lock.
type idleHeap struct {
	of  int // heapOfAll or heapOfClient
	all []*tcpConn
}

func (h *idleHeap) push(conn *tcpConn) {
	h.all = append(h.all, conn)
	conn.places[h.of] = place{len(h.all), conn.active.Load()}
	h.up(len(h.all) - 1)
}

// remove takes a connection out, and reports that it was in.
func (h *idleHeap) remove(conn *tcpConn) bool {
	i := conn.places[h.of].index - 1
	if i < 0 {
		return false
	}
	last := len(h.all) - 1
	h.swap(i, last)
	h.all[last] = nil
	h.all = h.all[:last]
	conn.places[h.of].index = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
	return true
}

// longestIdle gives the connection that was idle longest. Where the slow path is
// at work, a connection counts as active now.
func (h *idleHeap) longestIdle(now int64) *tcpConn {
	for len(h.all) > 0 {
		top := h.all[0]
		key := top.active.Load()
		if top.busy() {
			key = now
		}
		if key = min(key, now); key <= top.places[h.of].key {
			return top
		}
		top.places[h.of].key = key
		h.down(0)
	}
	return nil
}

func (h *idleHeap) less(i, j int) bool {
	return h.all[i].places[h.of].key < h.all[j].places[h.of].key
}

func (h *idleHeap) swap(i, j int) {
	h.all[i], h.all[j] = h.all[j], h.all[i]
	h.all[i].places[h.of].index, h.all[j].places[h.of].index = i+1, j+1
}

func (h *idleHeap) up(i int) {
	for i > 0 && h.less(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h *idleHeap) down(i int) {
	for {
		least := i
		for _, child := range [...]int{2*i + 1, 2*i + 2} {
			if child < len(h.all) && h.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
