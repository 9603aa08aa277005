// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

const headerLen = 12

// Bits of the header's second word (RFC 1035 §4.1.1).
const (
	flagQR     = 1 << 15
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	maskOpcode = 0xf << 11
	maskRcode  = 0xf
)

// Sections of a message that hold records.
const (
	answerSection = iota
	authoritySection
	additionalSection
)

// record is one resource record of a parsed message; data points into it.
type record struct {
	section int
	owner   name
	typ     uint16
	class   uint16
	ttl     uint32
	off     int // of the record
	dataOff int
	data    []byte
}

// message is a parsed DNS message. It is our own parser because what it takes
// must be exact: counts and end are checked, TSIG and OPT stand where they
// belong, and TXT is left as octets.
type message struct {
	raw     []byte
	id      uint16
	flags   uint16
	asked   int // questions
	qname   name
	qtype   uint16
	qclass  uint16
	qend    int // offset behind the question
	records []record
	opt     *record
	tsig    *tsig
}

// Problems of form that the author answers in a special way.
var (
	errShort         = errors.New("shorter than a header")
	errQuestions     = errors.New("not exactly one question")
	errMisplacedTSIG = errors.New("TSIG is not the last record of the additional section, or not alone (RFC 8945 §5.1)")
	errBrokenTSIG    = errors.New("broken TSIG record")
	errOPT           = errors.New("OPT is not alone, not at the root or not in the additional section (RFC 6891 §6.1.1)")
	errEnd           = errors.New("message does not end where its counts say")
)

func (m *message) opcode() int { return int(m.flags&maskOpcode) >> 11 }

// rcode gives the response code with the high bits that OPT holds.
func (m *message) rcode() int {
	code := int(m.flags & maskRcode)
	if m.opt != nil {
		code |= int(m.opt.ttl>>24) << 4
	}
	return code
}

// parseMessage reads a whole message. The result points into raw. On an error
// the message is still good for what was read: header and question.
func parseMessage(raw []byte) (*message, error) {
	m := &message{raw: raw}
	if len(raw) < headerLen {
		return m, errShort
	}
	m.id, m.flags = binary.BigEndian.Uint16(raw), binary.BigEndian.Uint16(raw[2:])
	m.asked = int(binary.BigEndian.Uint16(raw[4:]))
	off := headerLen
	if m.asked > 1 {
		return m, errQuestions
	}
	if m.asked == 1 {
		var err error
		if m.qname, off, err = parseName(raw, off); err != nil {
			m.asked = 0
			return m, fmt.Errorf("question: %w", err)
		}
		if off != headerLen+len(m.qname) || off+4 > len(raw) {
			m.asked = 0 // a question's name is not compressed: there is nothing before it
			return m, errEnd
		}
		m.qtype, m.qclass = binary.BigEndian.Uint16(raw[off:]), binary.BigEndian.Uint16(raw[off+2:])
		off += 4
	}
	m.qend = off
	for section := answerSection; section <= additionalSection; section++ {
		for range binary.BigEndian.Uint16(raw[6+2*section:]) {
			var err error
			if off, err = m.readRecord(off, section); err != nil {
				return m, err
			}
		}
	}
	if off != len(raw) {
		return m, errEnd
	}
	return m, nil
}

// readRecord appends the record at off and gives the offset behind it.
func (m *message) readRecord(off, section int) (int, error) {
	r := record{section: section, off: off}
	if m.tsig != nil {
		return 0, errMisplacedTSIG
	}
	var err error
	if r.owner, off, err = parseName(m.raw, off); err != nil {
		return 0, err
	}
	if off+10 > len(m.raw) {
		return 0, errEnd
	}
	head := m.raw[off:]
	r.typ, r.class = binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
	r.ttl = binary.BigEndian.Uint32(head[4:])
	r.dataOff = off + 10
	end := r.dataOff + int(binary.BigEndian.Uint16(head[8:]))
	if end > len(m.raw) {
		return 0, errEnd
	}
	r.data = m.raw[r.dataOff:end]
	switch r.typ {
	case dns.TypeTSIG:
		if section != additionalSection {
			return 0, errMisplacedTSIG
		}
		if m.tsig, err = parseTSIG(m.raw, &r); err != nil {
			return 0, err
		}
		return end, nil
	case dns.TypeOPT:
		if section != additionalSection || m.opt != nil || r.owner != root {
			return 0, errOPT
		}
		m.opt = &r
		return end, nil
	}
	m.records = append(m.records, r)
	return end, nil
}

// soa is what the exchange uses of an SOA record: its MNAME names the instance.
type soa struct {
	instance string // "" when MNAME is not a label below the owner
	serial   uint32
}

func (m *message) soa(r *record) (soa, error) {
	mname, off, err := parseName(m.raw, r.dataOff)
	if err == nil {
		_, off, err = parseName(m.raw, off)
	}
	if err != nil || off+20 != r.dataOff+len(r.data) {
		return soa{}, errors.New("broken SOA")
	}
	s := soa{serial: binary.BigEndian.Uint32(m.raw[off:])}
	if label, rest, ok := mname.cut(); ok && rest == r.owner {
		s.instance = label
	}
	return s, nil
}

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

// optFixed is the length of an OPT record without options.
const optFixed = 11

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

// option gives the value of an EDNS option; false when there is none.
func (m *message) option(code uint16) (string, bool, error) {
	if m.opt == nil {
		return "", false, nil
	}
	for d := m.opt.data; len(d) > 0; {
		if len(d) < 4 {
			return "", false, errors.New("EDNS option is cut")
		}
		c, n := binary.BigEndian.Uint16(d), int(binary.BigEndian.Uint16(d[2:]))
		if 4+n > len(d) {
			return "", false, errors.New("EDNS option runs past its record")
		}
		if c == code {
			return string(d[4 : 4+n]), true, nil
		}
		d = d[4+n:]
	}
	return "", false, nil
}
