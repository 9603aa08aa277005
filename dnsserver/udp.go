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
	for {
		n, err := s.batch.read()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			s.r.count.drop(dropRead)
			pause(ctx, 10*time.Millisecond) // it may last
			continue
		}
		s.loop.begin()
		began := s.timed.begin()
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
		s.timed.end(&s.r.count.latency, began, n)
		s.loop.wait()
		if err != nil && errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// startSlow hands message i to the slow path, or drops it when that is full.
func (s *udpSocket) startSlow(ctx context.Context, i int) {
	from, control := s.batch.sender(i)
	job := slowJob{
		msg: append([]byte(nil), s.batch.message(i)...), from: from,
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
