// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Without a base address, clusters get networks that no other process of ours
// uses: blocks of eight /24, from 127.64.0.0 to 127.191.255.255.
const (
	blockSize  = 8
	firstOctet = 64
	blocks     = 128 * 256 / blockSize
	claimPort  = 6443
)

// A claim keeps a block of networks for this process, by listening on its first
// address (a network address, which no cluster uses). It ends with the process,
// however that ends.
type claim struct {
	base     netip.Addr
	listener net.Listener
}

// claimBlock finds a block for so many clusters. It begins at a place that
// depends on seed (the process id), so that processes seldom meet.
func claimBlock(clusters, seed int) (*claim, error) {
	if clusters > blockSize {
		return nil, fmt.Errorf("%d clusters do not fit into a block of %d networks; set Config.Base", clusters, blockSize)
	}
	var last error
	for i := range blocks {
		base := blockBase((seed*61 + i) % blocks) // 61: neighbours in time are not neighbours in space
		listener, err := net.Listen("tcp", net.JoinHostPort(base.String(), strconv.Itoa(claimPort)))
		if err == nil {
			return &claim{base: base, listener: listener}, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no unused loopback network from 127.%d.0.0 on: %w", firstOctet, last)
}

func blockBase(block int) netip.Addr {
	third := block * blockSize
	return netip.AddrFrom4([4]byte{127, byte(firstOctet + third/256), byte(third % 256), 0})
}

// release gives the block back. A nil claim is fine.
func (c *claim) release() {
	if c != nil {
		_ = c.listener.Close() // there is nothing to do about an error
	}
}
