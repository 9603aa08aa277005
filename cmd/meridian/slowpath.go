// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// slowPath leads to the exchange once there is one: sockets are bound before the
// identity of the cluster is known.
type slowPath struct {
	to atomic.Pointer[dnsserver.SlowPath]
}

// lead sets where messages go.
func (s *slowPath) lead(to dnsserver.SlowPath) { s.to.Store(&to) }

// ServeSlow hands a message on; until there is somewhere, it is nobody's.
func (s *slowPath) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	to := s.to.Load()
	return to != nil && (*to).ServeSlow(ctx, msg, from, tcp, reply)
}
