// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// builder writes a message. Records must come section by section.
type builder struct {
	buf    []byte
	at     int    // offset of the origin within the question: owners point there
	last   string // label of the last owner
	lastAt int
}

// newBuilder begins a message with one question in wire form, whose name is the
// origin of the records or lies below it.
func newBuilder(size int, id, flags uint16, question []byte, origin name) *builder {
	b := &builder{buf: make([]byte, headerLen, size)}
	binary.BigEndian.PutUint16(b.buf, id)
	binary.BigEndian.PutUint16(b.buf[2:], flags)
	binary.BigEndian.PutUint16(b.buf[4:], 1)
	b.buf = append(b.buf, question...)
	b.at = len(b.buf) - 4 - len(origin)
	return b
}

// question gives a question in wire form.
func question(n name, qtype uint16) []byte {
	q := append(make([]byte, 0, len(n)+4), n...)
	q = binary.BigEndian.AppendUint16(q, qtype)
	return binary.BigEndian.AppendUint16(q, dns.ClassINET)
}

// begin writes owner (label below the origin, "" for the origin itself), type
// and TTL, and gives a function that closes the record after its data.
func (b *builder) begin(section int, label string, typ uint16) (end func()) {
	b.owner(label)
	b.buf = binary.BigEndian.AppendUint16(b.buf, typ)
	b.buf = binary.BigEndian.AppendUint16(b.buf, dns.ClassINET)
	b.buf = append(b.buf, 0, 0, 0, 0, 0, 0) // TTL 0, length to come
	at := len(b.buf)
	return func() {
		binary.BigEndian.PutUint16(b.buf[at-2:], uint16(len(b.buf)-at))
		n := b.buf[6+2*section:]
		binary.BigEndian.PutUint16(n, binary.BigEndian.Uint16(n)+1)
	}
}

func (b *builder) owner(label string) {
	const reach = 0x3fff // of a pointer
	switch {
	case label == "":
		b.pointer(b.at)
	case label == b.last && b.lastAt <= reach:
		b.pointer(b.lastAt)
	default:
		b.last, b.lastAt = label, len(b.buf)
		b.buf = append(b.buf, byte(len(label)))
		b.buf = append(b.buf, label...)
		b.pointer(b.at)
	}
}

func (b *builder) pointer(to int) {
	b.buf = binary.BigEndian.AppendUint16(b.buf, 0xc000|uint16(to))
}

// Timers of the SOA serve ordinary secondaries only; our readers hold.
const (
	soaRefresh = 30
	soaRetry   = 5
	soaExpire  = 300
	soaMinimum = 0
)

func (b *builder) soa(section int, s soa) {
	end := b.begin(section, "", dns.TypeSOA)
	if s.instance == "" {
		b.buf = append(b.buf, 0)
	} else {
		b.buf = append(b.buf, byte(len(s.instance)))
		b.buf = append(b.buf, s.instance...)
		b.pointer(b.at)
	}
	b.buf = append(b.buf, 0) // RNAME: nobody
	for _, v := range [...]uint32{s.serial, soaRefresh, soaRetry, soaExpire, soaMinimum} {
		b.buf = binary.BigEndian.AppendUint32(b.buf, v)
	}
	end()
}

// ns writes the NS record that says: never delegated to (RFC 9432 §4.2.1).
func (b *builder) ns() {
	end := b.begin(answerSection, "", dns.TypeNS)
	b.buf = append(b.buf, "\x07invalid\x00"...)
	end()
}

func (b *builder) txt(label string, rdata []byte) {
	end := b.begin(answerSection, label, dns.TypeTXT)
	b.buf = append(b.buf, rdata...)
	end()
}

// opt writes an OPT record; rcode is the whole code, whose high bits live here.
// An option with an empty value is left out.
func (b *builder) opt(rcode int, code uint16, value string) {
	b.buf = append(b.buf, 0)
	b.buf = binary.BigEndian.AppendUint16(b.buf, dns.TypeOPT)
	b.buf = binary.BigEndian.AppendUint16(b.buf, 1232)
	b.buf = append(b.buf, byte(rcode>>4), 0, 0, 0)
	if value == "" {
		b.buf = append(b.buf, 0, 0)
	} else {
		b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(4+len(value)))
		b.buf = binary.BigEndian.AppendUint16(b.buf, code)
		b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(len(value)))
		b.buf = append(b.buf, value...)
	}
	n := b.buf[10:]
	binary.BigEndian.PutUint16(n, binary.BigEndian.Uint16(n)+1)
}
