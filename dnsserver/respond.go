// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// outcome says what became of a message.
type outcome uint8

const (
	answered  outcome = iota
	ignored           // no answer is due; it was counted
	malformed         // less than a header: over TCP the connection is of no use any more
	slow              // for the slow path
)

// Bits of the third octet of the header.
const (
	bitQR = 0x80
	bitAA = 0x04
	bitTC = 0x02
	bitRD = 0x01
)

// responder makes the answer to one message at a time. It belongs to one
// goroutine.
type responder struct {
	table     *atomic.Pointer[answers.Table]
	hasSlow   bool
	slowAll   bool
	nsid      []byte
	keepalive uint16 // idle timeout of TCP in units of 100 ms
	pads      bool   // answers are encrypted, and padded for those who ask (RFC 7830)
	count     *counters
	recovered func(any) // tells of a panic
	draw      *rand.PCG
	cookies   *cookies     // nil: cookies are unknown options
	limiter   *rateLimiter // nil: no limit
	hidden    *atomic.Bool // addresses of clients are those of something between: no limit by them
	slips     slips
	uncookied int                    // largest answer over UDP without a valid cookie; 0: no such bound
	knowsKey  func(name []byte) bool // nil: the slow path decides
	now       int64                  // of the limiter, the same for all messages of one read; 0: not yet looked at

	q       query
	from    netip.Addr // who sent it, if limited
	key     []byte     // name of the key that signed, if that was looked at
	state   cookieState
	cookie  [serverCookie]byte // to send back, unless state is cookieNone
	limited bool               // the answer counts for the limiter
}

// respond appends the answer to msg to out. Whatever msg holds, it returns: a
// panic is told, and answered with SERVFAIL.
func (r *responder) respond(out, msg []byte, from netip.Addr, tcp bool) (_ []byte, what outcome) {
	head := len(out)
	defer func() {
		if p := recover(); p != nil {
			r.recovered(p)
			out, what = servFail(out[:head], msg), answered
		}
	}()
	switch form := r.q.parse(msg); form {
	case formShort:
		r.count.drop(dropShort)
		return out, malformed
	case formResponse:
		r.count.drop(dropResponse)
		return out, ignored
	case formBad:
		r.meet(from, tcp)
		out = r.refuse(out, msg, tcp, r.badRcode(), noEDE)
	case formEmpty, formGood:
		if form == formGood && r.hasSlow && r.isSlow() && !r.foreignKey(msg) {
			return out, slow
		}
		r.meet(from, tcp)
		out = r.plain(out, msg, tcp)
	}
	if len(out) == head {
		return out, ignored // beyond the limit
	}
	return out, answered
}

// meet looks at who asks: whether a cookie proves the address, and whether the
// answer counts for the limiter.
func (r *responder) meet(from netip.Addr, tcp bool) {
	r.state, r.limited = cookieNone, false
	if r.q.cookie != nil && r.cookies != nil {
		r.state, r.cookie = r.cookies.check(r.q.cookie, from)
		r.count.cookies[r.state].Add(1)
	}
	if r.limiter != nil && !tcp && r.state != cookieValid && !r.hidden.Load() {
		r.from, r.limited = from, true
	}
}

// over counts an answer of a class for the limiter, and reports that there are
// too many.
func (r *responder) over(c class) bool {
	if !r.limited {
		return false
	}
	if r.now == 0 {
		r.now = r.limiter.tick()
	}
	return !r.limiter.allow(r.from, c, r.now)
}

// servFail answers with a header alone, from nothing but the header of msg,
// which is whole.
func servFail(out, msg []byte) []byte {
	return append(out, msg[0], msg[1], bitQR|msg[2]&0x79, dns.RcodeServerFailure, 0, 0, 0, 0, 0, 0, 0, 0)
}

// isSlow reports that the message is for the slow path. A version of EDNS that
// we do not speak is answered here, unless the message is signed.
func (r *responder) isSlow() bool {
	q := &r.q
	switch {
	case q.tsig > 0, q.opcode != dns.OpcodeQuery:
		return true
	case q.version > 0:
		return false
	}
	return r.slowAll || q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR
}

// badRcode is the answer to a message that breaks its format. The format of
// opcodes that we do not know is not ours to judge.
func (r *responder) badRcode() int {
	switch r.q.opcode {
	case dns.OpcodeQuery, dns.OpcodeNotify, dns.OpcodeUpdate:
		return dns.RcodeFormatError
	}
	return dns.RcodeNotImplemented
}

// plain answers a well-formed message without a slow path.
//
//	opcode         | signed | EDNS | class | type      | answer
//	any            | yes    |      |       |           | NOTAUTH, BADKEY
//	NOTIFY, UPDATE |        |      |       |           | REFUSED
//	other          |        |      |       |           | NOTIMP (RFC 8906 §8.1.4)
//	QUERY          |        | > 0  |       |           | BADVERS (RFC 6891 §6.1.3)
//	QUERY          |        |      | none  | none      | NOERROR and a cookie (RFC 7873 §5.4)
//	QUERY          |        |      | ≠ IN  |           | REFUSED
//	QUERY          |        |      | IN    | AXFR/IXFR | REFUSED (RFC 5936 §5)
//	QUERY          |        |      | IN    | any other | from the table
func (r *responder) plain(out, msg []byte, tcp bool) []byte {
	q := &r.q
	switch {
	case q.tsig > 0:
		return r.badKey(out, msg, tcp)
	case q.opcode == dns.OpcodeNotify, q.opcode == dns.OpcodeUpdate:
		return r.refuse(out, msg, tcp, dns.RcodeRefused, noEDE)
	case q.opcode != dns.OpcodeQuery:
		return r.refuse(out, msg, tcp, dns.RcodeNotImplemented, noEDE)
	case q.version > 0:
		return r.refuse(out, msg, tcp, dns.RcodeBadVers, noEDE)
	case q.question == 0 && r.state == cookieNone:
		return r.refuse(out, msg, tcp, dns.RcodeFormatError, noEDE)
	case q.question == 0:
		return r.refuse(out, msg, tcp, dns.RcodeSuccess, noEDE)
	case q.class != dns.ClassINET, q.qtype == dns.TypeAXFR, q.qtype == dns.TypeIXFR:
		return r.refuse(out, msg, tcp, dns.RcodeRefused, noEDE)
	}
	return r.answer(out, msg, tcp)
}

// answer answers a question from the table.
func (r *responder) answer(out, msg []byte, tcp bool) []byte {
	q := &r.q
	t := r.table.Load()
	if t == nil {
		return r.refuse(out, msg, tcp, dns.RcodeServerFailure, edeNotReady)
	}
	f := t.Find(q.name(), q.qtype)
	rcode := dns.RcodeSuccess
	switch f.Kind {
	case answers.NotReady:
		return r.refuse(out, msg, tcp, dns.RcodeServerFailure, edeNotReady)
	case answers.Refused:
		return r.refuse(out, msg, tcp, dns.RcodeRefused, edeNotAuthoritative)
	case answers.NXDomain:
		rcode = dns.RcodeNameError
	case answers.Answer, answers.NoData, answers.Referral:
	}
	ede := uint16(noEDE)
	if t.Stale() {
		ede = edeStale
	}
	flags := byte(bitAA)
	if f.Kind == answers.Referral { // what is told is not ours
		flags = 0
	}
	head := len(out)
	out = r.begin(out, msg, flags, rcode)
	out, n, whole := r.sections(out, &f, head+r.limit(tcp)-r.optLen(tcp, ede))
	if !whole {
		// RFC 2181 §9: an RRset that does not fit is left out as a whole.
		out[head+2] |= bitTC
		r.count.truncated.Add(1)
	}
	if r.limited && r.over(classOf(f.Kind, len(out)-head)) {
		return r.tooMany(out[:head], msg, flags|bitTC, dns.RcodeSuccess)
	}
	out, ar := r.appendOPT(out, head, tcp, rcode, ede)
	setCounts(out[head:], n.an, n.ns, n.ar+ar)
	r.count.query(q.qtype, rcode)
	f.Count(r.count.shard, n.an > 0)
	return out
}

// counts of records, by section.
type counts struct{ an, ns, ar int }

// sections appends what was found, up to an end in octets. If what matters does
// not fit, whole is false and nothing is appended.
func (r *responder) sections(out []byte, f *answers.Found, end int) (_ []byte, n counts, whole bool) {
	body, draw := len(out), r.draw.Uint64()
	if f.Exceeds(end - body) {
		return out, n, false
	}
	out, n.an = f.AppendAnswer(out, draw)
	out, n.ns = f.AppendAuthority(out)
	whole = len(out) <= end
	if whole && f.HasAdditional() {
		out, n.ar, whole = f.AppendAdditional(out, end, draw)
	}
	if !whole {
		return out[:body], counts{}, false
	}
	return out, n, true
}

// refuse answers without records: the question as far as it was understood, and
// an OPT record if there was one.
func (r *responder) refuse(out, msg []byte, tcp bool, rcode int, ede uint16) []byte {
	if r.limited && r.over(classError) {
		return r.tooMany(out, msg, 0, rcode)
	}
	return r.bare(out, msg, tcp, 0, rcode, ede)
}

// tooMany is for an answer that exceeds the rate of its network: nothing, or in
// its turn a short one. Who sent a cookie is told to come back with ours (RFC
// 7873 §5.2.3), others by TC to come over TCP.
func (r *responder) tooMany(out, msg []byte, flags byte, rcode int) []byte {
	switch {
	case !r.slips.next():
		r.count.drop(dropRateLimit)
		return out
	case r.state != cookieNone:
		flags, rcode = 0, dns.RcodeBadCookie
	}
	r.count.slipped.Add(1)
	return r.bare(out, msg, false, flags, rcode, noEDE)
}

// bare answers without records.
func (r *responder) bare(out, msg []byte, tcp bool, flags byte, rcode int, ede uint16) []byte {
	head := len(out)
	r.q.subnet = nil // of use to answers only
	out = r.begin(out, msg, flags, rcode)
	out, ar := r.appendOPT(out, head, tcp, rcode, ede)
	setCounts(out[head:], 0, 0, ar)
	r.count.query(r.q.qtype, rcode)
	return out
}

// begin appends the header without counts of records, and the question as it
// came, letter case included. Of the flags only RD is copied, and only for
// QUERY: other opcodes define the header for themselves (RFC 8906 §8.1.4).
func (r *responder) begin(out, msg []byte, flags byte, rcode int) []byte {
	q := &r.q
	flags |= bitQR | q.opcode<<3
	if q.rd && q.opcode == dns.OpcodeQuery {
		flags |= bitRD
	}
	questions := byte(0)
	if q.question > 0 {
		questions = 1
	}
	out = append(out, msg[0], msg[1], flags, byte(rcode&0xF), 0, questions, 0, 0, 0, 0, 0, 0)
	if questions == 0 {
		return out
	}
	return append(out, msg[headerSize:q.question]...)
}

func setCounts(head []byte, an, ns, ar int) {
	binary.BigEndian.PutUint16(head[6:], uint16(an))
	binary.BigEndian.PutUint16(head[8:], uint16(ns))
	binary.BigEndian.PutUint16(head[10:], uint16(ar))
}
