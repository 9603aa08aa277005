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
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	tcpBuffer = 2048     // of a connection that reads messages of the usual size
	tcpFlush  = 32 << 10 // answers that are collected before they are written

	slowPieces = 3 // of a message after which its client is slow
)

var (
	errShortMessage = errors.New("a message shorter than a DNS header")
	errStopping     = errors.New("the server is stopping")
	errNoRoom       = errors.New("too many long messages are being read")
)

// tcpConn is one TCP connection. Its goroutine reads messages and answers them
// in turn; the slow path answers beside it (RFC 7766 §6.2.1.1).
type tcpConn struct {
	net.Conn // what is read and written: raw, or tls over it
	raw      net.Conn
	tls      *tls.Conn // nil: plain TCP
	r        *responder
	slow     *slowPool
	oldTLS   bool // before 1.3
	shared   *tcpShared
	timed    sampler

	network [8]byte        // what connections are counted by
	client  netip.AddrPort // the zero value for what has no address
	places  [heaps]place   // guarded by conns.mu

	active   atomic.Int64  // when the last message was complete, since tcpTimes.start
	slots    chan struct{} // one for each slow message in flight
	stopping atomic.Bool

	in       []byte
	from, to int         // what is in the buffer and not yet used
	pieces   int         // reads for this message
	missing  int         // octets of it, if that is known
	lowWater int         // what the system wakes us for; 0: every octet
	partial  atomic.Bool // the beginning of a message was read
	greeting atomic.Bool // TLS is being begun
	out      []byte
	lent     *[]byte // where the memory of out goes back to, through the pool; nil: there is none

	mu sync.Mutex // one writer at a time
}

// tcpTimes are the bounds of every connection.
type tcpTimes struct {
	start                           time.Time
	idle, message, write, handshake time.Duration
}

// tcpShared is what all connections share.
type tcpShared struct {
	tcpTimes
	long       *longBuffers
	outs       sync.Pool   // of *[]byte: answers that are collected; an idle connection holds none
	handshakes *handshakes // nil: there is no TLS
}

// maxHandshake bounds the beginning of a TLS connection.
const maxHandshake = 5 * time.Second

// newTCPConn takes a connection over; over TLS if there is a configuration of it.
func newTCPConn(c net.Conn, over *tls.Config, r *responder, slow *slowPool, shared *tcpShared) *tcpConn {
	conn := &tcpConn{Conn: c, raw: c, client: clientOf(c), r: r, slow: slow, shared: shared, in: make([]byte, tcpBuffer), slots: make(chan struct{}, slowPerConn)}
	conn.network = prefix(conn.client.Addr())
	if over != nil {
		conn.tls = tls.Server(&greeting{Conn: c, all: shared.handshakes, from: conn.client.Addr()}, over)
		conn.Conn, r.pads = conn.tls, true
		conn.greeting.Store(true)
	}
	conn.touch()
	return conn
}

// abort ends the connection without waiting for anything.
func (c *tcpConn) abort() { _ = c.raw.Close() }

func (c *tcpConn) touch() { c.active.Store(int64(time.Since(c.shared.start))) }

func (c *tcpConn) busy() bool { return len(c.slots) > 0 }

// stop makes the next read fail; what was read is still answered.
func (c *tcpConn) stop() {
	c.stopping.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection alone, of which nothing is read
}

// serve answers until the connection ends. A client that closes its half still
// gets its answers.
func (c *tcpConn) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.end()
	if !c.handshake(ctx) {
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
			_ = c.flush() // the connection ends, whatever comes of it
			if errors.Is(err, io.EOF) {
				c.finish(ctx)
			}
			return
		}
	}
}

// end closes the connection and gives back what it took.
func (c *tcpConn) end() {
	c.shared.long.put(c.in)
	c.in = nil
	_ = c.Close()
}

// handle answers one message into c.out or hands it on.
func (c *tcpConn) handle(ctx context.Context, msg []byte) error {
	c.touch()
	if c.out == nil {
		c.lent = c.shared.outs.Get().(*[]byte)
		c.out = *c.lent
	}
	head := len(c.out)
	out, what := c.r.respond(append(c.out, 0, 0), msg, c.client.Addr(), true)
	switch what {
	case answered:
		binary.BigEndian.PutUint16(out[head:], uint16(len(out)-head-2))
		c.out = out
		return nil
	case slow:
		if c.mayNotTransfer() {
			out = c.r.refuse(out, msg, true, dns.RcodeRefused, noEDE)
			binary.BigEndian.PutUint16(out[head:], uint16(len(out)-head-2))
			c.out = out
			return nil
		}
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

// mayNotTransfer reports that the message just read asks for a zone over a version of TLS
// that is too old for that (RFC 9103 §7.1).
func (c *tcpConn) mayNotTransfer() bool {
	q := &c.r.q
	return c.oldTLS && q.opcode == dns.OpcodeQuery && (q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR)
}

// clientOf gives the address that a connection comes from.
func clientOf(c net.Conn) netip.AddrPort {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}
