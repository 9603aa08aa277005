// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsig"
)

// Sizes of answers by UDP (RFC 6891 §6.2.3, RFC 9715).
const (
	plainUDP = 512
	mostUDP  = 1232
)

// request is one message on its way through the server.
type request struct {
	msg    *dns.Msg
	opt    *dns.OPT     // nil: no EDNS
	signer *tsig.Signer // nil: answers are not signed
	signed bool         // by a key of ours, and rightly
	from   netip.AddrPort
	tcp    bool
	reply  func([]byte) error
}

// parse reads a message. It gives nil for what deserves silence, and else an
// RCODE for what is malformed.
func parse(raw []byte) (*request, int) {
	if len(raw) < 12 || raw[2]&0x80 != 0 {
		return nil, 0
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil {
		return &request{msg: bare(raw)}, dns.RcodeFormatError
	}
	r := &request{msg: m}
	counts := []int{len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra)}
	for i, n := range counts { // the library does not insist on them
		if int(binary.BigEndian.Uint16(raw[4+2*i:])) != n {
			return &request{msg: bare(raw)}, dns.RcodeFormatError
		}
	}
	if !r.pseudo() || len(m.Question) != 1 {
		return &request{msg: bare(raw)}, dns.RcodeFormatError
	}
	if r.opt != nil && r.opt.Version() != 0 {
		return r, dns.RcodeBadVers
	}
	return r, dns.RcodeSuccess
}

// pseudo finds OPT and TSIG and reports that they are where they may be: one
// OPT, one TSIG as the last record of the additional section (RFC 6891 §6.1.1,
// RFC 8945 §5.1).
func (r *request) pseudo() bool {
	for _, rr := range append(append([]dns.RR(nil), r.msg.Answer...), r.msg.Ns...) {
		if t := rr.Header().Rrtype; t == dns.TypeOPT || t == dns.TypeTSIG {
			return false
		}
	}
	for i, rr := range r.msg.Extra {
		switch v := rr.(type) {
		case *dns.OPT:
			if r.opt != nil || v.Hdr.Name != "." {
				return false
			}
			r.opt = v
		case *dns.TSIG:
			if i != len(r.msg.Extra)-1 || v.Hdr.Class != dns.ClassANY || v.Hdr.Ttl != 0 {
				return false
			}
		}
	}
	return true
}

// bare is the header alone of a message that cannot be read.
func bare(raw []byte) *dns.Msg {
	m := new(dns.Msg)
	m.Id = binary.BigEndian.Uint16(raw)
	m.Opcode = int(raw[2]>>3) & 0xF
	m.RecursionDesired = raw[2]&1 != 0
	return m
}

// answer begins an answer.
func (r *request) answer(rcode int) *dns.Msg {
	a := new(dns.Msg)
	a.Id, a.Response, a.Opcode, a.Rcode = r.msg.Id, true, r.msg.Opcode, rcode
	a.RecursionDesired = r.msg.Opcode == dns.OpcodeQuery && r.msg.RecursionDesired
	a.Question = r.msg.Question
	a.Compress = true
	if r.opt != nil {
		o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		o.SetUDPSize(mostUDP)
		if r.opt.Do() {
			o.SetDo()
		}
		a.Extra = append(a.Extra, o)
	}
	return a
}

// room is how large an answer may be.
func (r *request) room() int {
	if r.tcp {
		return dns.MaxMsgSize
	}
	n := plainUDP
	if r.opt != nil {
		n = min(max(plainUDP, int(r.opt.UDPSize())), mostUDP)
	}
	return n
}

// truncate empties an answer that does not fit (RFC 2181 §9).
func (r *request) truncate(a *dns.Msg) {
	room := r.room()
	if r.signer != nil {
		room -= r.signer.Room()
	}
	if a.Len() <= room {
		return
	}
	a.Truncated = true
	a.Answer, a.Ns = nil, nil
	var extra []dns.RR
	for _, rr := range a.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			extra = append(extra, rr)
		}
	}
	a.Extra = extra
}
