// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

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
		if now.After(sl.due) {
			// We stood still meanwhile: it is no news of this moment any more.
			return fmt.Errorf("report of cluster %s for zone %s: %w", sl.sub.tag, sl.sub.copies.empty.zone, errSilent)
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
		s.to = instance
		s.x.heard.note(tag, instance, f.number, now)
	}
	id := ""
	if f := sl.t.from; f != nil && tag != "" {
		id = f.id
		if tag == s.x.cfg.Self {
			s.x.sawOwnTag(f, sl.t.empty.origin)
		}
	}
	s.x.readers.alive(s.peer, tag, id, instance, s.addr, skewOf(m.tsig, s.x.now()), now)
	if tag == s.peer.tag && !s.worked {
		s.worked = true
		s.peer.works()
		close(s.works)
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
	speaker, instance := s.speaker(t)
	if first && instance != "" {
		s.at.Store(&instance)
	}
	direct := speaker == sl.sub.tag
	result := t.result
	switch {
	case t.rcode != dns.RcodeSuccess:
		sl.fails++
		sl.due = now.Add(s.again(t.rcode, sl, first))
	case t.zone == nil:
		sl.fails, sl.stale = 0, false
		if t.base != nil && result == resultUnchanged {
			sl.sub.copies.confirm(t.have, direct, now)
			s.x.readers.isCurrent(sl.sub.tag, t.have.instance, direct, now)
		}
		sl.due = now
		if result == resultUnchanged && sl.named && now.Sub(asked) < sl.hold/2 {
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
	const many, pause = 32, 25 * time.Millisecond
	if sl.rapid++; now.Sub(asked) > 10*time.Millisecond {
		sl.rapid = 0
	}
	if sl.rapid > many && sl.due.Sub(now) < pause {
		sl.due = now.Add(pause)
	}
}

// deliver hands a new version on and gives the result. Of the answers on two
// connections the older can arrive last: that one is asked again at once, and only
// an author that says it again is told of.
func (s *session) deliver(sl *slot, t *transfer, direct bool, now time.Time) string {
	sl.whole = false
	err := s.x.readers.deliver(sl.sub, t.zone, direct, !sl.stale, now)
	var stale *errStale
	switch {
	case err == nil:
		sl.fails, sl.claim, sl.stale, sl.due = 0, soa{}, false, now.Add(pace(t.moved))
		return t.result
	case errors.As(err, &stale):
		sl.due = now
		if sl.stale {
			sl.due = now.Add(s.x.cfg.Hold)
		}
		sl.stale = true
		return resultStale
	}
	sl.claim, sl.due = t.current, now.Add(s.x.cfg.Hold)
	return resultBad
}

// pace is the pause after a change: one of many hosts costs more to take, so the next
// is taken later.
func pace(hosts int) time.Duration {
	return min(time.Duration(hosts)*5*time.Microsecond, 250*time.Millisecond)
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
