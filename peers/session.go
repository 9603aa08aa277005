// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
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
	toldAt []netip.Addr // where we are called, as the peer was told on this connection
	slots  []*slot
	worked bool
	turn   int           // questions sent
	to     string        // the instance that answered last
	told   []gslb.GeoTag // whom we hear, as last said on this connection
	works  chan struct{} // closed with worked
}

// slot is one zone on a connection.
type slot struct {
	sub   subscription
	at    string    // instance that answered last: serials are its own
	claim soa       // a version that we could not take: no need to see it again
	whole bool      // the last increment did not fit
	stale bool      // the last version was older than one seen before
	rapid int       // answers in a row that came at once
	asked time.Time // zero: nothing is under way
	named bool      // the question says whom it speaks to, so it may be held
	known bool      // it was asked for on this connection
	hold  time.Duration
	due   time.Time // asked: until when an answer must come; else when to ask
	id    uint16
	t     *transfer
	fails int
}

func newSession(l *link, conn net.Conn) *session {
	return &session{link: l, x: l.peer.x, conn: conn, works: make(chan struct{})}
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
		return s.x.cfg.LongHold - time.Duration(s.x.cfg.Rand()*float64(s.x.cfg.LongHold)/8)
	}
	d := s.x.cfg.Hold
	if s.second && s.turn == 0 {
		d /= 2
	}
	return d - time.Duration(s.x.cfg.Rand()*float64(d)/16)
}

// send asks for a zone: IXFR from what we have, with the hold option.
func (s *session) send(sl *slot, first bool, now time.Time) error {
	t := s.transfer(sl)
	sl.hold, sl.id = s.holdFor(first), s.freeID()
	s.turn++
	hello := s.x.hello()
	hello.hold, hello.to = sl.hold, cmp.Or(s.to, nobody)
	sl.named, sl.known = s.to != "" || sl.known, true
	if hears := s.x.hears(); s.turn == 1 || !slices.Equal(hears, s.told) {
		hello.hears, s.told = hears, hears
	}
	if at := s.x.calledAt(); !slices.Equal(at, s.toldAt) {
		if hello.at = at; sl.named { // the first question may not count
			s.toldAt = at
		}
	}
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
