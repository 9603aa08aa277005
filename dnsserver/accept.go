// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// accept takes connections until the listener is closed.
func (s *Server) accept(ctx context.Context, b *sockets, streams *sync.WaitGroup) {
	defer b.loop.end()
	for failing := false; ; {
		raw, err := b.tcp.Accept()
		switch {
		case err == nil:
			failing = false
			b.loop.begin()
			s.start(ctx, raw, b, streams)
			b.loop.wait()
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			// Out of file descriptors, most likely: room comes when others end.
			if !failing {
				s.log.Error("accepting DNS connections", "address", b.addr, "error", err)
			}
			failing = true
			if !pause(ctx, 50*time.Millisecond) {
				return
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Server) start(ctx context.Context, raw net.Conn, b *sockets, streams *sync.WaitGroup) {
	defer func() {
		if v := recover(); v != nil {
			s.recovered(v)
			_ = raw.Close()
		}
	}()
	if b.over != nil && s.shared.handshakes.full(int64(time.Since(s.shared.handshakes.start))) {
		b.count.end(endHandshakeLimit)
		_ = raw.Close()
		return
	}
	conn := newTCPConn(raw, b.over, s.newResponder(b.count), s.slow, &s.shared)
	if !s.conns.add(conn) {
		_ = raw.Close()
		return
	}
	streams.Go(func() {
		defer s.conns.remove(conn)
		defer func() {
			if v := recover(); v != nil {
				s.recovered(v)
			}
		}()
		conn.serve(ctx)
	})
}
