// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	header     = 12
	maxMessage = 65535
	// fullMessage is how long the messages of a transfer get: a compression pointer
	// reaches 16 KiB (RFC 1035 §4.1.4), and what is longer saves nothing more. One
	// record may be longer.
	fullMessage = 32 << 10
	maxPointer  = 0x3FFF
	optSize     = 11
	udpSize     = 1232 // what we take over UDP, stated in OPT (RFC 9715 §3)
)

// message is an answer that is being packed. The zero value is of no use.
type message struct {
	buf     []byte
	names   map[string]int // where a name, or the end of one, stands
	answers int
	free    int // octets that what follows the answers will take
}

// begin starts an answer to a request over the bytes of the one before.
func (m *message) begin(r *request, rcode int, question bool) {
	flags := byte(0x80 | r.opcode<<3)
	if rcode == dns.RcodeSuccess {
		flags |= 0x04 // AA
	}
	if r.rd && r.opcode == dns.OpcodeQuery {
		flags |= 0x01
	}
	m.buf = append(m.buf[:0], r.msg[0], r.msg[1], flags, byte(rcode&0xF), 0, 0, 0, 0, 0, 0, 0, 0)
	m.answers = 0
	if m.names == nil {
		m.names = make(map[string]int)
	}
	clear(m.names)
	if question {
		m.buf[5] = 1
		m.buf = append(m.buf, r.question...)
		m.known(r.qname, header)
	}
}

// known notes where the ends of a name stand that begins at an offset.
func (m *message) known(name string, at int) {
	for len(name) > 1 && at <= maxPointer {
		if _, ok := m.names[name]; !ok {
			m.names[name] = at
		}
		n := 1 + int(name[0])
		name, at = name[n:], at+n
	}
}

// fits reports that a record has room in a message that should not exceed a
// length; the first one always has.
func (m *message) fits(r *record) bool {
	return m.answers == 0 || len(m.buf)+len(r.owner)+10+len(r.data)+m.free <= fullMessage
}

// add appends a record; false: it does not fit in any message.
func (m *message) add(r *record) bool {
	if len(m.buf)+len(r.owner)+10+len(r.data)+m.free > maxMessage {
		return false
	}
	m.name(r.owner)
	m.buf = binary.BigEndian.AppendUint16(m.buf, r.typ)
	m.buf = binary.BigEndian.AppendUint16(m.buf, dns.ClassINET)
	m.buf = binary.BigEndian.AppendUint32(m.buf, r.ttl)
	at := len(m.buf)
	m.buf = append(m.buf, 0, 0)
	m.data(r)
	binary.BigEndian.PutUint16(m.buf[at:], uint16(len(m.buf)-at-2))
	m.answers++
	return true
}

// data appends RDATA, its names compressed if the type is one of RFC 1035, whose
// names everybody expects to be (RFC 3597 §4).
func (m *message) data(r *record) {
	rest := r.data
	switch r.typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR:
		rest = rest[m.name(wireName(rest)):]
	case dns.TypeMX:
		m.buf = append(m.buf, rest[:2]...)
		rest = rest[2:]
		rest = rest[m.name(wireName(rest)):]
	case dns.TypeSOA:
		rest = rest[m.name(wireName(rest)):]
		rest = rest[m.name(wireName(rest)):]
	}
	m.buf = append(m.buf, rest...)
}

// wireName gives the name that begins b.
func wireName(b []byte) string { return string(b[:nameEnd(b)]) }

// name appends a name, compressed, and gives how long it was.
func (m *message) name(name string) int {
	n := len(name)
	for len(name) > 1 {
		if at, ok := m.names[name]; ok {
			m.buf = binary.BigEndian.AppendUint16(m.buf, uint16(0xC000|at))
			return n
		}
		if at := len(m.buf); at <= maxPointer {
			m.names[name] = at
		}
		end := 1 + int(name[0])
		m.buf = append(m.buf, name[:end]...)
		name = name[end:]
	}
	m.buf = append(m.buf, 0)
	return n
}

// finish writes the counts, and the OPT record if one is due.
func (m *message) finish(opt bool, rcode int, do bool) []byte {
	binary.BigEndian.PutUint16(m.buf[6:], uint16(m.answers))
	if !opt {
		return m.buf
	}
	m.buf[11] = 1
	flags := byte(0)
	if do {
		flags = 0x80
	}
	return append(m.buf, 0, 0, byte(dns.TypeOPT), udpSize>>8, udpSize&0xFF, byte(rcode>>4), 0, flags, 0, 0, 0)
}
