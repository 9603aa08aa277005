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
