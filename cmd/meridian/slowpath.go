// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// place is where in the chain of the slow path a part stands.
type place int

// The chain, in order. Each link takes what is its own: by the name that is asked
// for, by the opcode, by the key that signed. What no link takes is answered by
// the DNS server as if there were none: REFUSED, or NOTAUTH with BADKEY.
const (
	placeExchange place = iota // report zones, for other clusters
	placeUpdate                // RFC 2136 on our zones
	placeZoneOut               // transfers of our zones, and whatever else their keys sign
	places
)

// slowPath is a chain whose links come when they are there: sockets are bound
// before the identity of the cluster is known.
type slowPath struct {
	links [places]atomic.Pointer[dnsserver.SlowPath]
}

// lead sets what takes messages at a place.
func (s *slowPath) lead(at place, to dnsserver.SlowPath) { s.links[at].Store(&to) }

// ServeSlow offers a message to each link in turn.
func (s *slowPath) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	for i := range s.links {
		if to := s.links[i].Load(); to != nil && (*to).ServeSlow(ctx, msg, from, tcp, reply) {
			return true
		}
	}
	return false
}
