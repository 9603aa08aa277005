// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tcpBuffer = 2048     // of a connection that reads messages of the usual size
	tcpFlush  = 32 << 10 // answers that are collected before they are written
)

var (
	errShortMessage = errors.New("a message shorter than a DNS header")
	errStopping     = errors.New("the server is stopping")
)

// tcpConn is one TCP connection. Its goroutine reads messages and answers them
// in turn; the slow path answers beside it (RFC 7766 §6.2.1.1).
type tcpConn struct {
	net.Conn // what is read and written: raw, or tls over it
	raw      net.Conn
	tls      *tls.Conn // nil: plain TCP
	r        *responder
	slow     *slowPool
	times    *tcpTimes
	timed    sampler

	network [8]byte        // what connections are counted by
	client  netip.AddrPort // the zero value for what has no address

	active   atomic.Int64  // when the last message was complete, since times.start
	slots    chan struct{} // one for each slow message in flight
	stopping atomic.Bool

	in       []byte
	from, to int // what is in the buffer and not yet used
	partial  bool
	out      []byte

	mu sync.Mutex // one writer at a time
}

// tcpTimes are the bounds of every connection.
type tcpTimes struct {
	start                           time.Time
	idle, message, write, handshake time.Duration
}

// crowdedWrite bounds the write of an answer of the slow path while many messages are with
// it: it keeps its place until it is written, and who does not read must not keep all.
const crowdedWrite = 500 * time.Millisecond

// maxHandshake bounds the beginning of a TLS connection.
const maxHandshake = 5 * time.Second

// newTCPConn takes a connection over; over TLS if there is a configuration of it.
func newTCPConn(c net.Conn, over *tls.Config, r *responder, slow *slowPool, times *tcpTimes) *tcpConn {
	conn := &tcpConn{Conn: c, raw: c, client: clientOf(c), r: r, slow: slow, times: times, in: make([]byte, tcpBuffer), slots: make(chan struct{}, slowPerConn)}
	conn.network = prefix(conn.client.Addr())
	if over != nil {
		conn.tls = tls.Server(c, over)
		conn.Conn, r.pads = conn.tls, true
	}
	conn.touch()
	return conn
}

// abort ends the connection without waiting for anything.
func (c *tcpConn) abort() { _ = c.raw.Close() }

func (c *tcpConn) touch() { c.active.Store(int64(time.Since(c.times.start))) }

func (c *tcpConn) busy() bool { return len(c.slots) > 0 }

// stop makes the next read fail; what was read is still answered.
func (c *tcpConn) stop() {
	c.stopping.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// serve answers until the connection ends. A client that closes its half still
// gets its answers.
func (c *tcpConn) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() { _ = c.Close() }()
	if err := c.handshake(ctx); err != nil {
		c.r.count.end(endHandshake)
		return
	}
	for {
		msg, err := c.next()
		began := c.timed.begin()
		if err == nil {
			err = c.handle(ctx, msg)
		}
		if err == nil && (len(c.out) >= tcpFlush || !c.buffered()) {
			if err = c.flush(); err == nil {
				c.timed.end(&c.r.count.latency, began, 1)
			}
		}
		if err != nil {
			_ = c.flush()
			if errors.Is(err, io.EOF) {
				c.finish(ctx)
			}
			return
		}
	}
}

// handshake begins TLS, if that is what is spoken.
func (c *tcpConn) handshake(ctx context.Context) error {
	if c.tls == nil {
		return nil
	}
	_ = c.raw.SetDeadline(time.Now().Add(c.times.handshake))
	if c.stopping.Load() {
		return errStopping
	}
	err := c.tls.HandshakeContext(ctx)
	_ = c.raw.SetDeadline(time.Time{})
	c.touch()
	return err
}

// handle answers one message into c.out or hands it on.
func (c *tcpConn) handle(ctx context.Context, msg []byte) error {
	c.touch()
	head := len(c.out)
	out, what := c.r.respond(append(c.out, 0, 0), msg, c.client.Addr(), true)
	switch what {
	case answered:
		binary.BigEndian.PutUint16(out[head:], uint16(len(out)-head-2))
		c.out = out
		return nil
	case slow:
		if err := c.flush(); err != nil {
			return err
		}
		return c.startSlow(ctx, msg)
	case malformed:
		return errShortMessage
	case ignored:
	}
	return nil
}

// startSlow hands a message to the slow path. While as many are in flight as a
// connection may have, or an answer waits for the client to read, nothing more is read
// from it.
func (c *tcpConn) startSlow(ctx context.Context, msg []byte) error {
	c.awaitWriter()
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	job := slowJob{msg: append([]byte(nil), msg...), from: c.client, tcp: true, count: c.r.count, reply: c.send}
	if c.slow.start(ctx, job, func() { c.touch(); <-c.slots }) {
		return nil
	}
	<-c.slots
	c.r.count.drop(dropSlowFull)
	return c.send(servFail(nil, msg))
}

// awaitWriter returns when nothing is being written.
func (c *tcpConn) awaitWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
}

// clientOf gives the address that a connection comes from.
func clientOf(c net.Conn) netip.AddrPort {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}

// send writes one message of the slow path.
func (c *tcpConn) send(msg []byte) error {
	frame := make([]byte, 2, 2+len(msg))
	binary.BigEndian.PutUint16(frame, uint16(len(msg)))
	bound := c.times.write
	if c.slow.crowded() {
		bound = min(bound, crowdedWrite)
	}
	return c.writeAll(append(frame, msg...), bound)
}

func (c *tcpConn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.writeAll(c.out, c.times.write)
	c.out = c.out[:0]
	if cap(c.out) > 2*tcpFlush {
		c.out = nil
	}
	return err
}

func (c *tcpConn) writeAll(b []byte, bound time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(bound))
	_, err := c.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.r.count.end(endWrite)
		}
		c.abort() // a frame may be cut: nothing after it could be understood
	}
	return err
}

// finish waits until the slow path is done with what came before the end, but
// not longer than an idle connection may live: whether the client closed its
// half or is gone cannot be seen.
func (c *tcpConn) finish(ctx context.Context) {
	timer := time.NewTimer(c.times.idle)
	defer timer.Stop()
	for range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// buffered reports that a whole message waits in the buffer.
func (c *tcpConn) buffered() bool {
	n := c.to - c.from
	return n >= 2 && n >= 2+int(binary.BigEndian.Uint16(c.in[c.from:]))
}

// next gives the next message, which is valid until the next call. Waiting for
// its beginning may take as long as a connection may idle, or for ever while the
// slow path is at work; all the rest together only as long as a message may take.
func (c *tcpConn) next() ([]byte, error) {
	for {
		need := 2
		if have := c.to - c.from; have >= 2 {
			n := int(binary.BigEndian.Uint16(c.in[c.from:]))
			if n < headerSize {
				return nil, errShortMessage
			}
			if need = 2 + n; have >= need {
				msg := c.in[c.from+2 : c.from+need]
				c.from += need
				c.partial = false
				return msg, nil
			}
		}
		c.makeRoom(need)
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// makeRoom moves what is left to the front of a buffer that takes need octets.
func (c *tcpConn) makeRoom(need int) {
	have := c.to - c.from
	in := c.in
	if need > len(in) || have == 0 && len(in) > tcpBuffer {
		in = make([]byte, max(need, tcpBuffer))
	}
	copy(in, c.in[c.from:c.to])
	c.in, c.from, c.to = in, 0, have
}

// fill reads once.
func (c *tcpConn) fill() error {
	for {
		started := c.to > c.from
		if !started {
			_ = c.SetReadDeadline(time.Now().Add(c.times.idle))
		} else if !c.partial {
			c.partial = true
			_ = c.SetReadDeadline(time.Now().Add(c.times.message))
		}
		if c.stopping.Load() {
			return errStopping
		}
		n, err := c.Read(c.in[c.to:])
		c.to += n
		switch {
		case n > 0:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && !started && c.busy() && !c.stopping.Load():
			continue
		case err != nil:
			if errors.Is(err, os.ErrDeadlineExceeded) && !c.stopping.Load() {
				c.r.count.end(endReason(started))
			}
			return err
		}
	}
}
