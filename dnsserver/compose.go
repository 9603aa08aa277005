// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// counts of records, by section.
type counts struct{ an, ns, ar int }

// sections appends what was found, up to an end in octets. If what matters does
// not fit, whole is false and nothing is appended.
func (r *responder) sections(out []byte, f *answers.Found, end int) (_ []byte, n counts, whole bool) {
	body, draw := len(out), r.draw.Uint64()
	if f.Exceeds(end - body) {
		return out, n, false
	}
	out, n.an = f.AppendAnswer(out, draw)
	out, n.ns = f.AppendAuthority(out)
	whole = len(out) <= end
	if whole && f.HasAdditional() {
		out, n.ar, whole = f.AppendAdditional(out, end, draw)
	}
	if !whole {
		return out[:body], counts{}, false
	}
	return out, n, true
}

// servFail answers with a header alone, from nothing but the header of msg,
// which is whole.
func servFail(out, msg []byte) []byte {
	return append(out, msg[0], msg[1], bitQR|msg[2]&0x79, dns.RcodeServerFailure, 0, 0, 0, 0, 0, 0, 0, 0)
}

// refuse answers without records: the question as far as it was understood, and
// an OPT record if there was one.
func (r *responder) refuse(out, msg []byte, tcp bool, rcode int, ede uint16) []byte {
	if r.limited && r.over(classError) {
		return r.tooMany(out, msg, 0, rcode)
	}
	return r.bare(out, msg, tcp, 0, rcode, ede)
}

// tooMany is for an answer that exceeds the rate of its network: nothing, or in
// its turn a short one. Who sent a cookie is told to come back with ours (RFC
// 7873 §5.2.3), others by TC to come over TCP.
func (r *responder) tooMany(out, msg []byte, flags byte, rcode int) []byte {
	switch {
	case !r.slips.next():
		r.count.drop(dropRateLimit)
		return out
	case r.state != cookieNone:
		flags, rcode = 0, dns.RcodeBadCookie
	}
	r.count.slipped.Add(1)
	return r.bare(out, msg, false, flags, rcode, noEDE)
}

// bare answers without records.
func (r *responder) bare(out, msg []byte, tcp bool, flags byte, rcode int, ede uint16) []byte {
	head := len(out)
	r.q.subnet = nil // of use to answers only
	out = r.begin(out, msg, flags, rcode)
	out, ar := r.appendOPT(out, head, tcp, rcode, ede)
	setCounts(out[head:], 0, 0, ar)
	r.count.query(r.q.qtype, rcode)
	return out
}

// begin appends the header without counts of records, and the question as it
// came, letter case included. Of the flags only RD is copied, and only for
// QUERY: other opcodes define the header for themselves (RFC 8906 §8.1.4).
func (r *responder) begin(out, msg []byte, flags byte, rcode int) []byte {
	q := &r.q
	flags |= bitQR | q.opcode<<3
	if q.rd && q.opcode == dns.OpcodeQuery {
		flags |= bitRD
	}
	questions := byte(0)
	if q.question > 0 {
		questions = 1
	}
	out = append(out, msg[0], msg[1], flags, byte(rcode&0xF), 0, questions, 0, 0, 0, 0, 0, 0)
	if questions == 0 {
		return out
	}
	return append(out, msg[headerSize:q.question]...)
}

func setCounts(head []byte, an, ns, ar int) {
	binary.BigEndian.PutUint16(head[6:], uint16(an))
	binary.BigEndian.PutUint16(head[8:], uint16(ns))
	binary.BigEndian.PutUint16(head[10:], uint16(ar))
}
