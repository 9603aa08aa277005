// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync"
	"sync/atomic"
)

// conns are the open TCP connections, never more than max: a new one takes the
// place of the one that was idle longest (RFC 9210 §4.2). Connections on which
// the slow path is at work are spared while there are others.
type conns struct {
	max     int
	evicted atomic.Uint64

	mu       sync.Mutex // guards the rest
	open     map[*tcpConn]struct{}
	stopping bool
}

func newConns(max int) *conns { return &conns{max: max, open: make(map[*tcpConn]struct{})} }

func (c *conns) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// add takes a connection in; false: we are stopping.
func (c *conns) add(conn *tcpConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return false
	}
	if len(c.open) >= c.max {
		if idle := c.longestIdle(); idle != nil {
			delete(c.open, idle)
			c.evicted.Add(1)
			_ = idle.Close()
		}
	}
	c.open[conn] = struct{}{}
	return true
}

func (c *conns) longestIdle() *tcpConn {
	var best *tcpConn
	var since int64
	for conn := range c.open {
		at := conn.active.Load()
		if conn.busy() {
			at += int64(1) << 62
		}
		if best == nil || at < since {
			best, since = conn, at
		}
	}
	return best
}

func (c *conns) remove(conn *tcpConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
}

// stop lets no more connections in, and makes those that are open end after
// what they are answering now.
func (c *conns) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	for conn := range c.open {
		conn.stop()
	}
}

func (c *conns) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
}
