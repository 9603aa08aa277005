// SPDX-License-Identifier: Apache-2.0

package node

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const dialTimeout = 2 * time.Second

// A tcpProxy hands connections to targets in turn. When there is no target, or
// none that accepts, the client gets a reset, as from a load balancer without
// backends.
type tcpProxy struct {
	listener net.Listener
	port     string // name of the Service's port
	targets  func() ([]netip.AddrPort, error)

	mu     sync.Mutex
	turn   int
	closed bool
	conns  map[net.Conn]bool
	work   sync.WaitGroup
}

func newTCPProxy(listener net.Listener, port string, targets func() ([]netip.AddrPort, error)) *tcpProxy {
	return &tcpProxy{listener: listener, port: port, targets: targets, conns: map[net.Conn]bool{}}
}

// serve accepts connections until close.
func (p *tcpProxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed; a listener on loopback has no other errors that end
		}
		if !p.track(client) {
			return
		}
		p.work.Go(func() {
			defer p.untrack(client)
			p.handle(client)
		})
	}
}

// close stops listening and cuts what is open. It returns when nothing is left.
func (p *tcpProxy) close() {
	_ = p.listener.Close() // it is of no use any more, whatever the error
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *tcpProxy) handle(client net.Conn) {
	server := p.dial()
	if server == nil {
		reset(client)
		return
	}
	if !p.track(server) {
		return
	}
	defer p.untrack(server)
	var both sync.WaitGroup
	both.Go(func() { pipe(server, client) })
	both.Go(func() { pipe(client, server) })
	both.Wait()
}

// dial connects to the target whose turn it is, or else the next.
func (p *tcpProxy) dial() net.Conn {
	targets, err := p.targets()
	if err != nil {
		return nil // nobody is ready, which the client will notice
	}
	p.mu.Lock()
	p.turn++
	turn := p.turn
	p.mu.Unlock()
	for i := range targets {
		conn, err := net.DialTimeout("tcp", targets[(turn+i)%len(targets)].String(), dialTimeout)
		if err == nil {
			return conn
		}
	}
	return nil
}

func (p *tcpProxy) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *tcpProxy) untrack(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close()
}

// pipe copies one direction and passes its end on. An error ends both.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
