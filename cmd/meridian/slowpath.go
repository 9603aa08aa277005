// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

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
// before the identity of the cluster is known. Until then, what may be signed waits:
// BADKEY would tell the other clusters that this one lives and has other keys, and
// so have them hold on to what it offered before it went.
type slowPath struct {
	links [places]atomic.Pointer[dnsserver.SlowPath]
	whole chan struct{} // closed when every link is there that will come
}

// startWait is how long a message waits for the chain: longer than another cluster waits
// for an answer, which then takes it for silence.
const startWait = 5 * time.Second

func newSlowPath() *slowPath { return &slowPath{whole: make(chan struct{})} }

// lead sets what takes messages at a place.
func (s *slowPath) lead(at place, to dnsserver.SlowPath) { s.links[at].Store(&to) }

// complete says that no more links come. It is called once.
func (s *slowPath) complete() { close(s.whole) }

// ServeSlow offers a message to each link in turn.
func (s *slowPath) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	if maySign(msg) && !s.wait(ctx) {
		return true // unanswered
	}
	for i := range s.links {
		if to := s.links[i].Load(); to != nil && (*to).ServeSlow(ctx, msg, from, tcp, reply) {
			return true
		}
	}
	return false
}

// wait reports that the chain is whole; it waits for that, but not for ever.
func (s *slowPath) wait(ctx context.Context) bool {
	select {
	case <-s.whole:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	select {
	case <-s.whole:
		return true
	case <-ctx.Done():
		return false
	}
}

// maySign reports that a message has additional records, of which a TSIG would be the
// last (RFC 8945 §5.1): ARCOUNT is not 0.
func maySign(msg []byte) bool { return len(msg) >= 12 && msg[10]|msg[11] != 0 }
