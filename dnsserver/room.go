// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "sync/atomic"

// Memory that strangers can make the server hold beyond what every connection
// has, in octets. Counts of connections and messages do not bound it: one message
// over TCP has up to 64 KiB.
const (
	bufferRoom = 16 << 20 // buffers of TCP connections in the middle of long messages
	slowRoom   = 32 << 20 // messages with the slow path
)

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
