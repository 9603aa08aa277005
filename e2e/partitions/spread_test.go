// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// spread puts a load balancer before the instances of a cluster: connections of TCP go
// to them in turn, and so do flows of UDP. It does not know who is well.
func spread(c *cluster, to []string) {
	c.w.t.Helper()
	tcp, udp := c.space.listen(c.space.at(dnsN))
	s := &spreader{c: c, to: to, udp: udp, flows: map[string]*flow{}}
	go s.accept(tcp)
	go s.forward()
}

type spreader struct {
	c     *cluster
	to    []string
	turn  atomic.Int64
	udp   net.PacketConn
	mu    sync.Mutex
	flows map[string]*flow // by the client's address
}

// flow is the way of one client's datagrams.
type flow struct{ conn net.Conn }

func (s *spreader) next() string { return s.to[int(s.turn.Add(1))%len(s.to)] }

// dialTime bounds a connection to an instance.
const dialTime = 3 * time.Second

func (s *spreader) accept(ln net.Listener) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return // the test is over
		}
		go s.carry(in)
	}
}

func (s *spreader) carry(in net.Conn) {
	defer in.Close()
	out, err := s.c.space.dialWithin(dialTime, "tcp", s.next())
	if err != nil {
		return
	}
	defer out.Close()
	both(in, out)
}

// both copies both ways until one of them ends.
func both(a, b net.Conn) {
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(way[1], way[0]) // an error is the end of the connection
			done <- struct{}{}
		}()
	}
	<-done
}

// forward carries datagrams of clients to instances.
func (s *spreader) forward() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			return // the test is over
		}
		if f := s.flow(from); f != nil {
			_, _ = f.conn.Write(buf[:n]) // lost, as datagrams are
		}
	}
}

func (s *spreader) flow(from net.Addr) *flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flows[from.String()]; f != nil {
		return f
	}
	conn, err := s.c.space.dialWithin(dialTime, "udp", s.next())
	if err != nil {
		return nil
	}
	f := &flow{conn: conn}
	s.flows[from.String()] = f
	go s.answer(f, from)
	return f
}

// flowTime is how long a flow of UDP is remembered without an answer.
const flowTime = 2 * time.Second

// answer carries datagrams back, until there are none for a while.
func (s *spreader) answer(f *flow, to net.Addr) {
	defer func() {
		s.mu.Lock()
		delete(s.flows, to.String())
		s.mu.Unlock()
		_ = f.conn.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		if err := f.conn.SetReadDeadline(time.Now().Add(flowTime)); err != nil {
			return
		}
		n, err := f.conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := s.udp.WriteTo(buf[:n], to); err != nil {
			return
		}
	}
}
