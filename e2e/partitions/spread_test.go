// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"io"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// spread puts a load balancer before the instances of a cluster: connections of TCP go
// to them in turn, and so do flows of UDP. It does not know who is well.
func spread(c *cluster, to []string) { newSpreader(c, to) }

// spreadReady is spread by one that asks every instance whether it is ready.
func spreadReady(c *cluster, to []string) {
	s := newSpreader(c, to)
	for _, i := range c.instances {
		go s.watch(i)
	}
}

func newSpreader(c *cluster, to []string) *spreader {
	c.w.t.Helper()
	tcp, udp := c.space.listen(c.space.at(dnsN))
	s := &spreader{c: c, to: to, udp: udp, out: map[string]bool{}, flows: map[string]*flow{}}
	go s.accept(tcp)
	go s.forward()
	return s
}

type spreader struct {
	c     *cluster
	to    []string
	turn  atomic.Int64
	udp   net.PacketConn
	mu    sync.Mutex
	out   map[string]bool  // who gets nothing new
	flows map[string]*flow // by the client's address
}

// flow is the way of one client's datagrams.
type flow struct {
	conn net.Conn
	to   string
}

// next is whose turn it is of those who are not out; of all when all are.
func (s *spreader) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextLocked()
}

func (s *spreader) nextLocked() string {
	for range s.to {
		if to := s.to[int(s.turn.Add(1))%len(s.to)]; !s.out[to] {
			return to
		}
	}
	return s.to[int(s.turn.Add(1))%len(s.to)]
}

// readyEvery is how often a load balancer asks an instance whether it is ready.
const readyEvery = 100 * time.Millisecond

// watch takes an instance out while it is not ready, and its flows with it: what is on
// its way comes back, what comes next goes to another.
func (s *spreader) watch(i *instance) {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.c.w.t.Context().Done():
			return
		case <-tick.C:
		}
		ready := i.ready()
		s.mu.Lock()
		s.out[i.at()] = !ready
		if !ready {
			maps.DeleteFunc(s.flows, func(_ string, f *flow) bool { return f.to == i.at() })
		}
		s.mu.Unlock()
	}
}

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
	to := s.nextLocked()
	conn, err := s.c.space.dialWithin(dialTime, "udp", to)
	if err != nil {
		return nil
	}
	f := &flow{conn: conn, to: to}
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
		if s.flows[to.String()] == f {
			delete(s.flows, to.String())
		}
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
