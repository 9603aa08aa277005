// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

// conn is the client's end of a connection to a process of another cluster.
type conn struct {
	s        *sim
	number   int
	up, down stream
	ctx      context.Context // of the server's work
	cancel   context.CancelFunc
	twice    *rand.Rand

	in     []byte
	closed bool
	end    error
	more   chan struct{} // one place
}

var errRefused = errors.New("connection refused")

// dial opens a connection from a process to an address, behind which the
// processes of a cluster take turns.
func (p *process) dial(ctx context.Context, addr string) (net.Conn, error) {
	s := p.s
	if err := p.gate(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	target, one := s.byAddr[addr], s.slotAt[addr]
	if one != nil {
		target = one.c
	}
	p.dials++
	random := s.source(p.name+addr, p.dials)
	silent := target == nil || !target.powered || s.net.silent(p.c.tag, target.tag) || s.net.at(p.c.tag, target.tag).closed
	var trip time.Duration
	for range 2 {
		d, ok := time.Duration(0), true
		if !silent {
			d, ok = s.net.take(p.c.tag, target.tag, random)
		}
		if trip += d; !ok {
			trip += time.Second // a lost SYN is sent again after a second
		}
	}
	if f := s.mutant.dial; f != nil && target != nil && !f(p, target) {
		silent = true
	}
	s.mu.Unlock()
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := nap(ctx, trip); err != nil {
		return nil, err
	}
	return s.connect(p, target, one, random)
}

// connect opens a connection to one place of a cluster, or to whichever has its turn.
func (s *sim) connect(p *process, target *cluster, one *slot, random *rand.Rand) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var server *process
	if one == nil {
		server = target.next(p)
	} else if one.p != nil && one.p.running {
		server = one.p
	}
	if server == nil {
		return nil, errRefused
	}
	s.conns++
	c := &conn{s: s, number: s.conns, twice: random, more: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(server.ctx)
	c.up = stream{s: s, from: p, to: server, random: random, arrive: c.serve}
	c.down = stream{s: s, from: server, to: p, random: random, arrive: c.receive, answers: true}
	p.conns[c], server.conns[c] = true, true
	p.view.knows[target.tag], server.view.knows[p.c.tag] = true, true // who calls says where it is called
	return c, nil
}

// serve hands a question to the server's exchange.
func (c *conn) serve(frame []byte) {
	server := c.up.to
	reply := func(msg []byte) error {
		c.s.mu.Lock()
		closed := c.closed
		c.s.mu.Unlock()
		if closed {
			return net.ErrClosed
		}
		server.later(func() {
			c.s.mu.Lock()
			defer c.s.mu.Unlock()
			c.down.send(framed(msg))
		})
		return nil
	}
	go server.exchange.ServeSlow(c.ctx, frame[2:], netip.AddrPort{}, true, reply)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if q := c.s.net.at(c.up.from.c.tag, server.c.tag); q.twice > 0 && c.twice.Float64() < q.twice {
		time.AfterFunc(time.Duration(c.twice.Int64N(int64(3*time.Second))), func() {
			server.later(func() {
				go server.exchange.ServeSlow(c.ctx, frame[2:], netip.AddrPort{}, true, func([]byte) error { return nil })
			})
		})
	}
}

// connections lists those of a process, the oldest first. The lock is held.
func (p *process) connections() []*conn {
	return slices.SortedFunc(maps.Keys(p.conns), func(a, b *conn) int { return a.number - b.number })
}

func framed(msg []byte) []byte {
	return append([]byte{byte(len(msg) >> 8), byte(len(msg))}, msg...)
}

// receive hands an answer to the client.
func (c *conn) receive(b []byte) {
	c.s.mu.Lock()
	c.in = append(c.in, b...)
	c.s.mu.Unlock()
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	for {
		c.s.mu.Lock()
		n, end := copy(b, c.in), c.end
		c.in = c.in[n:]
		c.s.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if end != nil {
			return 0, end
		}
		<-c.more
	}
}

// Write implements net.Conn; each call is one message.
func (c *conn) Write(b []byte) (int, error) {
	frame := append([]byte(nil), b...)
	c.up.from.later(func() {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		if !c.closed {
			c.up.send(frame)
		}
	})
	return len(b), nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.shut(net.ErrClosed, !c.s.net.silent(c.up.from.c.tag, c.up.to.c.tag))
	return nil
}

// shut ends the connection for the client, and for the server too if it can hear
// of it. The lock is held.
func (c *conn) shut(why error, told bool) {
	if told {
		c.cancel()
	}
	if c.closed {
		return
	}
	c.closed, c.end = true, why
	c.up.ended, c.down.ended = true, true
	delete(c.up.from.conns, c)
	delete(c.up.to.conns, c)
	c.signal()
}

// broken ends a connection because the server's process ended. The lock is held.
func (c *conn) broken() {
	if c.s.net.silent(c.up.from.c.tag, c.up.to.c.tag) || !c.up.to.c.powered {
		c.up.ended, c.down.ended = true, true // nobody hears of it
		delete(c.up.to.conns, c)
		return
	}
	c.shut(io.EOF, true)
}

// simAddr is the name of a process, as a net.Addr.
type simAddr string

// Network implements net.Addr.
func (simAddr) Network() string { return "sim" }

// String implements net.Addr.
func (a simAddr) String() string { return string(a) }

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return simAddr(c.up.from.name) }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return simAddr(c.up.to.name) }

// SetDeadline implements net.Conn. No deadline is kept: nothing that is simulated needs one.
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is like SetDeadline.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is like SetDeadline.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = (*conn)(nil)

// heard notes that a message of one process reached another. On a connection that was given
// up while who is spoken to stood still, answers are not read, and questions are: they may
// count. So may the first question on one, which does not say whom it speaks to.
func (s *sim) heard(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !st.answers && !st.asked
	if st.asked = true; st.ended && st.answers {
		return
	}
	by, of, now := st.to, st.from, time.Now()
	by.signs[of.c.tag], by.sl.signs[of.c.tag] = now, now
	if !first && !st.ended && by.understands(of) {
		by.sure[of.c.tag] = now
	}
	if st.answers && by.understands(of) && of.view.ready && of.started.After(of.sl.paused) {
		by.active[of.c.tag] = now
	}
}
