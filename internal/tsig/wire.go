// SPDX-License-Identifier: Apache-2.0

package tsig

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// Record is what a TSIG record says (RFC 8945 §4.2), with its names as they stand on the
// wire. It is for those who read messages with a parser of their own, as the exchange
// between clusters does; everybody else uses [Verify] and [Request].
type Record struct {
	Key, Alg string // names in wire form: uncompressed, in lower case, with the root label
	Time     uint64 // seconds; 48 bits on the wire
	Fudge    uint16
	MAC      []byte
	ID       uint16 // of the original message
	Code     uint16 // TSIG error
	Other    []byte
}

// ReadData takes what stands behind the algorithm's name in the RDATA; false: it is
// malformed. MAC and Other point into data.
func (r *Record) ReadData(data []byte) bool {
	if len(data) < 10 {
		return false
	}
	r.Time = uint64(binary.BigEndian.Uint16(data))<<32 | uint64(binary.BigEndian.Uint32(data[2:]))
	r.Fudge = binary.BigEndian.Uint16(data[6:])
	n := 10 + int(binary.BigEndian.Uint16(data[8:]))
	if n+6 > len(data) {
		return false
	}
	r.MAC = data[10:n]
	r.ID, r.Code = binary.BigEndian.Uint16(data[n:]), binary.BigEndian.Uint16(data[n+2:])
	r.Other = data[n+6:]
	return len(r.Other) == int(binary.BigEndian.Uint16(data[n+4:]))
}

// AppendTo adds the record to a finished message and counts it.
func (r *Record) AppendTo(msg []byte) []byte {
	msg = append(msg, r.Key...)
	msg = binary.BigEndian.AppendUint16(msg, dns.TypeTSIG)
	msg = binary.BigEndian.AppendUint16(msg, dns.ClassANY)
	msg = append(msg, 0, 0, 0, 0)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.Alg)+16+len(r.MAC)+len(r.Other)))
	msg = append(msg, r.Alg...)
	msg = r.appendTimers(msg)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.MAC)))
	msg = append(msg, r.MAC...)
	msg = binary.BigEndian.AppendUint16(msg, r.ID)
	msg = binary.BigEndian.AppendUint16(msg, r.Code)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(r.Other)))
	msg = append(msg, r.Other...)
	n := msg[10:]
	binary.BigEndian.PutUint16(n, binary.BigEndian.Uint16(n)+1)
	return msg
}

func (r *Record) appendTimers(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.Time>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Time))
	return binary.BigEndian.AppendUint16(b, r.Fudge)
}

// Digest gives what the MAC covers (RFC 8945 §4.3): the MAC before, unsigned messages
// since then, the message without its TSIG, and the variables, of which messages
// after the first of an answer carry only the timers (§5.3.1).
func (r *Record) Digest(prior, pending, msg []byte, timersOnly bool) []byte {
	b := make([]byte, 0, 2+len(prior)+len(pending)+len(msg)+len(r.Key)+len(r.Alg)+len(r.Other)+18)
	if prior != nil {
		b = binary.BigEndian.AppendUint16(b, uint16(len(prior)))
		b = append(b, prior...)
	}
	b = append(b, pending...)
	b = append(b, msg...)
	if timersOnly {
		return r.appendTimers(b)
	}
	b = append(b, r.Key...)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = append(b, 0, 0, 0, 0)
	b = append(b, r.Alg...)
	b = r.appendTimers(b)
	b = binary.BigEndian.AppendUint16(b, r.Code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Other)))
	return append(b, r.Other...)
}
