// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package dnsserver

import (
	"net/netip"
	"syscall"
)

// sharing gives how many sockets can share an address: other systems do not
// spread clients over them.
func sharing(int) int { return 1 }

func prepareUDP(syscall.RawConn, netip.Addr) error { return nil }
