// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// udpSocket is one socket and the goroutine that reads it. Several of them
// share an address, and the kernel spreads the clients over them.
type udpSocket struct {
	conn  *net.UDPConn
	batch *batch
	r     *responder
	slow  *slowPool
	loop  *Loop
	timed sampler
}

// A batch holds the datagrams of one read and the answers to them; udp_linux.go
// and udp_other.go have one each, with the methods
//
//	read() (n int, err error)        wait for datagrams
//	message(i int) []byte            what came
//	room(i int) []byte               an empty buffer for the answer
//	answer(i int, out []byte)        keep an answer to send
//	flush() (failed int, err error)  send what was kept
//	from(i int) netip.Addr           who sent it
//	sender(i int) (netip.AddrPort, []byte)
//	                                 who sent it, and the control data with which an
//	                                 answer leaves from the address that was asked

// serve reads and answers until the socket is closed or its reads time out,
// which is how it is told to stop.
func (s *udpSocket) serve(ctx context.Context) {
	defer s.loop.end()
	for s.turns(ctx) {
		pause(ctx, 10*time.Millisecond) // what went wrong may last
	}
}

// turns reads and answers, batch by batch. It reports that it should go on after
// an error or a panic; a panic loses the batch, not the socket.
func (s *udpSocket) turns(ctx context.Context) (again bool) {
	defer func() {
		if v := recover(); v != nil {
			s.r.recovered(v)
			s.loop.rest()
			again = ctx.Err() == nil
		}
	}()
	for {
		n, err := s.batch.read()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return false
			}
			s.r.count.drop(dropRead)
			return true
		}
		s.loop.begin()
		began := s.timed.begin()
		err = s.answer(ctx, n)
		s.timed.end(&s.r.count.latency, began, n)
		s.loop.wait()
		if err != nil && errors.Is(err, net.ErrClosed) {
			return false
		}
	}
}

// answer answers the n messages of a batch.
func (s *udpSocket) answer(ctx context.Context, n int) error {
	s.r.now = 0
	for i := range n {
		out, what := s.r.respond(s.batch.room(i), s.batch.message(i), s.batch.from(i), false)
		switch what {
		case answered:
			s.batch.answer(i, out)
		case slow:
			s.startSlow(ctx, i)
		case ignored, malformed:
		}
	}
	failed, err := s.batch.flush()
	for range failed {
		s.r.count.drop(dropWrite)
	}
	return err
}

// startSlow hands message i to the slow path, or drops it when that is full.
func (s *udpSocket) startSlow(ctx context.Context, i int) {
	from, control := s.batch.sender(i)
	job := slowJob{
		msg: append([]byte(nil), s.batch.message(i)...), from: from, count: s.r.count,
		reply: func(msg []byte) error {
			_, _, err := s.conn.WriteMsgUDPAddrPort(msg, control, from)
			return err
		},
	}
	if !s.slow.startUDP(ctx, job) {
		s.r.count.drop(dropSlowFull)
	}
}

// unmapped gives an address without the IPv4-in-IPv6 form.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
