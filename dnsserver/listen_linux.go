// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// receiveBuffer holds the queries that wait: enough for a burst, not so much
// that after a flood old ones are answered that nobody waits for any more.
const receiveBuffer = 1 << 20

// sharing gives how many sockets can share an address.
func sharing(n int) int { return n }

// prepareUDP sets a socket up before it is bound: it shares its address with
// its siblings, does not believe anybody's word about the path's MTU (RFC 9715
// §3.1), and, when it listens on all addresses, tells which one was asked.
func prepareUDP(raw syscall.RawConn, addr netip.Addr) error {
	var err error
	set := func(fd uintptr, level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(int(fd), level, option, value)
		}
	}
	ctlErr := raw.Control(func(fd uintptr) {
		set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		set(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		if addr.Is4() {
			set(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
		} else {
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
		}
		switch {
		case !addr.IsUnspecified():
		case addr.Is4():
			set(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		default:
			set(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	return errors.Join(ctlErr, err)
}
