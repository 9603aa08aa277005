// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package dnsserver

import (
	"net"
	"net/netip"
)

// batch reads and writes one datagram at a time. Answers of a socket that
// listens on all addresses leave from the one that the kernel chooses.
type batch struct {
	conn *net.UDPConn
	in   [65535]byte
	out  [udpSize + 256]byte
	n    int
	peer netip.AddrPort
	kept []byte
}

func newBatch(conn *net.UDPConn) (*batch, error) { return &batch{conn: conn}, nil }

func (b *batch) read() (int, error) {
	var err error
	if b.n, b.peer, err = b.conn.ReadFromUDPAddrPort(b.in[:]); err != nil {
		return 0, err
	}
	return 1, nil
}

func (b *batch) message(int) []byte { return b.in[:b.n] }

func (b *batch) room(int) []byte { return b.out[:0] }

func (b *batch) answer(_ int, out []byte) { b.kept = out }

func (b *batch) flush() (failed int, err error) {
	if b.kept == nil {
		return 0, nil
	}
	_, err = b.conn.WriteToUDPAddrPort(b.kept, b.peer)
	b.kept = nil
	if err != nil {
		failed = 1
	}
	return failed, err
}

func (b *batch) sender(int) (netip.AddrPort, []byte) { return b.peer, nil }

func (b *batch) from(int) netip.Addr { return b.peer.Addr() }
