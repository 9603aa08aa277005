// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// session reads over one connection: one question for each zone is under way,
// answers are told apart by their ids. It is used by one goroutine.
type session struct {
	*link
	x      *Exchange
	conn   net.Conn
	slots  []*slot
	worked bool
	turn   int // questions sent
}

// slot is one zone on a connection.
type slot struct {
	sub   subscription
	at    string    // instance that answered last: serials are its own
	claim soa       // a version that we could not take: no need to see it again
	whole bool      // the last increment did not fit
	rapid int       // answers in a row that came at once
	asked time.Time // zero: nothing is under way
	hold  time.Duration
	due   time.Time // asked: until when an answer must come; else when to ask
	id    uint16
	t     *transfer
	fails int
}

func newSession(l *link, conn net.Conn) *session {
	return &session{link: l, x: l.peer.x, conn: conn}
}

// run asks and reads until the connection ends. Four things can happen:
//
//  1. a message came: it belongs to a question, or is ignored
//  2. something is due: a question, or an answer that did not come
//  3. there are other zones to read
//  4. ctx ends
func (s *session) run(ctx context.Context) error {
	frames, done := make(chan frame), make(chan struct{})
	defer close(done)
	go readFrames(s.conn, frames, done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	subs, changed := s.peer.lane(s.lane)
	s.follow(subs)
	for len(s.slots) > 0 {
		next, err := s.ask(time.Now())
		if err != nil {
			return err
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			subs, changed = s.peer.lane(s.lane)
			s.follow(subs)
		case f := <-frames:
			if f.err != nil {
				return f.err
			}
			if err := s.read(f.msg, time.Now()); err != nil {
				return err
			}
		case <-timer.C:
		}
	}
	return context.Canceled // nothing to read any more
}

// follow makes the slots fit the subscriptions; questions under way go on.
func (s *session) follow(subs []subscription) {
	next := make([]*slot, 0, len(subs))
	for _, sub := range subs {
		var have *slot
		for _, old := range s.slots {
			if old.sub == sub {
				have = old
			}
		}
		if have == nil {
			have = &slot{sub: sub}
		}
		next = append(next, have)
	}
	s.slots = next
	if len(next) > 0 && next[0].hold > s.x.cfg.Hold {
		// It carries the keep-alive now: ask again, with the shorter hold.
		next[0].asked, next[0].due = time.Time{}, time.Time{}
	}
}

// ask sends every question that is due and gives the moment when something is
// due next. The error says that an answer did not come.
func (s *session) ask(now time.Time) (next time.Time, err error) {
	for i, sl := range s.slots {
		switch {
		case sl.due.After(now):
		case !sl.asked.IsZero():
			return next, fmt.Errorf("report of cluster %s for zone %s: %w", sl.sub.tag, sl.sub.copies.empty.zone, errSilent)
		default:
			if err := s.send(sl, i == 0, now); err != nil {
				return next, err
			}
		}
		if next.IsZero() || sl.due.Before(next) {
			next = sl.due
		}
	}
	return next, nil
}

// holdFor says how long a question may be held. The two connections of an
// address are half a hold apart at the start, so that their keep-alives
// alternate.
func (s *session) holdFor(first bool) time.Duration {
	if !first {
		return s.x.cfg.LongHold - time.Duration(rand.Int64N(int64(s.x.cfg.LongHold)/8+1))
	}
	d := s.x.cfg.Hold
	if s.second && s.turn == 0 {
		d /= 2
	}
	return d - time.Duration(rand.Int64N(int64(d)/16+1))
}

// send asks for a zone: IXFR from what we have, with the hold option.
func (s *session) send(sl *slot, first bool, now time.Time) error {
	t := s.transfer(sl)
	sl.hold, sl.id = s.holdFor(first), s.freeID()
	s.turn++
	hello := s.x.hello()
	hello.hold, hello.hears = sl.hold, s.x.hears()
	b := newBuilder(512, sl.id, 0, question(t.empty.origin, dns.TypeIXFR), t.empty.origin)
	b.soa(authoritySection, t.have)
	b.opt(0, HoldOption, hello.String())
	msg, err := t.chain.sign(b.buf, stamp(s.x.now()))
	if err != nil {
		return err
	}
	t.chain.later = false // the first answer comes next
	sl.t, sl.asked, sl.due = t, now, now.Add(sl.hold+grace)
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
	if err := s.conn.SetWriteDeadline(now.Add(writeTimeout)); err != nil {
		return err
	}
	_, err = s.conn.Write(append(out, msg...))
	return err
}

// transfer prepares to take an answer.
func (s *session) transfer(sl *slot) *transfer {
	c := sl.sub.copies
	t := &transfer{
		empty: c.empty, base: c.of(sl.at), chain: &chain{key: s.peer.signer()}, seen: c.seen,
	}
	t.like = t.base
	switch {
	case sl.whole:
		t.base = nil
	case sl.claim != soa{}:
		t.base, t.have = nil, sl.claim
	case t.base != nil:
		t.have = t.base.soa()
	}
	return t
}

func (s *session) freeID() uint16 {
	for {
		id := uint16(rand.Uint32())
		taken := false
		for _, sl := range s.slots {
			taken = taken || !sl.asked.IsZero() && sl.id == id
		}
		if !taken {
			return id
		}
	}
}

// read takes one message. The error ends the connection.
func (s *session) read(raw []byte, now time.Time) error {
	s.x.metrics.receivedBytes.WithLabelValues(string(s.peer.tag)).Add(float64(len(raw)))
	m, err := parseMessage(raw)
	if err != nil {
		return err
	}
	for _, sl := range s.slots {
		if sl.asked.IsZero() || sl.id != m.id {
			continue
		}
		done, err := sl.t.take(m, s.x.now())
		var content *contentError
		if m.tsig != nil && (err == nil || errors.As(err, &content)) {
			s.alive(sl, m, now)
		}
		if !done && err == nil {
			sl.due = now.Add(grace + grace)
			if now.Sub(sl.asked) > sl.hold+transferLimit {
				return fmt.Errorf("report of cluster %s drips: %w", sl.sub.tag, errSilent)
			}
			return nil
		}
		return s.complete(sl, err, now)
	}
	return nil // the answer to a question that nobody asks any more
}

// speaker says who signed the answer: the cluster that the option names, or the
// one that the key is bound to; "" if that cannot be told.
func (s *session) speaker(t *transfer) (gslb.GeoTag, string) {
	bound := t.chain.key.peer
	switch f := t.from; {
	case f == nil:
		return bound, ""
	case bound != "" && f.tag != bound:
		s.x.metrics.signatures.WithLabelValues(sideReader, "identity").Inc()
		return "", ""
	default:
		return f.tag, f.instance
	}
}

// alive notes that a rightly signed message came.
func (s *session) alive(sl *slot, m *message, now time.Time) {
	tag, instance := s.speaker(sl.t)
	if f := sl.t.from; f != nil && tag != "" {
		s.x.heard.note(tag, instance, f.number, now)
	}
	s.x.readers.alive(s.peer, tag, instance, s.addr, skewOf(m.tsig, s.x.now()), now)
	if tag == s.peer.tag && !s.worked {
		s.worked = true
		s.peer.works()
	}
}

// complete handles a finished answer and says when to ask again.
func (s *session) complete(sl *slot, err error, now time.Time) error {
	t, asked := sl.t, sl.asked
	sl.asked, sl.t = time.Time{}, nil
	defer sl.calm(asked, now)
	first := len(s.slots) > 0 && s.slots[0] == sl
	if err != nil {
		return s.failed(sl, t, err, now)
	}
	if t.current.instance != "" {
		sl.at = t.current.instance
	}
	speaker, _ := s.speaker(t)
	direct := speaker == sl.sub.tag
	result := t.result
	switch {
	case t.rcode != dns.RcodeSuccess:
		sl.fails++
		sl.due = now.Add(s.again(t.rcode, sl, first))
	case t.zone == nil:
		sl.fails = 0
		if t.base != nil && result == resultUnchanged {
			sl.sub.copies.confirm(t.have, direct, now)
		}
		sl.due = now
		if result == resultUnchanged && now.Sub(asked) < sl.hold/2 {
			sl.due = asked.Add(sl.hold) // it does not hold
		}
	default:
		result = s.deliver(sl, t, direct, now)
	}
	s.x.metrics.transfers.WithLabelValues(string(s.peer.tag), result).Inc()
	return nil
}

// calm slows down when answers come one upon the other for long: an author that
// always has news must not keep us busy.
func (sl *slot) calm(asked, now time.Time) {
	const many, pause = 32, 100 * time.Millisecond
	if sl.rapid++; now.Sub(asked) > 10*time.Millisecond {
		sl.rapid = 0
	}
	if sl.rapid > many && sl.due.Sub(now) < pause {
		sl.due = now.Add(pause)
	}
}

// deliver hands a new version on and gives the result.
func (s *session) deliver(sl *slot, t *transfer, direct bool, now time.Time) string {
	sl.whole = false
	err := s.x.readers.deliver(sl.sub, t.zone, direct, now)
	var stale *errStale
	switch {
	case err == nil:
		sl.fails, sl.claim, sl.due = 0, soa{}, now.Add(pace(t.zone))
		return t.result
	case errors.As(err, &stale):
		sl.due = now.Add(s.x.cfg.Hold)
		return resultStale
	}
	sl.claim, sl.due = t.current, now.Add(s.x.cfg.Hold)
	return resultBad
}

// pace is the pause after a change: a report of many hosts costs more to take,
// so it is taken less often.
func pace(z *Zone) time.Duration {
	return min(time.Duration(len(z.sets))*10*time.Microsecond, 250*time.Millisecond)
}

// again is the pause after a signed refusal. The first zone goes on asking, as
// the keep-alive of the connection.
func (s *session) again(rcode int, sl *slot, first bool) time.Duration {
	d := firstRetry << min(sl.fails-1, 8)
	switch {
	case rcode == dns.RcodeServerFailure || first:
		return min(d, s.x.cfg.Hold)
	case sl.sub.tag != s.peer.tag:
		return min(d, 5*time.Second)
	}
	return min(d, s.x.cfg.LongHold)
}

// failed handles an answer that is no report. What is only wrongly signed, or
// rightly signed and not understood, is asked for again on the same connection;
// everything else ends it.
func (s *session) failed(sl *slot, t *transfer, err error, now time.Time) error {
	sl.fails++
	sl.due = now.Add(s.x.cfg.Hold)
	count := func(result, kind string) {
		s.x.metrics.transfers.WithLabelValues(string(s.peer.tag), result).Inc()
		if kind != "" {
			s.x.metrics.signatures.WithLabelValues(sideReader, kind).Inc()
		}
	}
	var content *contentError
	switch {
	case errors.As(err, &content):
		count(resultBad, "")
		if errors.Is(err, errMisfit) {
			sl.whole, sl.claim, sl.due = true, soa{}, now
			return nil
		}
		if content.complete {
			sl.claim = t.current
		}
		s.x.readers.badReport(sl.sub, err)
		return nil
	case errors.Is(err, errTheirBadTime), errors.Is(err, errBadTime):
		count(resultUnsigned, "badtime")
		if tag, _ := s.speaker(t); tag == s.peer.tag {
			s.x.readers.signatureTrouble(s.peer, s.addr, gslb.SignedBadTime, err, now)
		}
		return nil
	case errors.Is(err, errTheirBadKey), errors.Is(err, errTheirBadSig):
		count(resultUnsigned, signatureKind(err))
		s.peer.nextKey(t.chain.key)
		if sl.fails < len(s.peer.keys) {
			sl.due = now
		}
		s.x.readers.signatureTrouble(s.peer, s.addr, gslb.BadSignature, err, now)
		return nil
	case errors.Is(err, errUnsigned):
		count(resultUnsigned, "unsigned")
		s.x.readers.unproven(s.peer, s.addr, err)
		return nil
	case errors.Is(err, errBadSig), errors.Is(err, errBadKey):
		count(resultUnsigned, signatureKind(err))
	default:
		count(resultBad, "")
	}
	return err
}

// cut counts the transfers that the end of the connection left in the middle.
func (s *session) cut() {
	for _, sl := range s.slots {
		if sl.t != nil && sl.t.phase > begins {
			s.x.metrics.transfers.WithLabelValues(string(s.peer.tag), resultCut).Inc()
		}
	}
}
