// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// badKey answers a signed message that nobody here has a key for: NOTAUTH, with
// an unsigned TSIG record that says BADKEY (RFC 8945 §5.2.1, §5.3.2).
func (r *responder) badKey(out, msg []byte, tcp bool) []byte {
	key, rdata, ok := tsigOf(msg, r.q.tsig)
	if !ok {
		return r.refuse(out, msg, tcp, dns.RcodeFormatError, noEDE)
	}
	if r.limited && r.over(classError) {
		return r.tooMany(out, msg, 0, dns.RcodeNotAuth)
	}
	head := len(out)
	out = r.bare(out, msg, tcp, 0, dns.RcodeNotAuth, noEDE)
	out = append(out, key...)
	out = binary.BigEndian.AppendUint16(out, dns.TypeTSIG)
	out = binary.BigEndian.AppendUint16(out, dns.ClassANY)
	out = append(out, 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(rdata)+8))
	out = append(out, rdata...)
	out = append(out, 0, 0, msg[0], msg[1]) // no MAC; original ID
	out = binary.BigEndian.AppendUint16(out, dns.RcodeBadKey)
	out = append(out, 0, 0) // no other data
	out[head+11]++
	return out
}

// foreignKey reports that a message is signed with a key that the slow path does not have:
// to find that out must not cost more than an answer. A name that is not written out
// (RFC 8945 §4.2 wants it plain) is for the slow path to judge.
func (r *responder) foreignKey(msg []byte) bool {
	if r.knowsKey == nil || r.q.tsig == 0 {
		return false
	}
	end := plainName(msg, r.q.tsig)
	if end < 0 {
		return false
	}
	r.key = append(r.key[:0], msg[r.q.tsig:end]...)
	for i, c := range r.key { // lengths of labels are less than letters
		if c-'A' < 26 {
			r.key[i] = c + 'a' - 'A'
		}
	}
	return !r.knowsKey(r.key)
}

// tsigOf gives the key name of a TSIG record, and its RDATA up to the fudge:
// algorithm, time signed and fudge, which an answer repeats. Names in it are
// not compressed (RFC 8945 §4.2).
func tsigOf(msg []byte, at int) (key, rdata []byte, ok bool) {
	end := plainName(msg, at)
	if end < 0 {
		return nil, nil, false
	}
	key, rdata = msg[at:end], msg[end+10:]
	alg := plainName(rdata, 0)
	if alg < 0 || alg+8 > len(rdata) {
		return nil, nil, false
	}
	return key, rdata[:alg+8], true
}

// plainName gives the offset after an uncompressed name; -1 if it is none.
func plainName(b []byte, at int) int {
	for start := at; at < len(b) && at-start < answers.MaxName; {
		switch l := int(b[at]); {
		case l == 0:
			return at + 1
		case l > 63:
			return -1
		default:
			at += 1 + l
		}
	}
	return -1
}
