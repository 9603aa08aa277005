// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync"
	"sync/atomic"
)

// conns are the open TCP and TLS connections, never more than max, nor more than
// perClient of one client: a new one takes the place of the one that was idle
// longest, of all or of that client (RFC 9210 §4.2). Connections on which the
// slow path is at work are spared while there are others.
type conns struct {
	max, perClient int
	hidden         *atomic.Bool // clients cannot be told apart
	evicted        [2]atomic.Uint64

	mu       sync.Mutex // guards the rest
	open     map[*tcpConn]struct{}
	clients  map[[8]byte]int // how many are open
	stopping bool
}

// Why a connection was evicted.
const (
	evictedTotal = iota
	evictedClient
)

var evictedNames = [...]string{evictedTotal: "total", evictedClient: "client"}

func newConns(max, perClient int, hidden *atomic.Bool) *conns {
	return &conns{max: max, perClient: perClient, hidden: hidden, open: make(map[*tcpConn]struct{}), clients: make(map[[8]byte]int)}
}

// count gives how many connections are open, over TCP and over TLS.
func (c *conns) count() (tcp, tls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if conn.tls != nil {
			tls++
		}
	}
	return len(c.open) - tls, tls
}

// add takes a connection in; false: we are stopping.
func (c *conns) add(conn *tcpConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return false
	}
	switch {
	case c.clients[conn.network] >= c.perClient && !c.hidden.Load():
		c.evict(evictedClient, func(other *tcpConn) bool { return other.network == conn.network })
	case len(c.open) >= c.max:
		c.evict(evictedTotal, func(*tcpConn) bool { return true })
	}
	c.open[conn] = struct{}{}
	c.clients[conn.network]++
	return true
}

// evict closes the connection that was idle longest among some.
func (c *conns) evict(why int, among func(*tcpConn) bool) {
	if idle := c.longestIdle(among); idle != nil {
		c.forget(idle)
		c.evicted[why].Add(1)
		idle.abort()
	}
}

// forget takes a connection out; it may be out already.
func (c *conns) forget(conn *tcpConn) {
	if _, ok := c.open[conn]; !ok {
		return
	}
	delete(c.open, conn)
	if c.clients[conn.network]--; c.clients[conn.network] == 0 {
		delete(c.clients, conn.network)
	}
}

func (c *conns) longestIdle(among func(*tcpConn) bool) *tcpConn {
	var best *tcpConn
	var since int64
	for conn := range c.open {
		if !among(conn) {
			continue
		}
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
	c.forget(conn)
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
		conn.abort()
	}
}
