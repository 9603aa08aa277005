// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"
	"math"

	"github.com/miekg/dns"
)

// HasAdditional reports that records may belong into the additional section.
func (f *Found) HasAdditional() bool { return f.adds }

// AppendAdditional appends addresses of the names to which the records of the
// answer or the referral lead, as far as they lie in zones of ours, and counts
// them. The message may grow to limit octets of msg. Addresses that do not fit
// are left out, RRset by RRset (RFC 2181 §9). Without those of name servers of a
// delegation whose names lie below it nobody could follow the referral: if they
// do not fit, whole is false and the answer is truncated (RFC 9471 §3).
func (f *Found) AppendAdditional(msg []byte, limit int, draw uint64) (out []byte, n int, whole bool) {
	of := f.run
	if f.cut != nil {
		of = f.cut.ns
	}
	for i := range of.targets {
		tg := &of.targets[i]
		if !f.needs(tg) {
			continue
		}
		var k int
		if msg, k = f.appendAddrs(msg, of, tg, math.MaxInt, &draw); len(msg) > limit {
			return msg, n, false
		}
		n += k
	}
	for i := range of.targets {
		tg := &of.targets[i]
		if f.needs(tg) {
			continue
		}
		var k int
		msg, k = f.appendAddrs(msg, of, tg, limit, &draw)
		n += k
	}
	return msg, n, true
}

// needs reports that a referral is of no use without the addresses of a name.
func (f *Found) needs(tg *target) bool { return f.cut != nil && under(tg.name, f.cut.key) }

// appendAddrs appends the addresses of one name as far as they fit.
func (f *Found) appendAddrs(msg []byte, of *packed, tg *target, limit int, draw *uint64) ([]byte, int) {
	node, owner := f.node, int(f.owner)
	if tg.name != nil {
		node, owner = f.table.index.get(tg.name), int(f.extraAt)+tg.at
		if node == f.node && f.source == 0 && of.leadsToOwner() {
			return msg, 0 // the same addresses once more
		}
	}
	// What lies below a delegation is not ours to tell, except as glue.
	if node == nil || owner > maxPointer || node.cut != nil && f.cut == nil {
		return msg, 0
	}
	count := 0
	for _, rrtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		before, n := len(msg), 0
		if s := node.set(rrtype); s != nil {
			*draw = remix(*draw)
			msg, n, _ = s.append(msg, *draw)
			s.own(msg[before:], n, owner)
		} else if p := node.run(rrtype); p != nil {
			msg, n = p.append(msg, owner, 0)
		}
		if len(msg) > limit {
			return msg[:before], count
		}
		count += n
	}
	return msg, count
}

// own makes n records, appended by append, belong to the name at an offset of
// the message instead of the one in the question.
func (s *rrset) own(records []byte, n, owner int) {
	for i := range n {
		binary.BigEndian.PutUint16(records[i*s.size:], uint16(pointerBits|owner))
	}
}

// remix gives another uniform number from one (the finalizer of SplitMix64).
func remix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
