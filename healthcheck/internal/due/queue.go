// SPDX-License-Identifier: Apache-2.0

// Package due holds thousands of things that are each due at a moment, and lets
// them begin within bounds: so many at once, and at most half of those in one
// lane, so that an address that swallows packets cannot hold up the others.
//
// It has no clock, starts nothing and is not safe for concurrent use: the loops
// of healthcheck and entrycheck own one queue each.
package due

import (
	"container/heap"
	"container/list"
	"net/netip"
	"time"
)

// Queue holds items of a few classes: what is due in a lower class begins before
// what is due in a higher one. Make one with [New].
type Queue[T any] struct {
	limit   int
	classes []times[T]
	lanes   map[netip.Addr]*lane
	begun   int
}

// Item is one thing; it is in the queue, waiting for room in its lane, begun, or
// none of these. The zero value with Value and Lane set is ready for [Queue.Put].
type Item[T any] struct {
	Value T
	Lane  netip.Addr

	at    time.Time
	class int
	index int // in its heap
	spot  *list.Element
	place place
}

type place uint8

const (
	outside place = iota
	waiting       // for its moment
	parked        // its moment came; waits for room in the lane
	begun
)

type lane struct {
	begun  int
	parked list.List
}

// New makes a queue that lets at most limit items begin before others are done.
func New[T any](limit, classes int) *Queue[T] {
	return &Queue[T]{limit: max(limit, 1), classes: make([]times[T], classes), lanes: make(map[netip.Addr]*lane)}
}

// Begun gives the number of items that began and are not done.
func (q *Queue[T]) Begun() int { return q.begun }

// Begun reports that the item began and is not done.
func (i *Item[T]) Begun() bool { return i.place == begun }

// At gives the moment for which the item was put last.
func (i *Item[T]) At() time.Time { return i.at }

// Put adds an item, or moves it, to a moment and a class. An item that has begun
// must be done first; such a call changes nothing.
func (q *Queue[T]) Put(i *Item[T], at time.Time, class int) {
	if i.place == begun {
		return
	}
	q.Drop(i)
	i.at, i.class, i.place = at, class, waiting
	heap.Push(&q.classes[class], i)
}

// Drop takes an item out that has not begun.
func (q *Queue[T]) Drop(i *Item[T]) {
	switch i.place {
	case waiting:
		heap.Remove(&q.classes[i.class], i.index)
		i.place = outside
		q.unpark(i.Lane) // its turn, if it had one, goes to the next
	case parked:
		l := q.lanes[i.Lane]
		l.parked.Remove(i.spot)
		i.spot, i.place = nil, outside
		q.sweep(i.Lane, l)
	case outside, begun:
	}
}

// Next gives the moment at which something may begin; false when nothing is
// there to begin, or nothing can until something else is done.
func (q *Queue[T]) Next() (time.Time, bool) {
	var next time.Time
	if q.begun >= q.limit {
		return next, false
	}
	for _, c := range q.classes {
		if len(c) > 0 && (next.IsZero() || c[0].at.Before(next)) {
			next = c[0].at
		}
	}
	return next, !next.IsZero()
}

// Begin gives the next item that is due and lets it begin; nil if there is none
// or no room. Items whose lane is full are put aside until it has room.
func (q *Queue[T]) Begin(now time.Time) *Item[T] {
	for c := range q.classes {
		for q.begun < q.limit && len(q.classes[c]) > 0 && !q.classes[c][0].at.After(now) {
			i := heap.Pop(&q.classes[c]).(*Item[T])
			l := q.lanes[i.Lane]
			if l == nil {
				l = &lane{}
				q.lanes[i.Lane] = l
			}
			if l.begun >= q.laneLimit() {
				i.place, i.spot = parked, l.parked.PushBack(i)
				continue
			}
			l.begun++
			q.begun++
			i.place = begun
			return i
		}
	}
	return nil
}

// Done ends an item that began, and makes room in its lane.
func (q *Queue[T]) Done(i *Item[T]) {
	if i.place != begun {
		return
	}
	i.place = outside
	l := q.lanes[i.Lane]
	l.begun--
	q.begun--
	q.unpark(i.Lane)
	q.sweep(i.Lane, l)
}

func (q *Queue[T]) laneLimit() int { return max(1, q.limit/2) }

// unpark lets the item that has waited longest for room in a lane compete again.
func (q *Queue[T]) unpark(at netip.Addr) {
	l := q.lanes[at]
	if l == nil || l.begun >= q.laneLimit() || l.parked.Len() == 0 {
		return
	}
	i := l.parked.Remove(l.parked.Front()).(*Item[T])
	i.spot, i.place = nil, waiting
	heap.Push(&q.classes[i.class], i)
}

func (q *Queue[T]) sweep(at netip.Addr, l *lane) {
	if l.begun == 0 && l.parked.Len() == 0 {
		delete(q.lanes, at)
	}
}

// times is a heap by moment (container/heap).
type times[T any] []*Item[T]

// Len implements heap.Interface.
func (h times[T]) Len() int { return len(h) }

// Less implements heap.Interface: the soonest comes first.
func (h times[T]) Less(a, b int) bool { return h[a].at.Before(h[b].at) }

// Swap implements heap.Interface; each item knows its place.
func (h times[T]) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].index, h[b].index = a, b
}

// Push serves container/heap.
func (h *times[T]) Push(x any) {
	i := x.(*Item[T])
	i.index = len(*h)
	*h = append(*h, i)
}

// Pop serves container/heap.
func (h *times[T]) Pop() any {
	old := *h
	i := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return i
}
