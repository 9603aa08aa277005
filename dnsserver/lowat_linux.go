// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"net"

	"golang.org/x/sys/unix"
)

// setLowWater makes the system wake the reader of a connection when so many octets have
// come, or its end. What has come is read in any case.
func setLowWater(raw net.Conn, octets int) {
	conn, ok := raw.(*net.TCPConn)
	if !ok {
		return
	}
	sys, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = sys.Control(func(fd uintptr) { // without it, it wakes for every octet
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, octets)
	})
}
