// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsig"
)

// request is one message on its way through the server.
type request struct {
	msg      []byte
	question []byte // as it came
	qname    string // of it, in wire form, lower case; "" if it is compressed
	opcode   uint8
	rd       bool
	name     gslb.Name // the zero Name if it is none that gslb knows
	qtype    uint16
	class    uint16
	opt      *dns.OPT // nil: no EDNS
	serial   uint32   // that the asker of IXFR has
	hasSOA   bool     // it said so

	signer *tsig.Signer // nil: not signed
	from   netip.AddrPort
	tcp    bool
	reply  func([]byte) error
}

// kind gives the word for metrics and the log.
func (r *request) kind() string { return dns.TypeToString[r.qtype] }

// key is the name of the key that signed; "" without one.
func (r *request) key() string {
	if r.signer == nil {
		return ""
	}
	return r.signer.KeyName()
}

// ServeSlow answers transfers, and whatever is signed with a transfer key. It
// returns false, having sent nothing, for messages of keys that it does not know,
// and for unsigned ones of addresses that may not transfer. It blocks while it
// sends a zone.
func (s *Server) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool {
	if len(msg) < header || msg[2]&0x80 != 0 {
		return false
	}
	signer, err := tsig.Verify(s.cfg.Keys, msg, time.Now())
	r := &request{
		msg: msg, opcode: msg[2] >> 3 & 0xF, rd: msg[2]&1 != 0, signer: signer, from: from, tcp: tcp, reply: reply,
	}
	switch {
	case errors.Is(err, tsig.ErrBadKey):
		return false // the next one may know it
	case errors.Is(err, tsig.ErrForm):
		s.metrics.signature("FORMERR")
		s.say(r, dns.RcodeFormatError)
		return true
	case signer == nil && !s.allowed(from.Addr()):
		return false
	}
	if !r.parse() {
		if signer == nil {
			return false
		}
		s.say(r, dns.RcodeFormatError)
		return true
	}
	if err != nil {
		s.metrics.signature(tsig.CodeName(signer.Code()))
		s.log.Debug("message with a bad signature", "from", from, "key", signer.KeyName(), "error", err)
		s.say(r, dns.RcodeNotAuth)
		return true
	}
	return s.dispatch(ctx, r)
}

// allowed reports that an address may transfer without a signature.
func (s *Server) allowed(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range s.cfg.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parse reads the message; false: it is malformed. What the server before us
// checked is relied on for nothing but sense.
func (r *request) parse() bool {
	m := new(dns.Msg)
	if m.Unpack(r.msg) != nil || len(m.Question) != 1 {
		return false
	}
	q := m.Question[0]
	r.qtype, r.class, r.opt = q.Qtype, q.Qclass, m.IsEdns0()
	if n, err := gslb.ParseName(dns.CanonicalName(q.Name)); err == nil {
		r.name = n
	}
	if len(m.Ns) == 1 {
		if soa, ok := m.Ns[0].(*dns.SOA); ok && dns.CanonicalName(soa.Hdr.Name) == dns.CanonicalName(q.Name) {
			r.serial, r.hasSOA = soa.Serial, true
		}
	}
	at := header
	for at < len(r.msg) && r.msg[at] != 0 && r.msg[at] < 64 {
		at += 1 + int(r.msg[at])
	}
	if at+5 > len(r.msg) || r.msg[at] != 0 {
		return false // RFC 1035 §4.1.4: a pointer in the first name leads nowhere
	}
	r.question = r.msg[header : at+5]
	name := []byte(string(r.msg[header : at+1]))
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			name[i] = c + 'a' - 'A' // a length octet is below 64
		}
	}
	r.qname = string(name)
	return true
}

// dispatch answers a well-formed message that is rightly signed, or comes from
// where no signature is needed.
func (s *Server) dispatch(ctx context.Context, r *request) bool {
	transfer := r.qtype == dns.TypeAXFR || r.qtype == dns.TypeIXFR
	if r.signer == nil && (r.opcode != dns.OpcodeQuery || !transfer) {
		return false
	}
	s.heard(r.from.Addr())
	switch {
	case r.opcode == dns.OpcodeNotify, r.opcode == dns.OpcodeUpdate:
		s.say(r, dns.RcodeRefused) // not with this key
	case r.opcode != dns.OpcodeQuery:
		s.say(r, dns.RcodeNotImplemented)
	case r.opt != nil && r.opt.Version() != 0:
		s.say(r, dns.RcodeBadVers)
	case transfer:
		s.transfer(ctx, r)
	default:
		s.plain(r)
	}
	return true
}

// plain answers a signed question by the table. Secondaries ask for the SOA so.
func (s *Server) plain(r *request) {
	out := s.cfg.Plain(r.signer.Bare(r.msg), r.from.Addr(), r.tcp, r.signer.Room())
	if out == nil {
		return
	}
	_ = s.send(r, out) // where it fails, nobody is there any more
}

// say answers without records.
func (s *Server) say(r *request, rcode int) {
	var m message
	m.begin(r, rcode, r.question != nil)
	m.buf[2] &^= 0x04
	_ = s.send(r, m.finish(r.opt != nil, rcode, r.opt != nil && r.opt.Do())) // the same
}

// send signs a message if the request was signed, and sends it.
func (s *Server) send(r *request, out []byte) error {
	if r.signer != nil {
		var err error
		if out, err = r.signer.Sign(out, time.Now()); err != nil {
			s.log.Error("answer cannot be signed", "key", r.key(), "error", err)
			return err
		}
	}
	return r.reply(out)
}
