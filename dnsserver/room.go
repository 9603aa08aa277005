// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "sync/atomic"

// slowRoom bounds the messages with the slow path, in octets. Their number does not
// bound their memory: one message over TCP has up to 64 KiB.
const slowRoom = 32 << 20

// longSizes are the buffers that a connection reads a message into that does not fit
// into its own, the largest any message, and how many there are of each: 12 MiB.
var longSizes = [...]struct{ octets, number int }{{8 << 10, 512}, {2 + maxMessage, 128}}

// longBuffers are made when they are wanted, kept, and used again: strangers who send
// long messages make neither memory nor garbage without end. Safe for concurrent use.
type longBuffers struct {
	made [len(longSizes)]atomic.Int64
	free [len(longSizes)]chan []byte
}

func newLongBuffers() *longBuffers {
	l := new(longBuffers)
	for i, size := range longSizes {
		l.free[i] = make(chan []byte, size.number)
	}
	return l
}

// get gives a buffer of the next size above one; nil: there is none.
func (l *longBuffers) get(above int) []byte {
	for i, size := range longSizes {
		if size.octets <= above {
			continue
		}
		select {
		case b := <-l.free[i]:
			return b
		default:
		}
		if l.made[i].Add(1) <= int64(size.number) {
			return make([]byte, size.octets)
		}
		l.made[i].Add(-1)
	}
	return nil
}

// put takes back a buffer that get gave; others are none of its.
func (l *longBuffers) put(b []byte) {
	for i, size := range longSizes {
		if len(b) == size.octets {
			l.free[i] <- b
		}
	}
}

// room is memory that can be taken until there is no more. Safe for concurrent
// use.
type room struct{ left atomic.Int64 }

func newRoom(octets int64) *room {
	r := new(room)
	r.left.Store(octets)
	return r
}

// take takes some octets; false: there are not so many left.
func (r *room) take(octets int) bool {
	if r.left.Add(-int64(octets)) < 0 {
		r.give(octets)
		return false
	}
	return true
}

func (r *room) give(octets int) { r.left.Add(int64(octets)) }
