// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memInfo are the numbers of SO_MEMINFO (socket(7)), the last of which counts what was
// dropped.
const memInfo = 9

// queueDrops gives how many datagrams came while the queue of a socket was full: the
// system drops them, and counts.
func queueDrops(conn *net.UDPConn) uint64 {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	var info [memInfo]uint32
	size := uint32(unsafe.Sizeof(info))
	if err := raw.Control(func(fd uintptr) {
		_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			size = 0
		}
	}); err != nil || size < uint32(unsafe.Sizeof(info)) {
		return 0
	}
	return uint64(info[memInfo-1])
}
