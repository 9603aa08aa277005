// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// Classes of responses, each with a rate of its own, so that a flood of one
// kind does not cost a network the others.
type class uint8

const (
	classAnswer class = iota
	classLarge        // answers of more octets than fit without EDNS
	classNoData
	classNXDomain
	classError
)

// Shape of the table of a rateLimiter. A slot is one word: a tag of its key and
// the time up to which its rate is used.
const (
	rateSets   = 1 << 14
	rateWays   = 4
	rateBits   = 40 // of a time
	rateTick   = 64 // nanoseconds; 40 bits of them are 19 hours
	rateSecond = int64(time.Second) / rateTick
	rateMask   = 1<<rateBits - 1
	// MaxRateLimit is the highest rate that can be told from none.
	MaxRateLimit = 1_000_000
)

// rateLimiter bounds the responses to one network (a /24 of IPv4, a /56 of IPv6)
// in each class, by the generic cell rate algorithm: rate responses a second,
// and as many at once after a quiet second. Its memory is fixed: in a full set
// the slot whose network has used the least is given away, so that many senders
// make it forget the small ones, not the large. It has no lock. Safe for
// concurrent use.
type rateLimiter struct {
	key   secret
	cost  int64 // ticks that one response uses
	start time.Time
	sets  [rateSets][rateWays]atomic.Uint64
}

// newRateLimiter limits to rate responses a second, 1 to MaxRateLimit.
func newRateLimiter(rate int, seed uint64) *rateLimiter {
	return &rateLimiter{key: secret{seed, ^seed}, cost: rateSecond / int64(rate), start: time.Now()}
}

// tick gives the time for allow.
func (l *rateLimiter) tick() int64 { return int64(time.Since(l.start)) / rateTick }

// allow counts one response to an address, and reports that it is within the
// rate. It does not allocate.
func (l *rateLimiter) allow(to netip.Addr, c class, now int64) bool {
	h := l.hash(to, c)
	set, tag := &l.sets[h%rateSets], h>>rateBits|1
	for {
		least, used := 0, int64(0)
		for i := range set {
			v := set[i].Load()
			u := ahead(v, now)
			if v>>rateBits != tag {
				if i == 0 || u < used {
					least, used = i, u
				}
				continue
			}
			if u+l.cost > rateSecond {
				return false
			}
			if set[i].CompareAndSwap(v, pack(tag, now+u+l.cost)) {
				return true
			}
			least = -1 // another processor was here: look again
			break
		}
		if least < 0 {
			continue
		}
		v := set[least].Load()
		if v>>rateBits != tag && set[least].CompareAndSwap(v, pack(tag, now+l.cost)) {
			return true
		}
	}
}

// ahead gives how many ticks after now a slot's rate is used up to. What cannot
// be, because the times have come round since, is 0.
func ahead(v uint64, now int64) int64 {
	u := int64((v-uint64(now))<<(64-rateBits)) >> (64 - rateBits)
	if u < 0 || u > rateSecond {
		return 0
	}
	return u
}

func pack(tag uint64, until int64) uint64 { return tag<<rateBits | uint64(until)&rateMask }

// hash gives the place and tag of a network and class, which nobody outside can
// foresee.
func (l *rateLimiter) hash(to netip.Addr, c class) uint64 {
	var in [9]byte
	if to = to.Unmap(); to.Is4() {
		ip := to.As4()
		copy(in[:], ip[:3])
		in[7] = 4
	} else {
		ip := to.As16()
		copy(in[:], ip[:7])
		in[7] = 6
	}
	in[8] = byte(c)
	return siphash.Hash(l.key.k0, l.key.k1, in[:])
}

// classOf gives the class of an answer from the table.
func classOf(k answers.Kind, octets int) class {
	switch {
	case octets > plainSize:
		return classLarge
	case k == answers.NXDomain:
		return classNXDomain
	case k == answers.NoData:
		return classNoData
	}
	return classAnswer
}

// slips counts out the responses that slip: one in every slip, none for 0.
type slips struct{ slip, turn uint32 }

func (s *slips) next() bool {
	if s.slip == 0 {
		return false
	}
	s.turn++
	return s.turn%s.slip == 0
}

// prefix gives the network by which TCP clients are counted: an IPv4 address, or
// the /64 of an IPv6 address.
func prefix(a netip.Addr) [8]byte {
	var out [8]byte
	if a = a.Unmap(); a.Is4() {
		ip := a.As4()
		binary.BigEndian.PutUint16(out[:], 0xFFFF)
		copy(out[4:], ip[:])
		return out
	}
	ip := a.As16()
	copy(out[:], ip[:8])
	return out
}
