// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

const headerSize = 12

// form says how far a message can be understood.
type form uint8

const (
	formShort    form = iota // less than a header
	formResponse             // QR is set
	formBad                  // FORMERR; what was understood is in the query
	formEmpty                // no question, but a cookie (RFC 7873 §5.4)
	formGood
)

// query is a message parsed in place: the question, and of the other records
// what matters to a server that answers from a table. It is reused.
type query struct {
	opcode    uint8
	rd        bool
	question  int    // offset of the end of the question; 0: there is none that is whole
	qtype     uint16 // of the question
	class     uint16
	opt       bool // an OPT record is there (RFC 6891)
	version   uint8
	do        bool
	nsid      bool   // asked for (RFC 5001)
	keepalive bool   // asked for (RFC 7828)
	padding   bool   // the query is padded (RFC 7830)
	size      uint16 // what the sender takes over UDP
	cookie    []byte // content of the first COOKIE option (RFC 7873); nil: none
	subnet    []byte // content of the client subnet option (RFC 7871); nil: none
	tsig      int    // offset of the TSIG record; 0: none
	nameLen   int
	nameBuf   [answers.MaxName]byte
}

// name is the QNAME in wire form with ASCII capitals folded (RFC 4343 §3).
func (q *query) name() []byte { return q.nameBuf[:q.nameLen] }

// parse reads a message. It keeps nothing of it and cannot fail in other ways
// than its result says.
func (q *query) parse(msg []byte) form {
	if len(msg) < headerSize {
		return formShort
	}
	if msg[2]&0x80 != 0 {
		return formResponse
	}
	q.opcode, q.rd = msg[2]>>3&0xF, msg[2]&1 != 0
	q.question, q.qtype, q.class, q.tsig, q.nameLen = 0, 0, 0, 0, 0
	if q.opt { // of the message before
		q.opt, q.version, q.do, q.nsid, q.keepalive, q.padding, q.size = false, 0, false, false, false, false, 0
		q.cookie, q.subnet = nil, nil
	}
	// RFC 9619 §4: more than one question is a format error.
	switch binary.BigEndian.Uint16(msg[4:]) {
	case 0:
		return q.parseEmpty(msg)
	case 1:
		if !q.parseQuestion(msg) {
			return formBad
		}
	default:
		return formBad
	}
	if binary.BigEndian.Uint32(msg[6:]) == 0 && binary.BigEndian.Uint16(msg[10:]) == 0 {
		return formGood
	}
	return q.parseRecords(msg, q.question)
}

// parseEmpty reads a message without a question. It is of use to those who want
// a cookie.
func (q *query) parseEmpty(msg []byte) form {
	if q.opcode == dns.OpcodeQuery && q.parseRecords(msg, headerSize) == formGood && q.cookie != nil && q.tsig == 0 {
		return formEmpty
	}
	return formBad
}

// parseQuestion reads the question. A compression pointer has nothing to point
// to there, and other label types do not exist (RFC 6891 §5).
func (q *query) parseQuestion(msg []byte) bool {
	at, n := headerSize, 0
	for {
		if at >= len(msg) {
			return false
		}
		l := int(msg[at])
		if l == 0 {
			break
		}
		// The label, its length, and the root must fit (RFC 1035 §2.3.4).
		if l > 63 || at+1+l > len(msg) || n+1+l+1 > answers.MaxName {
			return false
		}
		q.nameBuf[n] = byte(l)
		n++
		for _, c := range msg[at+1 : at+1+l] {
			if c-'A' < 26 {
				c += 'a' - 'A'
			}
			q.nameBuf[n] = c
			n++
		}
		at += 1 + l
	}
	if at+5 > len(msg) {
		return false
	}
	q.nameBuf[n] = 0
	q.nameLen = n + 1
	q.qtype, q.class = binary.BigEndian.Uint16(msg[at+1:]), binary.BigEndian.Uint16(msg[at+3:])
	q.question = at + 5
	return true
}

// parseRecords walks the records from an offset on, so that their counts and
// lengths can be trusted. Records of a query mean nothing to us but OPT and
// TSIG. Octets after the last one are ignored, unless the message is signed.
func (q *query) parseRecords(msg []byte, at int) form {
	for section := range 3 {
		for left := binary.BigEndian.Uint16(msg[6+2*section:]); left > 0; left-- {
			owner := at
			at = skipName(msg, at)
			if at < 0 || at+10 > len(msg) {
				return formBad
			}
			end := at + 10 + int(binary.BigEndian.Uint16(msg[at+8:]))
			if end > len(msg) {
				return formBad
			}
			additional := section == 2
			switch binary.BigEndian.Uint16(msg[at:]) {
			case dns.TypeOPT:
				// RFC 6891 §6.1.1: one at most, owned by the root, additional.
				if !additional || at != owner+1 || q.opt || !q.parseOPT(msg[at:end]) {
					return formBad
				}
			case dns.TypeTSIG:
				// RFC 8945 §5.1: one, the last of the additional section. What is
				// announced after it cannot be there.
				if !additional || end != len(msg) {
					return formBad
				}
				q.tsig = owner
			}
			at = end
		}
	}
	return formGood
}

// skipName gives the offset after a name; -1 if it does not end properly.
func skipName(msg []byte, at int) int {
	for at < len(msg) {
		switch l := int(msg[at]); {
		case l == 0:
			return at + 1
		case l >= 0xC0:
			if at+2 > len(msg) {
				return -1
			}
			return at + 2
		case l > 63:
			return -1
		default:
			at += 1 + l
		}
	}
	return -1
}

// parseOPT reads an OPT record from its type on (RFC 6891 §6.1). Options that
// we do not know are skipped (§6.1.2); the extended RCODE and flags other than
// DO are ignored (§6.1.4).
func (q *query) parseOPT(rr []byte) bool {
	q.opt = true
	q.size = binary.BigEndian.Uint16(rr[2:])
	q.version = rr[5]
	q.do = rr[6]&0x80 != 0
	for opts := rr[10:]; len(opts) > 0; {
		if len(opts) < 4 {
			return false
		}
		end := 4 + int(binary.BigEndian.Uint16(opts[2:]))
		if end > len(opts) {
			return false
		}
		data := opts[4:end]
		switch binary.BigEndian.Uint16(opts) {
		case dns.EDNS0NSID:
			q.nsid = true
		case dns.EDNS0TCPKEEPALIVE:
			q.keepalive = true
		case dns.EDNS0PADDING:
			q.padding = true
		case dns.EDNS0COOKIE:
			// RFC 7873 §5.2: the first counts; §5.2.2: lengths.
			if n := len(data) - clientCookie; n != 0 && (n < minServerCookie || n > maxServerCookie) {
				return false
			} else if q.cookie == nil {
				q.cookie = data
			}
		case dns.EDNS0SUBNET:
			if !goodSubnet(data) {
				return false
			}
			q.subnet = data
		}
		opts = opts[end:]
	}
	return true
}
