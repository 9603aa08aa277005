// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync"
	"sync/atomic"
	"time"
)

// conns are the open TCP and TLS connections, never more than max, nor more than
// perClient of one client: a new one takes the place of the one that was idle
// longest, of all or of that client (RFC 9210 §4.2). Connections on which the
// slow path is at work are spared while there are others. To find it costs the
// logarithm of how many there are: strangers can open thousands a second.
type conns struct {
	max, perClient int
	hidden         *atomic.Bool // clients cannot be told apart
	start          time.Time    // what activity is measured from
	accepted       [2]atomic.Uint64
	evicted        [2]atomic.Uint64

	mu       sync.Mutex // guards the rest
	open     idleHeap
	clients  map[[8]byte]*idleHeap
	stopping bool
}

// Why a connection was evicted.
const (
	evictedTotal = iota
	evictedClient
)

var evictedNames = [...]string{evictedTotal: "total", evictedClient: "client"}

func newConns(max, perClient int, hidden *atomic.Bool, start time.Time) *conns {
	return &conns{
		max: max, perClient: perClient, hidden: hidden, start: start,
		open: idleHeap{of: heapOfAll}, clients: make(map[[8]byte]*idleHeap),
	}
}

// count gives how many connections there are in each state, over TCP and over
// TLS.
func (c *conns) count() (tcp, tls [connStates]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open.all {
		if conn.tls != nil {
			tls[conn.state()]++
		} else {
			tcp[conn.state()]++
		}
	}
	return tcp, tls
}

// add takes a connection in; false: we are stopping.
func (c *conns) add(conn *tcpConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return false
	}
	client := c.clients[conn.network]
	switch {
	case client != nil && len(client.all) >= c.perClient && !c.hidden.Load():
		c.evict(evictedClient, client)
	case len(c.open.all) >= c.max:
		c.evict(evictedTotal, &c.open)
	}
	if client = c.clients[conn.network]; client == nil {
		client = &idleHeap{of: heapOfClient}
		c.clients[conn.network] = client
	}
	c.open.push(conn)
	client.push(conn)
	c.accepted[over(conn)].Add(1)
	return true
}

// over gives the index of a connection's transport: 0 for TCP, 1 for TLS.
func over(conn *tcpConn) int {
	if conn.tls != nil {
		return 1
	}
	return 0
}

// evict closes the connection that was idle longest among some.
func (c *conns) evict(why int, among *idleHeap) {
	if idle := among.longestIdle(int64(time.Since(c.start))); idle != nil {
		c.forget(idle)
		c.evicted[why].Add(1)
		idle.abort()
	}
}

// forget takes a connection out; it may be out already.
func (c *conns) forget(conn *tcpConn) {
	if !c.open.remove(conn) {
		return
	}
	client := c.clients[conn.network]
	client.remove(conn)
	if len(client.all) == 0 {
		delete(c.clients, conn.network)
	}
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
	for _, conn := range c.open.all {
		conn.stop()
	}
}

func (c *conns) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open.all {
		conn.abort()
	}
}
