// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/miekg/dns"
)

// maxTransfer bounds the time that one transfer may take. Each message has a
// bound of its own, by the server.
const maxTransfer = 10 * time.Minute

var errTooLong = errors.New("a record does not fit in a message")

// How a request for a transfer ends, beside being refused by an RCODE.
const (
	answerWhole       = "whole"       // the whole zone
	answerDifferences = "differences" // what leads from the asker's serial to ours
	answerSerial      = "serial"      // the SOA alone
	answerBroken      = "broken"      // begun and not ended
	answerBusy        = "busy"        // too many at once
)

// transfer answers AXFR and IXFR.
//
//	class ≠ IN                      | REFUSED
//	no table was ready yet          | SERVFAIL
//	not the apex of a zone of ours  | NOTAUTH (RFC 5936 §2.2.1)
//	AXFR over UDP                   | REFUSED, never data (RFC 5936 §4.2)
//	IXFR without the asker's SOA    | FORMERR (RFC 1995 §3)
//	IXFR over UDP                   | our SOA: come over TCP for more (RFC 1995 §2)
//	IXFR, the serial is ours, or later | our SOA
//	too many transfers              | SERVFAIL
//	IXFR from a serial of ours      | the differences
//	IXFR from any other, AXFR       | the whole zone
func (s *Server) transfer(ctx context.Context, r *request) {
	z, ready := s.zone(r.name)
	refuse := func(rcode int) {
		s.metrics.transfer(r.kind(), dns.RcodeToString[rcode])
		s.log.Debug("transfer refused", "zone", r.name, "from", r.from, "key", r.key(), "rcode", dns.RcodeToString[rcode])
		s.say(r, rcode)
	}
	switch {
	case r.class != dns.ClassINET:
		refuse(dns.RcodeRefused)
	case !ready:
		refuse(dns.RcodeServerFailure)
	case z == nil:
		refuse(dns.RcodeNotAuth)
	case r.qtype == dns.TypeAXFR && !r.tcp:
		refuse(dns.RcodeRefused)
	case r.qtype == dns.TypeIXFR && !r.hasSOA:
		refuse(dns.RcodeFormatError)
	case r.qtype == dns.TypeIXFR && (!r.tcp || !before(r.serial, z.newest.Load().serial)):
		s.stream(ctx, r, z, z.newest.Load(), nil, answerSerial)
	case !s.places.take(r.from.Addr()):
		s.metrics.transfer(r.kind(), answerBusy)
		s.log.Debug("too many transfers at once", "zone", r.name, "from", r.from, "key", r.key())
		s.say(r, dns.RcodeServerFailure)
	default:
		defer s.places.give(r.from.Addr())
		s.handOut(ctx, r, z)
	}
}

// before compares serials (RFC 1982 §3.2).
func before(a, b uint32) bool { return int32(b-a) > 0 }

// handOut sends a zone, or what changed in it, and remembers who has what.
func (s *Server) handOut(ctx context.Context, r *request, z *zone) {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
	defer cancel()
	to := asker{r.key(), r.from.Addr().Unmap(), z}
	if r.qtype == dns.TypeIXFR && s.handed.knows(to, r.serial) {
		if v, d := z.since(r.serial); d != nil {
			if s.stream(ctx, r, z, v, d, answerDifferences) {
				s.handed.note(to, v.serial)
			}
			return
		}
	}
	v := z.whole()
	if s.stream(ctx, r, z, v, nil, answerWhole) {
		s.handed.note(to, v.serial)
	}
}

// stream sends an answer of one of the kinds, and reports that all of it was.
func (s *Server) stream(ctx context.Context, r *request, z *zone, v *version, d *difference, kind string) bool {
	st := &stream{server: s, request: r, ctx: ctx}
	var err error
	switch soa := v.soa(z.name); kind {
	case answerSerial:
		err = st.send(single(soa))
	case answerDifferences:
		err = st.send(inSteps(d))
	default:
		if err = st.send(inWhole(soa, v, z)); err == nil {
			z.sized(st.octets)
		}
	}
	if err != nil {
		kind = answerBroken
		s.log.Warn("transfer broke off", "zone", z.name, "to", r.from, "key", r.key(), "messages", st.messages, "error", err)
	} else {
		s.log.Debug("transfer done", "zone", z.name, "to", r.from, "key", r.key(), "what", kind, "serial", v.serial, "messages", st.messages)
	}
	s.metrics.transfer(r.kind(), kind)
	s.metrics.sent(kind, st.octets)
	return err == nil
}

// single is the SOA alone.
func single(soa record) iter.Seq[record] {
	return func(yield func(record) bool) { yield(soa) }
}

// inWhole is a zone between two copies of its SOA (RFC 5936 §2.2).
func inWhole(soa record, v *version, z *zone) iter.Seq[record] {
	return func(yield func(record) bool) {
		if !yield(soa) {
			return
		}
		for r := range recordsOf(v.table.RRsets(z.name)) {
			if r.typ != dns.TypeSOA && !yield(r) {
				return
			}
		}
		yield(soa)
	}
}

// inSteps is the new SOA, the SOA before, what was removed, the SOA after, what
// was added, and the new SOA once more (RFC 1995 §4).
func inSteps(d *difference) iter.Seq[record] {
	return func(yield func(record) bool) {
		if !yield(d.to.soa) {
			return
		}
		for _, part := range []struct {
			soa  record
			rest []byte
		}{{d.from.soa, d.removed}, {d.to.soa, d.added}} {
			if !yield(part.soa) {
				return
			}
			for r := range packed(part.rest) {
				if !yield(r) {
					return
				}
			}
		}
		yield(d.to.soa)
	}
}

// stream packs records into messages, each as full as it may be, and sends them.
type stream struct {
	server   *Server
	request  *request
	ctx      context.Context
	m        message
	messages int
	octets   int
}

// send sends records as the answer to the request.
func (st *stream) send(records iter.Seq[record]) error {
	st.begin()
	for r := range records {
		if !st.m.fits(&r) {
			if err := st.flush(); err != nil {
				return err
			}
			st.begin()
		}
		if !st.m.add(&r) {
			return errTooLong
		}
	}
	return st.flush()
}

// begin starts the next message; the first has the question, and OPT (RFC 5936
// §2.2.1, §2.2.5).
func (st *stream) begin() {
	r := st.request
	st.m.free = 0
	if r.signer != nil {
		st.m.free += r.signer.Room()
	}
	if st.messages == 0 && r.opt != nil {
		st.m.free += optSize
	}
	st.m.begin(r, dns.RcodeSuccess, st.messages == 0)
}

func (st *stream) flush() error {
	if err := st.ctx.Err(); err != nil {
		return err
	}
	r := st.request
	out := st.m.finish(st.messages == 0 && r.opt != nil, dns.RcodeSuccess, r.opt != nil && r.opt.Do())
	st.messages++
	st.octets += len(out)
	return st.server.send(r, out)
}
