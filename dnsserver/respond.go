// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
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
