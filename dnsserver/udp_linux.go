// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize  = 32
	readSize   = 65535 // updates with long keys and data are large
	answerSize = udpSize + 256
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// datagram is the memory of one message and the answer to it, without pointers.
// The answer goes to the name it came from, with the control data it came with,
// so that it leaves from the address that was asked.
type datagram struct {
	_       [0]uint64 // aligns control, which the kernel fills with structures
	control [64]byte
	name    unix.RawSockaddrInet6 // an IPv4 name is shorter
	out     [answerSize]byte
	in      [readSize]byte
}

// batch reads and writes many datagrams with one system call. It belongs to one
// goroutine. Memory that no datagram was long enough to reach is never touched.
type batch struct {
	raw     syscall.RawConn
	data    *[batchSize]datagram
	in, out [batchSize]mmsghdr
	inVec   [batchSize]unix.Iovec
	outVec  [batchSize]unix.Iovec

	receive, send func(fd uintptr) bool // kept, so that a call does not allocate
	got, pending  int
	sent          int
	errno         syscall.Errno
	pace          pace
}

func newBatch(conn *net.UDPConn) (*batch, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{raw: raw, data: new([batchSize]datagram)}
	for i := range b.data {
		d, h := &b.data[i], &b.in[i].hdr
		b.inVec[i].Base = &d.in[0]
		b.inVec[i].SetLen(readSize)
		h.Iov = &b.inVec[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&d.name))
		h.Control = &d.control[0]
	}
	b.receive, b.send = b.recvmmsg, b.sendmmsg
	return b, nil
}

// read waits for datagrams and gives how many came.
func (b *batch) read() (int, error) {
	b.pending = 0
	if b.pace.lingers(b.got, time.Now) {
		linger()
	}
	for i := range b.data {
		b.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
		b.in[i].hdr.SetControllen(len(b.data[i].control))
	}
	if err := b.raw.Read(b.receive); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, b.errno
	}
	for i := range b.got {
		b.fromAddressAsked(i)
	}
	return b.got, nil
}

// recvmmsg never blocks, nor does sendmmsg: the scheduler need not be told of a
// system call, and does not take the processor away while one is at work.
func (b *batch) recvmmsg(fd uintptr) bool {
	n, errno := mmsg(unix.SYS_RECVMMSG, fd, &b.in[0], batchSize)
	b.got, b.errno = n, errno
	if errno == unix.EAGAIN {
		b.pace.empty()
		return false
	}
	return true
}

func mmsg(call, fd uintptr, first *mmsghdr, count int) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(first)), uintptr(count), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// fromAddressAsked turns what the kernel told of the arrival of message i into
// an order to send from there: the address stays, the interface is forgotten,
// because the way back may be another one. Link-local addresses need it.
func (b *batch) fromAddressAsked(i int) {
	d := &b.data[i]
	if b.in[i].hdr.Controllen < unix.SizeofCmsghdr {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&d.control[0]))
	data := d.control[unix.CmsgLen(0):]
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO: // ifindex, spec_dst, addr
		clear(data[:4])
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO: // addr, ifindex
		if linkLocal := data[0] == 0xFE && data[1]&0xC0 == 0x80; !linkLocal {
			clear(data[16:20])
		}
	}
}

func (b *batch) message(i int) []byte { return b.data[i].in[:b.in[i].len] }

func (b *batch) room(i int) []byte { return b.data[i].out[:0] }

func (b *batch) answer(i int, out []byte) {
	h, v := &b.out[b.pending].hdr, &b.outVec[b.pending]
	v.Base = &out[0]
	v.SetLen(len(out))
	*h = b.in[i].hdr
	h.Iov, h.Flags = v, 0
	if h.Controllen == 0 {
		h.Control = nil
	}
	b.pending++
}

// flush sends the answers that were kept. An answer that the kernel refuses is
// counted and left out.
func (b *batch) flush() (failed int, err error) {
	for b.sent = 0; b.sent < b.pending; {
		if err := b.raw.Write(b.send); err != nil {
			return failed, err
		}
		if b.errno != 0 {
			failed++
			b.sent++
		}
	}
	b.pending = 0
	return failed, nil
}

func (b *batch) sendmmsg(fd uintptr) bool {
	n, errno := mmsg(unix.SYS_SENDMMSG, fd, &b.out[b.sent], b.pending-b.sent)
	b.errno = errno
	b.sent += n
	return errno != unix.EAGAIN
}

func (b *batch) from(i int) netip.Addr {
	d := &b.data[i]
	if d.name.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&d.name)).Addr)
	}
	return netip.AddrFrom16(d.name.Addr)
}

func (b *batch) sender(i int) (netip.AddrPort, []byte) {
	d := &b.data[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&d.name.Port))[:])
	control := append([]byte(nil), d.control[:b.in[i].hdr.Controllen]...)
	if d.name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&d.name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port), control
	}
	addr := netip.AddrFrom16(d.name.Addr)
	if d.name.Scope_id != 0 {
		addr = addr.WithZone(strconv.FormatUint(uint64(d.name.Scope_id), 10))
	}
	return netip.AddrPortFrom(addr, port), control
}
