// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "sync/atomic"

// Loop is a goroutine on which the server depends: one reads a UDP socket,
// another accepts connections. A watchdog looks at it from outside.
type Loop struct {
	name  string
	turns atomic.Uint64 // odd: at work; even: waiting for what comes
	ended atomic.Bool
}

func (l *Loop) begin() { l.turns.Add(1) }
func (l *Loop) wait()  { l.turns.Add(1) }
func (l *Loop) end()   { l.ended.Store(true) }

// rest ends the work that a panic left.
func (l *Loop) rest() {
	if l.turns.Load()%2 == 1 {
		l.wait()
	}
}

// Name says what the loop does.
func (l *Loop) Name() string { return l.name }

// Progress gives a number that rises while the loop works, and whether it waits
// for what comes: a loop that waits is well, however long it does. One that has
// ended neither waits nor moves.
func (l *Loop) Progress() (turns uint64, idle bool) {
	n := l.turns.Load()
	return n, n%2 == 0 && !l.ended.Load()
}

// Loops gives every goroutine on which the server depends. They rest until Run,
// and end with it.
func (s *Server) Loops() []*Loop { return s.loops }

func (s *Server) newLoop(name string) *Loop {
	l := &Loop{name: name}
	s.loops = append(s.loops, l)
	return l
}
