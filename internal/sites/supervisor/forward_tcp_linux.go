// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const dialTimeout = 5 * time.Second

// A dialer connects from inside a site; it fails while the site is off.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// listenError says what a person can do about an address that is not free.
func listenError(what, protocol string, at netip.AddrPort, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %s %s of this machine is already in use; free it, or publish another (ss -lnp shows who has it)", what, protocol, at)
	}
	return fmt.Errorf("%s: %s %s: %w", what, protocol, at, err)
}

// A tcpForwarder hands connections that arrive on this machine on to an address
// inside a site. When that cannot be reached, the client gets a reset.
type tcpForwarder struct {
	listener net.Listener
	dial     dialer
	target   string

	mu     sync.Mutex
	conns  map[net.Conn]bool // nil when closed
	active sync.WaitGroup
}

func forwardTCP(what string, at netip.AddrPort, target netip.AddrPort, dial dialer) (*tcpForwarder, error) {
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, listenError(what, "TCP", at, err)
	}
	f := &tcpForwarder{listener: listener, dial: dial, target: target.String(), conns: map[net.Conn]bool{}}
	f.active.Go(f.serve)
	return f, nil
}

func (f *tcpForwarder) serve() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			<-time.After(50 * time.Millisecond) // out of descriptors, say
			continue
		}
		f.active.Go(func() { f.handle(client) })
	}
}

func (f *tcpForwarder) handle(client net.Conn) {
	if !f.track(client) {
		return
	}
	defer f.untrack(client)
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	server, err := f.dial(ctx, "tcp", f.target)
	if err != nil {
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, as from a machine where nobody listens
		}
		return
	}
	if !f.track(server) {
		return
	}
	defer f.untrack(server)
	var both sync.WaitGroup
	both.Go(func() { pipe(server, client) })
	both.Go(func() { pipe(client, server) })
	both.Wait()
}

// pipe copies one direction and passes its end on. An error ends both.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok && err == nil {
		_ = half.CloseWrite() // if it is closed already, all is said
		return
	}
	_ = to.Close()
	_ = from.Close()
}

func (f *tcpForwarder) track(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		_ = conn.Close()
		return false
	}
	f.conns[conn] = true
	return true
}

func (f *tcpForwarder) untrack(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
	_ = conn.Close()
}

// cut ends what is open, as the site's power failure does.
func (f *tcpForwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns { // all before the first is closed, for the other side of it is closed by its copier
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	for conn := range f.conns {
		_ = conn.Close()
	}
}

func (f *tcpForwarder) close() {
	_ = f.listener.Close()
	f.cut()
	f.mu.Lock()
	f.conns = nil
	f.mu.Unlock()
	f.active.Wait()
}

// A forwarder is a publication that runs.
type forwarder interface {
	cut()   // ends what is open
	close() // and listens no more
}
