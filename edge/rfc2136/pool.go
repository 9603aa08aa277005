// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"net"
	"sync"
	"time"
)

// How connections are kept. Servers close idle ones after 10 to 30 s.
const (
	keepIdle = 5 * time.Second
	maxIdle  = 2 // of one server
)

// pool keeps idle connections for a while.
type pool struct {
	mu     sync.Mutex
	closed bool
	idle   map[string][]*idleConn
}

type idleConn struct {
	net.Conn
	timer *time.Timer // closes it
}

func newPool() *pool { return &pool{idle: make(map[string][]*idleConn)} }

// take gives an idle connection; nil if there is none.
func (p *pool) take(server string) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		list := p.idle[server]
		if len(list) == 0 {
			return nil
		}
		c := list[len(list)-1]
		p.idle[server] = list[:len(list)-1]
		if c.timer.Stop() {
			return c.Conn
		}
	}
}

// put keeps a connection, or closes it when enough are kept.
func (p *pool) put(server string, conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle[server]) >= maxIdle {
		_ = conn.Close()
		return
	}
	c := &idleConn{Conn: conn}
	c.timer = time.AfterFunc(keepIdle, func() { p.expire(server, c) })
	p.idle[server] = append(p.idle[server], c)
}

func (p *pool) expire(server string, c *idleConn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[server]
	for i := range list {
		if list[i] == c {
			p.idle[server] = append(list[:i:i], list[i+1:]...)
			return
		}
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, list := range p.idle {
		for _, c := range list {
			if c.timer.Stop() {
				_ = c.Close()
			}
		}
	}
	clear(p.idle)
}
