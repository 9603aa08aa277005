// SPDX-License-Identifier: Apache-2.0

package peerstest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy on loopback between two clusters, or in front of several
// instances of one. It can cut, delay and freeze.
type Proxy struct {
	Addr string // HOST:PORT

	listener net.Listener
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu       sync.Mutex
	backends []string
	turn     int
	cut      bool
	frozen   map[string]bool
	delay    time.Duration
	budget   int64 // octets that may still pass towards the client; negative: any
	pipes    map[*pipe]bool
}

// pipe is one connection through the proxy.
type pipe struct {
	client, server net.Conn
	backend        string
}

func (p *pipe) close() {
	p.client.Close()
	p.server.Close()
}

// NewProxy listens until the test ends and spreads connections over the
// backends in turn.
func NewProxy(tb testing.TB, backends ...string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening on loopback: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		Addr: l.Addr().String(), listener: l, cancel: cancel, backends: backends,
		frozen: make(map[string]bool), pipes: make(map[*pipe]bool), budget: -1,
	}
	p.wg.Go(func() { p.accept(ctx) })
	tb.Cleanup(p.Close)
	return p
}

// Close ends the proxy and all connections through it.
func (p *Proxy) Close() {
	p.cancel()
	p.listener.Close()
	p.mu.Lock()
	for c := range p.pipes {
		c.close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// Cut lets nothing through any more: connections stand and are silent, new ones
// too.
func (p *Proxy) Cut() { p.set(func() { p.cut = true }) }

// Reset ends every connection now.
func (p *Proxy) Reset() {
	p.set(func() {
		for c := range p.pipes {
			c.close()
		}
	})
}

// Heal ends Cut, Freeze and CutAfter; what was silent is reset.
func (p *Proxy) Heal() {
	p.set(func() {
		for c := range p.pipes {
			if p.cut || p.frozen[c.backend] {
				c.close()
			}
		}
		p.cut, p.budget = false, -1
		clear(p.frozen)
	})
}

// Freeze makes one backend silent, as if its process were stopped.
func (p *Proxy) Freeze(backend string) { p.set(func() { p.frozen[backend] = true }) }

// Delay holds up what passes towards the client.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// CutAfter resets the connection on which that many octets more have passed
// towards the client, all counted together.
func (p *Proxy) CutAfter(octets int64) { p.set(func() { p.budget = octets }) }

func (p *Proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		backend := p.backends[p.turn%len(p.backends)]
		p.turn++
		p.mu.Unlock()
		d := net.Dialer{}
		server, err := d.DialContext(ctx, "tcp", backend)
		if err != nil {
			conn.Close()
			continue
		}
		c := &pipe{client: conn, server: server, backend: backend}
		p.set(func() { p.pipes[c] = true })
		p.wg.Go(func() {
			defer p.set(func() { delete(p.pipes, c) })
			var both sync.WaitGroup
			both.Go(func() { p.copy(ctx, c, c.server, c.client, false) })
			both.Go(func() { p.copy(ctx, c, c.client, c.server, true) })
			both.Wait()
		})
	}
}

func (p *Proxy) copy(ctx context.Context, c *pipe, to io.Writer, from io.Reader, towardsClient bool) {
	defer c.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		n, wait, silent := p.pass(c, n, towardsClient)
		if silent {
			continue
		}
		if wait > 0 {
			t := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
		}
		if _, err := to.Write(buf[:max(n, 0)]); err != nil || n < 0 {
			return
		}
	}
}

// pass decides about n octets: how many go on (-1: none, and the end), after
// what delay, or whether they vanish.
func (p *Proxy) pass(c *pipe, n int, towardsClient bool) (int, time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || p.frozen[c.backend] {
		return 0, 0, true
	}
	if !towardsClient {
		return n, 0, false
	}
	if p.budget >= 0 {
		if p.budget < int64(n) {
			p.budget = 0
			return -1, 0, false
		}
		p.budget -= int64(n)
	}
	return n, p.delay, false
}
