// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// faults are what a faulty way does to messages of DNS.
type faults struct {
	delay     time.Duration // each way
	duplicate bool          // datagrams come twice, one of them late
	truncate  int           // of a hundred messages, those that end in their middle
	forge     int           // of a hundred messages, those whose bits are flipped, or that another one comes before
}

// faultyWay stands before one instance, with faults that can be changed.
type faultyWay struct {
	c   *cluster
	to  string
	udp net.PacketConn

	mu     sync.Mutex
	faults faults
	done   int // faults, by now
}

func (f *faultyWay) set(now faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = now
}

func (f *faultyWay) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// now are the faults for one message: those with a chance are 100 or 0.
func (f *faultyWay) now() faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.faults
	for _, chance := range []*int{&one.truncate, &one.forge} {
		if *chance > rand.IntN(100) {
			*chance = 100
			f.done++
		} else {
			*chance = 0
		}
	}
	if one.delay > 0 || one.duplicate {
		f.done++
	}
	return one
}

// newFaultyWay listens at the cluster's address.
func newFaultyWay(c *cluster, to string) *faultyWay {
	c.w.t.Helper()
	tcp, udp := c.space.listen(c.space.at(dnsN))
	f := &faultyWay{c: c, to: to, udp: udp}
	go f.accept(tcp)
	go f.forward()
	return f
}

func (f *faultyWay) accept(ln net.Listener) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return // the test is over
		}
		go func() {
			defer in.Close()
			out, err := f.c.space.dialWithin(dialTime, "tcp", f.to)
			if err != nil {
				return
			}
			defer out.Close()
			done := make(chan struct{}, 2)
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					f.carry(way[1], way[0])
					done <- struct{}{}
				}()
			}
			<-done
		}()
	}
}

// late is what goes on at some time.
type late struct {
	at   time.Time
	data []byte
	last bool // the connection ends with it
}

// carry carries messages of TCP one way, message by message, each of them late.
func (f *faultyWay) carry(to io.Writer, from io.Reader) {
	queue := make(chan late, 1024)
	go func() {
		defer close(queue)
		for {
			m, err := readMessage(from)
			if err != nil {
				return
			}
			now := f.now()
			one := late{at: time.Now().Add(now.delay), data: m}
			if now.forge > 0 {
				m[2+rand.IntN(len(m)-2)] ^= 1 << rand.IntN(8) // the length stays, so that the others arrive
			}
			if now.truncate > 0 {
				one.data, one.last = m[:rand.IntN(len(m))], true
			}
			queue <- one
			if one.last {
				return
			}
		}
	}()
	for one := range queue {
		wait(one.at)
		if _, err := to.Write(one.data); err != nil || one.last {
			break
		}
	}
	for range queue { // until the reader has ended
	}
}

// wait waits until a moment.
func wait(until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	<-timer.C
}

// readMessage reads one message of DNS with its length (RFC 1035 §4.2.2).
func readMessage(from io.Reader) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	m := make([]byte, 2+int(binary.BigEndian.Uint16(head)))
	if len(m) < 14 {
		return nil, errors.New("shorter than a header")
	}
	copy(m, head)
	_, err := io.ReadFull(from, m[2:])
	return m, err
}

// forward carries datagrams, each in a flow of its own.
func (f *faultyWay) forward() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := f.udp.ReadFrom(buf)
		if err != nil {
			return // the test is over
		}
		question := append([]byte(nil), buf[:n]...)
		times := 1
		now := f.now()
		if now.duplicate {
			times = 2
		}
		for i := range times {
			go f.exchange(question, from, now, time.Duration(i)*30*time.Millisecond)
		}
	}
}

// exchange asks for one datagram and carries the answer back.
func (f *faultyWay) exchange(question []byte, from net.Addr, now faults, more time.Duration) {
	wait(time.Now().Add(now.delay + more))
	conn, err := f.c.space.dialWithin(dialTime, "udp", f.to)
	if err != nil {
		return
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(answerTime)) != nil {
		return
	}
	if _, err := conn.Write(question); err != nil {
		return
	}
	buf := make([]byte, 64<<10)
	n, err := conn.Read(buf)
	if err != nil || n < 12 {
		return
	}
	answer := buf[:n]
	wait(time.Now().Add(now.delay))
	if now.forge > 0 { // somebody who does not see the question, and is faster
		forged := append([]byte(nil), answer...)
		forged[0] ^= byte(1 + rand.IntN(255))
		_, _ = f.udp.WriteTo(forged, from)
	}
	if now.truncate > 0 {
		answer[2] |= 2 // TC
		answer = answer[:12+(n-12)/2]
	}
	_, _ = f.udp.WriteTo(answer, from) // lost, as datagrams are
}
