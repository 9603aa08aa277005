// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	sessionIdle  = 5 * time.Second
	sessionLimit = 1024
	largestUDP   = 65535
)

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
