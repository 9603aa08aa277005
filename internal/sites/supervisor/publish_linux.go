// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"container/list"
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

const (
	dialTimeout  = 5 * time.Second
	sessionIdle  = 5 * time.Second
	sessionLimit = 1024
	largestUDP   = 65535
)

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

// A udpForwarder hands datagrams on, with a socket inside the site for each
// client, as a router that translates addresses does. A client that is silent for
// long loses its socket, and so does the one that was silent longest when there
// are too many.
type udpForwarder struct {
	socket *net.UDPConn
	dial   dialer
	target string

	mu       sync.Mutex
	sessions map[netip.AddrPort]*list.Element // of order
	order    *list.List                       // of *session; the first was silent longest
	active   sync.WaitGroup
}

type session struct {
	client netip.AddrPort
	inside net.Conn
}

func forwardUDP(what string, at netip.AddrPort, target netip.AddrPort, dial dialer) (*udpForwarder, error) {
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, listenError(what, "UDP", at, err)
	}
	f := &udpForwarder{socket: socket, dial: dial, target: target.String(),
		sessions: map[netip.AddrPort]*list.Element{}, order: list.New()}
	f.active.Go(f.serve)
	return f, nil
}

func (f *udpForwarder) serve() {
	buffer := make([]byte, largestUDP)
	for {
		n, client, err := f.socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier answer
		}
		if s := f.session(client); s != nil {
			if _, err := s.inside.Write(buffer[:n]); err != nil {
				f.end(s) // the site was off meanwhile: the client asks again
			}
		}
	}
}

// session returns the client's session, or nil if there is none to be had.
func (f *udpForwarder) session(client netip.AddrPort) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	if element := f.sessions[client]; element != nil {
		f.order.MoveToBack(element)
		return sessionOf(element)
	}
	inside, err := f.dial(context.Background(), "udp", f.target)
	if err != nil {
		return nil
	}
	if len(f.sessions) >= sessionLimit {
		f.drop(sessionOf(f.order.Front()))
	}
	s := &session{client: client, inside: inside}
	f.sessions[client] = f.order.PushBack(s)
	f.active.Go(func() { f.answers(s) })
	return s
}

func sessionOf(element *list.Element) *session {
	s, _ := element.Value.(*session) // nothing else is in the list
	return s
}

// answers brings back what the target says, until it is silent for long.
func (f *udpForwarder) answers(s *session) {
	defer f.end(s)
	buffer := make([]byte, largestUDP)
	for {
		if err := s.inside.SetReadDeadline(time.Now().Add(sessionIdle)); err != nil {
			return
		}
		n, err := s.inside.Read(buffer)
		if err != nil {
			return
		}
		if _, err := f.socket.WriteToUDPAddrPort(buffer[:n], s.client); err != nil {
			return
		}
	}
}

func (f *udpForwarder) end(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(s)
}

// drop ends a session, under the lock. It may have ended already, and its client
// have another.
func (f *udpForwarder) drop(s *session) {
	if element := f.sessions[s.client]; element != nil && sessionOf(element) == s {
		delete(f.sessions, s.client)
		f.order.Remove(element)
	}
	_ = s.inside.Close()
}

func (f *udpForwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, element := range f.sessions {
		f.drop(sessionOf(element))
	}
}

func (f *udpForwarder) close() {
	_ = f.socket.Close()
	f.cut()
	f.active.Wait()
}

// A forwarder is a publication that runs.
type forwarder interface {
	cut()   // ends what is open
	close() // and listens no more
}
