// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// ServeSlow answers a signed message about a report zone: transfers, held if
// asked, and plain questions. It returns false, having sent nothing, for every
// other message and for everything unsigned, so that the zone does not exist
// for whoever holds no key. It blocks while a transfer is held, until ctx ends
// at the latest, and calls reply once for each message of the answer.
func (x *Exchange) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool {
	m, err := parseMessage(msg)
	if m.flags&flagQR != 0 || m.asked != 1 || !m.qname.underReport() {
		return false
	}
	a := &answer{x: x, m: m, tcp: tcp, reply: reply, origin: m.qname}
	switch {
	case errors.Is(err, errMisplacedTSIG), errors.Is(err, errBrokenTSIG):
		// RFC 8945 §5.1
		x.metrics.signatures.WithLabelValues(sideAuthor, "formerr").Inc()
		a.code(dns.RcodeFormatError)
		return true
	case err != nil, m.tsig == nil:
		return false
	}
	now := x.now()
	a.chain, err = identify(x.keys, m, now)
	if err != nil {
		x.refuseSignature(a, err, from, now)
		return true
	}
	if x.noises.end(noiseAuthor) {
		x.log.Info("requests are rightly signed again")
	}
	x.serve(ctx, a)
	return true
}

// refuseSignature answers what is wrongly signed (RFC 8945 §5.2, §5.3.2).
func (x *Exchange) refuseSignature(a *answer, err error, from netip.AddrPort, now time.Time) {
	t := a.m.tsig
	kind := signatureKind(err)
	x.metrics.signatures.WithLabelValues(sideAuthor, kind).Inc()
	if x.noises.start(noiseAuthor) {
		x.log.Warn("request is wrongly signed", "from", from, "key", presentation(name(t.Key)), "error", err)
	}
	switch {
	case errors.Is(err, errBadTime):
		// The answer says who we are. The request is no sign of life: it may be old.
		if text, ok, bad := a.m.option(HoldOption); ok && bad == nil {
			a.from, _ = parseHello(text)
		}
		a.badTime(now)
	case errors.Is(err, errBadSig):
		a.unsigned(dns.RcodeBadSig)
	default:
		a.unsigned(dns.RcodeBadKey)
	}
}

// serve answers a rightly signed message.
func (x *Exchange) serve(ctx context.Context, a *answer) {
	m := a.m
	if m.opt != nil && m.opt.ttl>>16&0xff != 0 {
		a.code(dns.RcodeBadVers)
		return
	}
	if !x.greet(a) {
		return
	}
	switch {
	case m.qclass != dns.ClassINET:
		a.code(dns.RcodeRefused)
	case m.opcode() == dns.OpcodeNotify:
		if a.counts {
			x.readers.called(a.from.tag, a.from.at)
		}
		a.code(dns.RcodeSuccess)
	case m.opcode() == dns.OpcodeUpdate:
		a.code(dns.RcodeRefused)
	case m.opcode() != dns.OpcodeQuery:
		a.code(dns.RcodeNotImplemented)
	default:
		x.serveQuestion(ctx, a)
	}
}

// greet takes the hold option: who asks, and that it lives. False means that an
// answer was sent.
func (x *Exchange) greet(a *answer) bool {
	text, ok, err := a.m.option(HoldOption)
	if err == nil && ok {
		a.from, err = parseHello(text)
	}
	if err != nil {
		x.log.Debug("hold option is not understood", "error", err)
		a.code(dns.RcodeFormatError)
		return false
	}
	if a.from == nil {
		return true
	}
	if bound := a.chain.key.peer; bound != "" && a.from.tag != bound {
		x.metrics.signatures.WithLabelValues(sideAuthor, "identity").Inc()
		if x.noises.start(noiseIdentity) {
			x.log.Warn("a cluster signs with the key of another", "peer", a.from.tag, "key_of", bound)
		}
		a.from = nil
		a.code(dns.RcodeRefused)
		return false
	}
	now := time.Now()
	if !x.fresh(a) || !x.heard.note(a.from.tag, a.from.instance, a.from.number, now) {
		return true // a later one came first, or it is a replay: answered, but no sign of life
	}
	a.counts = true
	if a.from.tag == x.cfg.Self {
		x.sawOwnTag(a.from, a.origin)
		return true
	}
	x.cfg.Store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: a.from.tag, ID: a.from.id, At: now})
	x.readers.called(a.from.tag, a.from.at)
	return true
}

// fresh reports that a question cannot be one of before our start, whose number would be
// forgotten: it names this instance, which answered on that connection before, or it is the
// first of one and was signed after we started. Older versions name nobody.
func (x *Exchange) fresh(a *answer) bool {
	switch a.from.to {
	case "", x.cfg.Instance:
		return true
	case nobody:
		return a.m.tsig.Time > uint64(x.started.Unix())
	}
	return false
}

// serveQuestion answers questions about report zones that we serve.
func (x *Exchange) serveQuestion(ctx context.Context, a *answer) {
	pub, origin, label, relayed := x.author.find(a.m.qname)
	if pub == nil {
		a.code(x.absent())
		return
	}
	a.origin = origin
	z, _ := pub.current()
	if z == nil || relayed && !x.readers.current(z) {
		a.code(dns.RcodeServerFailure)
		return
	}
	transfer := a.m.qtype == dns.TypeAXFR || a.m.qtype == dns.TypeIXFR
	switch {
	case transfer && label != "":
		a.code(dns.RcodeNotAuth)
	case !transfer:
		a.plain(z, label)
	case !a.tcp && a.m.qtype == dns.TypeAXFR:
		a.code(dns.RcodeFormatError) // RFC 5936 §4.2
	case !a.tcp:
		a.upToDate(z) // RFC 1995 §2: come back over TCP
	default:
		x.serveTransfer(ctx, a, pub, relayed)
	}
}

// absent is the answer about a report zone that is not served: before our
// objects were read it may still come.
func (x *Exchange) absent() int {
	if !x.author.isReady() {
		return dns.RcodeServerFailure
	}
	return dns.RcodeRefused
}

// serveTransfer holds the transfer as long as was asked for and nothing moves,
// then sends what differs.
func (x *Exchange) serveTransfer(ctx context.Context, a *answer, pub *publication, relayed bool) {
	have, known := soa{}, false
	if a.m.qtype == dns.TypeIXFR {
		var err error
		if have, err = a.m.offered(a.origin); err != nil {
			a.code(dns.RcodeFormatError)
			return
		}
		known = true
	}
	if known && (a.from == nil || have.instance == "" && have.serial != 0) {
		// Ordinary secondaries and dig mean no instance: the serial decides (RFC 1995 §2).
		if z, _ := pub.current(); z != nil && int32(have.serial-z.serial) >= 0 {
			have = z.soa()
		}
	}
	if z, _ := pub.current(); !relayed && z != nil && have.instance != z.instance {
		x.author.catchUp(a.origin) // who begins to read may have lost its own serial
	}
	defer pub.enter(have)()
	z := x.hold(ctx, a, pub, have, known)
	switch {
	case ctx.Err() != nil:
	case z == nil:
		a.code(x.absent())
	case relayed && !x.readers.current(z):
		a.code(dns.RcodeServerFailure)
	case known && z.soa() == have:
		a.upToDate(z)
	default:
		var old *Zone
		if known {
			old = pub.version(have)
		}
		a.transfer(pub, z, old)
	}
}

// hold waits until the zone is not what the reader has, or the hold is over.
func (x *Exchange) hold(ctx context.Context, a *answer, pub *publication, have soa, known bool) *Zone {
	z, moved := pub.current()
	if a.from == nil || !known || a.from.hold <= 0 || !x.fresh(a) {
		return z
	}
	end := time.NewTimer(min(a.from.hold, maxHold))
	defer end.Stop()
	x.metrics.held.Inc()
	defer x.metrics.held.Dec()
	for z != nil && z.soa() == have {
		select {
		case <-ctx.Done():
			return nil
		case <-end.C:
			return z
		case <-moved:
			z, moved = pub.current()
		}
	}
	return z
}

// offered gives the SOA that the asker of an IXFR has (RFC 1995 §3).
func (m *message) offered(origin name) (soa, error) {
	for i := range m.records {
		if r := &m.records[i]; r.section == authoritySection && r.typ == dns.TypeSOA && r.owner == origin {
			return m.soa(r)
		}
	}
	return soa{}, errors.New("an IXFR without an SOA")
}

// badTime answers a request whose signature is good and whose time is not: the
// answer is signed, repeats the client's time and tells ours (RFC 8945 §5.2.3).
func (a *answer) badTime(now time.Time) {
	var ours [6]byte
	sec := uint64(now.Unix())
	binary.BigEndian.PutUint16(ours[:], uint16(sec>>32))
	binary.BigEndian.PutUint32(ours[2:], uint32(sec))
	s := stated(a.m.tsig.Time, dns.RcodeBadTime, ours[:])
	a.stamp = &s
	a.code(dns.RcodeNotAuth)
}

// unsigned answers a request whose key or signature does not count; the answer
// carries a TSIG without a MAC (RFC 8945 §5.3.2).
func (a *answer) unsigned(code uint16) {
	s := stated(a.m.tsig.Time, code, nil)
	s.Key, s.Alg, s.ID = a.m.tsig.Key, a.m.tsig.Alg, a.m.id
	a.stamp = &s
	a.code(dns.RcodeNotAuth)
}
