// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/strategies"
)

const (
	// toQuestion is a compression pointer to the name in the question, which
	// follows the header: the owner of every record that we answer for it.
	toQuestion = pointerBits | headerSize
	headerSize = 12

	pointerBits = 0xC000
	maxPointer  = 0x3FFF // how far a pointer reaches into a message

	// maxSection bounds an answer section, so that it fits into any message
	// with the longest name and an OPT record.
	maxSection = 65535 - headerSize - (MaxName + 4) - 64
)

// rrset holds the packed addresses of a host in one family. All shares have
// the same TTL (RFC 2181 §5.2).
type rrset struct {
	rrtype uint16
	size   int    // octets of the record of one address
	sum    uint32 // of all weights
	shares []share
}

// share is one of the answers that are drawn. Its records are packed one after
// the other, the first of them once more at the end, so that a window of the
// ring gives every rotation.
type share struct {
	until   uint32 // weights of this and the shares before
	n       uint32 // records
	window  uint32 // records in one answer
	size    uint32 // octets of one record
	target  string // of a CNAME, which is the only record then; "": addresses
	ring    []byte
	tallies []*Tally // by where in the ring an answer begins; one: it makes no difference
}

// usual is the rrset of a host with one share of up to four IPv4 addresses, in one
// piece of memory: what was not asked for lately is not in the processor's caches,
// and each piece would be waited for after the other. Others keep their pieces outside.
type usual struct {
	set   rrset
	share [1]share
	tally [1]*Tally
	ring  [(4 + 3) * 16]byte
}

// packAddrs packs what a decision gives for a family; nil if that is nothing.
func packAddrs(d *strategies.Decision, v4 bool, ttl uint32, counts *tallier) *rrset {
	drawn := d.Shares(v4)
	if len(drawn) == 0 {
		return nil
	}
	u := &usual{}
	s := &u.set
	s.rrtype, s.size, s.shares = dns.TypeAAAA, 28, u.share[:0]
	if v4 {
		s.rrtype, s.size = dns.TypeA, 16
	}
	for _, sh := range drawn {
		s.sum += sh.Weight
		if sh.Target != "" {
			s.shares = append(s.shares, packAlias(sh, s.sum, d.Answers[sh.Answer].Clusters, ttl, counts))
			continue
		}
		n := len(sh.Addrs)
		window := min(n, maxSection/s.size)
		if d.Max > 0 {
			window = min(window, int(d.Max))
		}
		ring, tallies := u.ring[:0], counts.share(sh.Addrs, window)
		if size := (n + window - 1) * s.size; len(drawn) > 1 || size > cap(ring) {
			ring = make([]byte, 0, size)
		}
		if len(drawn) == 1 && len(tallies) == 1 {
			tallies = append(u.tally[:0], tallies[0])
		}
		for i := range n + window - 1 {
			ring = appendAddr(ring, s.rrtype, ttl, sh.Addrs[i%n])
		}
		s.shares = append(s.shares, share{until: s.sum, n: uint32(n), window: uint32(window), size: uint32(s.size), ring: ring, tallies: tallies})
	}
	return s
}

func appendAddr(b []byte, rrtype uint16, ttl uint32, addr netip.Addr) []byte {
	b = appendFixed(b, rrtype, ttl)
	if rrtype == dns.TypeA {
		ip := addr.As4()
		return append(append(b, 0, 4), ip[:]...)
	}
	ip := addr.As16()
	return append(append(b, 0, 16), ip[:]...)
}

// appendFixed writes owner, type, class and TTL of a record whose owner is the
// name in the question.
func appendFixed(b []byte, rrtype uint16, ttl uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, toQuestion)
	b = binary.BigEndian.AppendUint16(b, rrtype)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	return binary.BigEndian.AppendUint32(b, ttl)
}

// append draws an answer and appends its records. The upper half of draw picks
// the share, the lower half where in the ring to begin. It also gives where that
// answer is counted.
func (s *rrset) append(msg []byte, draw uint64) ([]byte, int, *Tally) {
	sh := &s.shares[0]
	if len(s.shares) > 1 {
		x := uint32(draw >> 32 * uint64(s.sum) >> 32)
		for i := 1; x >= sh.until; i++ {
			sh = &s.shares[i]
		}
	}
	first := int(draw & 0xFFFFFFFF * uint64(sh.n) >> 32)
	count := sh.tallies[0]
	if len(sh.tallies) > 1 {
		count = sh.tallies[first]
	}
	at := first * int(sh.size)
	return append(msg, sh.ring[at:at+int(sh.window)*int(sh.size)]...), int(sh.window), count
}

// addrs gives the addresses of a share, each once.
func (s *rrset) addrs(sh *share) []netip.Addr {
	if sh.target != "" {
		return nil
	}
	out := make([]netip.Addr, sh.n)
	for i := range out {
		out[i], _ = netip.AddrFromSlice(sh.ring[i*s.size+12 : (i+1)*s.size]) // 4 or 16 octets, as it was packed
	}
	return out
}

func (s *rrset) ttl() uint32 { return binary.BigEndian.Uint32(s.shares[0].ring[6:]) }
