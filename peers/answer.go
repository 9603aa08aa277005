// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// answer is the answer to one message, as it is written.
type answer struct {
	x      *Exchange
	m      *message
	from   *hello // who asked, if it said so
	counts bool   // the question is a sign of life
	tcp    bool
	origin name
	chain  *chain // nil: unsigned
	stamp  *tsig  // instead of one of this moment
	reply  func([]byte) error
	sent   bool // a message went out
}

// Room that is left in a message for what is added last: OPT with our hello and
// the TSIG with its names and MAC.
const reserve = 1024

// begin starts a message of the answer.
func (a *answer) begin(size, rcode int, flags uint16) *builder {
	flags |= flagQR | a.m.flags&(maskOpcode|flagRD) | uint16(rcode&maskRcode)
	return newBuilder(size, a.m.id, flags, a.m.raw[headerLen:a.m.qend], a.origin)
}

// code sends an answer without records.
func (a *answer) code(rcode int) { a.last(a.begin(512, rcode, 0), rcode) }

// last sends a message behind which nothing comes; if the client is gone, nothing
// is lost.
func (a *answer) last(b *builder, rcode int) { _ = a.finish(b, rcode) }

// finish adds OPT and TSIG and sends the message. An error means that the client
// is gone.
func (a *answer) finish(b *builder, rcode int) error {
	if a.m.opt != nil {
		text := ""
		if a.from != nil && !a.sent {
			text = a.x.hello().String()
		}
		b.opt(rcode, HoldOption, text)
	}
	msg := b.buf
	switch {
	case a.chain != nil:
		t := stamp(a.x.now())
		if a.stamp != nil {
			t = *a.stamp
		}
		var err error
		if msg, err = a.chain.sign(msg, t); err != nil {
			a.x.log.Error("answer cannot be signed", "error", err)
			return err
		}
	case a.stamp != nil:
		msg = a.stamp.AppendTo(msg)
	}
	a.sent = true
	a.x.metrics.sentBytes.Add(float64(len(msg)))
	return a.reply(msg)
}

// limit is how long the message may be.
func (a *answer) limit() int {
	if a.tcp {
		return dns.MaxMsgSize
	}
	most := 512
	if a.m.opt != nil {
		most = max(most, min(int(a.m.opt.class), 1232))
	}
	return most
}

// plain answers a question for single records; what does not fit in UDP is
// asked again over TCP.
func (a *answer) plain(z *Zone, label string) {
	s := z.find(label)
	if s == nil {
		b := a.begin(512, dns.RcodeNameError, flagAA)
		b.soa(authoritySection, z.soa())
		a.last(b, dns.RcodeNameError)
		return
	}
	b := a.begin(s.size+reserve, dns.RcodeSuccess, flagAA)
	any := a.m.qtype == dns.TypeANY
	none := true
	if label == "" && (any || a.m.qtype == dns.TypeSOA) {
		b.soa(answerSection, z.soa())
		none = false
	}
	if label == "" && (any || a.m.qtype == dns.TypeNS) {
		b.ns()
		none = false
	}
	if any || a.m.qtype == dns.TypeTXT {
		for _, t := range s.txt {
			b.txt(label, t)
		}
		none = none && len(s.txt) == 0
	}
	if none {
		b.soa(authoritySection, z.soa())
	}
	if len(b.buf)+reserve > a.limit() && !a.tcp {
		b = a.begin(512, dns.RcodeSuccess, flagAA|flagTC)
	}
	a.last(b, dns.RcodeSuccess)
}

// upToDate answers an IXFR with the SOA alone (RFC 1995 §2).
func (a *answer) upToDate(z *Zone) {
	b := a.begin(512, dns.RcodeSuccess, flagAA)
	b.soa(answerSection, z.soa())
	a.last(b, dns.RcodeSuccess)
}

// transfer sends the zone: what changed since old if that is known, else all of
// it. Every message is signed.
func (a *answer) transfer(pub *publication, z, old *Zone) {
	s := &stream{a: a}
	if a.m.qtype == dns.TypeIXFR && old != nil {
		s.increment(z, old, pub.changes(old, z))
	} else {
		s.whole(z)
	}
	s.flush()
}

// stream writes records into messages of bounded length.
type stream struct {
	a   *answer
	b   *builder
	err error // the client is gone
}

// room makes sure that n octets of a record, with owner and header, fit.
func (s *stream) room(n int) bool {
	if s.err != nil {
		return false
	}
	if s.b != nil && len(s.b.buf)+n+64 > maxMessage-reserve && binary.BigEndian.Uint16(s.b.buf[6:]) > 0 {
		s.flush()
	}
	if s.b == nil && s.err == nil {
		s.b = s.a.begin(min(maxMessage, 2*n+512), dns.RcodeSuccess, flagAA)
	}
	return s.err == nil
}

func (s *stream) flush() {
	if s.b == nil || s.err != nil {
		return
	}
	s.err = s.a.finish(s.b, dns.RcodeSuccess)
	s.b = nil
}

func (s *stream) soa(v soa) {
	if s.room(64) {
		s.b.soa(answerSection, v)
	}
}

func (s *stream) ns() {
	if s.room(16) {
		s.b.ns()
	}
}

func (s *stream) set(v *set) {
	for _, t := range v.txt {
		if !s.room(len(t)) {
			return
		}
		s.b.txt(v.label, t)
	}
}

// whole writes a zone as AXFR does (RFC 5936 §2.2).
func (s *stream) whole(z *Zone) {
	s.soa(z.soa())
	s.ns()
	for _, v := range z.sets {
		s.set(v)
	}
	s.soa(z.soa())
}

// increment writes what changed in one condensed step (RFC 1995 §4, §5).
func (s *stream) increment(z, old *Zone, changes [][2]*set) {
	s.soa(z.soa())
	s.soa(old.soa())
	for _, c := range changes {
		if c[0] != nil {
			s.set(c[0])
		}
	}
	s.soa(z.soa())
	for _, c := range changes {
		if c[1] != nil {
			s.set(c[1])
		}
	}
	s.soa(z.soa())
}
