// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"container/heap"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// target is a host as one cluster is asked for it.
type target struct {
	name    gslb.Name
	host    host
	due     time.Time // when it is asked next; the zero time, of a new one, comes first
	place   int       // in the queue; -1: it is being asked
	changed time.Time // when an answer changed something last
	fails   int       // answers in a row that said nothing
	asked   time.Time // when it was last asked, whatever came of it; zero: never
	gone    bool      // it is not asked for any more
	belief
	made *gslb.Offer // of the belief; nil: nothing is offered
}

// queue is a heap of targets (container/heap) that gives the one that is due first.
type queue []*target

// Len implements heap.Interface.
func (q *queue) Len() int { return len(*q) }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool { return (*q)[i].due.Before((*q)[j].due) }

// Swap implements heap.Interface; each target knows its place.
func (q *queue) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].place, (*q)[j].place = i, j
}

// Push is for container/heap alone.
func (q *queue) Push(x any) {
	t := x.(*target)
	t.place = len(*q)
	*q = append(*q, t)
}

// Pop is for container/heap alone.
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.place = -1
	return t
}

func (q *queue) put(t *target, due time.Time) {
	t.due = due
	heap.Push(q, t)
}

func (q *queue) take() *target { return heap.Pop(q).(*target) }

func (q *queue) remove(t *target) {
	if t.place >= 0 {
		heap.Remove(q, t.place)
	}
}

// first gives the target that is due first; nil for an empty queue.
func (q *queue) first() *target {
	if len(*q) == 0 {
		return nil
	}
	return (*q)[0]
}
