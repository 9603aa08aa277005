// SPDX-License-Identifier: Apache-2.0

// Package peerstest is what tests of the exchange between clusters need: a
// server around anything that answers whole messages, a network in memory for
// virtual time, a TCP proxy that cuts, delays, freezes and spreads, and a fake
// peer, written apart from package peers, that is slow, stale, lying or gone.
//
// It is used by tests only and checks nothing itself.
package peerstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Handler answers whole DNS messages, as the slow path of the DNS server does.
type Handler interface {
	ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool
}

// ServeConn reads messages from a connection and answers them, each in a
// goroutine of its own, until the connection ends. What the handler does not
// take for its own is refused; a nil message closes the connection.
func ServeConn(ctx context.Context, conn net.Conn, h Handler) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	var writing sync.Mutex
	reply := func(msg []byte) error {
		writing.Lock()
		defer writing.Unlock()
		if msg == nil {
			return conn.Close()
		}
		return WriteFrame(conn, msg)
	}
	for {
		msg, err := ReadFrame(conn)
		if err != nil {
			return
		}
		wg.Go(func() {
			if !h.ServeSlow(ctx, msg, from, true, reply) {
				_ = reply(refused(msg)) // the client may be gone
			}
		})
	}
}

// refused is the answer of a server for which there is no such zone.
func refused(msg []byte) []byte {
	out := append([]byte(nil), msg[:12]...)
	out[2], out[3] = out[2]&0x79|0x80, 5
	clear(out[4:])
	return out
}

// ReadFrame reads one message with its length (RFC 1035 §4.2.2).
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r, msg)
	return msg, err
}

// WriteFrame writes one message with its length.
func WriteFrame(w io.Writer, msg []byte) error {
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
	_, err := w.Write(append(out, msg...))
	return err
}

// Server is a handler behind a TCP port of its own on loopback.
type Server struct {
	Addr string // HOST:PORT

	cancel context.CancelFunc
	done   chan struct{}
}

// Listen serves a handler until the test ends or [Server.Close] is called.
func Listen(tb testing.TB, h Handler) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening on loopback: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{Addr: l.Addr().String(), cancel: cancel, done: make(chan struct{})}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		defer close(s.done)
		var wg sync.WaitGroup
		defer wg.Wait()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { ServeConn(ctx, conn, h) })
		}
	}()
	tb.Cleanup(s.Close)
	return s
}

// Close ends the port and every connection, and waits for them.
func (s *Server) Close() {
	s.cancel()
	<-s.done
}
