// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"math/rand/v2"
	"time"
)

// stream is one direction of a connection: what is sent arrives whole and in
// order, late where packets are lost, and not at all while the road is cut. The
// Sim's lock guards it.
type stream struct {
	s        *sim
	from, to *process
	random   *rand.Rand
	queue    [][]byte
	moving   bool
	resend   time.Duration
	arrive   func([]byte) // called without the lock
	answers  bool         // the direction of answers
	asked    bool         // a message arrived
	ended    bool
}

// send takes a message; the lock is held.
func (st *stream) send(b []byte) {
	if st.ended {
		return
	}
	st.queue = append(st.queue, b)
	if !st.moving {
		st.moving = true
		st.resend = firstResend
		st.try()
	}
}

// try sends the first message of the queue; the lock is held.
func (st *stream) try() {
	d, ok := st.s.net.take(st.from.c.tag, st.to.c.tag, st.random)
	if !ok {
		again := st.resend
		st.resend = min(2*st.resend, mostResend)
		time.AfterFunc(again, func() {
			st.s.mu.Lock()
			defer st.s.mu.Unlock()
			if !st.ended {
				st.try()
			}
		})
		return
	}
	time.AfterFunc(d, st.land)
}

// land hands the first message over.
func (st *stream) land() {
	s := st.s
	s.mu.Lock()
	if st.ended {
		st.queue = nil
		s.mu.Unlock()
		return
	}
	if s.net.at(st.from.c.tag, st.to.c.tag).cut {
		st.try() // it was cut while the packet was on its way
		s.mu.Unlock()
		return
	}
	b := st.queue[0]
	st.queue = st.queue[1:]
	st.resend = firstResend
	s.note("%s > %s: %d octets", st.from.name, st.to.name, len(b))
	if st.moving = len(st.queue) > 0; st.moving {
		st.try()
	}
	s.mu.Unlock()
	st.to.later(func() {
		s.heard(st)
		st.arrive(b)
	})
}
