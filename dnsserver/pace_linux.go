// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// crowded is the time between two messages below which a socket is crowded.
	crowded = 25 * time.Microsecond
	// lingerTime is how long a crowded socket is left alone after a small batch. The
	// system adds about as much.
	lingerTime = 40 * time.Microsecond
	// smallBatch is fewer messages than are worth two system calls.
	smallBatch = batchSize / 2
	// maxLingers bounds the batches between two times at which the other goroutines
	// of the processor had their turn.
	maxLingers = 8
	// paceWindow is the shortest time over which messages are counted.
	paceWindow = time.Millisecond
)

// pace decides when a socket is left alone for a moment, so that the next read
// finds more. A server that is faster than its clients otherwise runs to the
// socket for every few messages, and wakes its clients for as few: where 140,000
// come in a second that costs a sixth of the work. Below 40,000 a second every
// message is read at once.
type pace struct {
	since    time.Time
	messages int  // since then
	crowded  bool // in the window before
	emptied  bool // the socket had nothing to read since the last decision
	lingered int  // times in a row without that
}

// empty notes that there was nothing to read; others have their turn meanwhile.
func (p *pace) empty() { p.emptied, p.lingered = true, 0 }

// lingers decides before a read, told how many messages the last one gave. The
// clock is looked at when much came, or nothing for a while.
func (p *pace) lingers(last int, now func() time.Time) bool {
	p.messages += last
	if p.emptied || p.messages >= 2*batchSize {
		p.emptied = false
		if t := now(); t.Sub(p.since) >= paceWindow {
			p.crowded = t.Sub(p.since) < time.Duration(p.messages)*crowded
			p.since, p.messages = t, 0
		}
	}
	if !p.crowded || last >= smallBatch || p.lingered == maxLingers {
		return false
	}
	p.lingered++
	return true
}

// linger lets the thread rest. The timers of the runtime are too coarse for it.
func linger() {
	t := unix.NsecToTimespec(int64(lingerTime))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0) // it may end early
}
