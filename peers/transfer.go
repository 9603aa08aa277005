// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Results of a transfer, as metrics name them.
const (
	resultUnchanged = "unchanged"
	resultWhole     = "whole"
	resultIncrement = "increment"
	resultSeen      = "seen"     // the other connection brought it already
	resultRefused   = "refused"  // a signed answer without the zone
	resultUnsigned  = "unsigned" // an answer that proves nothing
	resultBad       = "bad"      // signed, complete, and not a report that we take
	resultStale     = "stale"    // older than what that instance said before
	resultCut       = "cut"      // the connection ended in the middle, or stood still
)

// Problems that an answer names.
var (
	errTheirBadKey  = errors.New("the peer does not know our key")
	errTheirBadSig  = errors.New("the peer finds our signature wrong: the secrets differ")
	errTheirBadTime = errors.New("the peer finds our clock too far from its own")
	errUnsigned     = errors.New("the answer is not signed")
	errMisfit       = errors.New("the increment does not fit what we have")
)

// contentError is a problem in an answer that its author signed: it lives, and
// what it says is not taken.
type contentError struct {
	err      error
	complete bool // all of it came; asked again it would say the same
}

// Error implements error.
func (e *contentError) Error() string { return e.err.Error() }

// Unwrap gives the problem.
func (e *contentError) Unwrap() error { return e.err }

// skewError is errTheirBadTime with the measured skew.
type skewError struct{ skew time.Duration }

// Error implements error.
func (e *skewError) Error() string {
	return fmt.Sprintf("%v (theirs is ahead by %s)", errTheirBadTime, e.skew)
}

// Unwrap gives errTheirBadTime.
func (e *skewError) Unwrap() error { return errTheirBadTime }

// phases of a transfer.
type phase uint8

const (
	begins    phase = iota // the first SOA is awaited
	decides                // the second record tells what kind it is
	inWhole                // all of the zone
	inRemoved              // an increment: what goes
	inAdded                // an increment: what comes
	ended
)

// transfer puts the messages of one answer together. Nothing of it counts until
// the last message came, signed.
type transfer struct {
	empty *Zone // names the zone that was asked for
	have  soa   // what the request said that we have
	base  *Zone // that version; nil: we cannot build on it
	like  *Zone // where unchanged sets are shared from; nil: nowhere
	chain *chain
	seen  func(soa) bool // a version that needs no second look

	from   *hello
	rcode  int
	result string
	zone   *Zone // the new version, when there is one
	moved  int   // names that came with it

	phase   phase
	current soa
	step    soa // of an increment
	drain   bool
	sets    map[string]*set
	size    int
}

// take reads the next message of the answer; done means that it is complete.
func (t *transfer) take(m *message, now time.Time) (done bool, err error) {
	first := !t.chain.later
	if m.flags&flagQR == 0 || m.opcode() != dns.OpcodeQuery {
		return false, errors.New("not an answer to a question")
	}
	if (first || m.asked > 0) && (m.qname != t.empty.origin || m.qtype != dns.TypeIXFR || m.qclass != dns.ClassINET) {
		return false, errors.New("the answer is to another question")
	}
	err = t.authenticate(m, now)
	if first && (err == nil || errors.Is(err, errBadTime)) {
		if bad := t.greeting(m); bad != nil {
			return false, bad
		}
	}
	if err != nil {
		return false, err
	}
	if t.rcode = m.rcode(); t.rcode != dns.RcodeSuccess {
		t.phase, t.result = ended, resultRefused
		return true, t.theirs(m, now)
	}
	if err := t.records(m); err != nil {
		return false, &contentError{err, false}
	}
	if t.phase != ended {
		return false, nil
	}
	if m.tsig == nil {
		return false, fmt.Errorf("last message: %w", errUnsigned)
	}
	if err := t.finish(); err != nil {
		return true, &contentError{err, true}
	}
	return true, nil
}

// records takes those of one message.
func (t *transfer) records(m *message) error {
	if m.flags&flagTC != 0 {
		return errors.New("the answer is truncated")
	}
	for i := range m.records {
		if r := &m.records[i]; r.section == answerSection {
			if err := t.record(m, r, len(m.records) == 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// authenticate checks the signature; messages in the middle may lack one.
func (t *transfer) authenticate(m *message, now time.Time) error {
	if g := m.tsig; g != nil && len(g.MAC) == 0 && m.rcode() == dns.RcodeNotAuth {
		switch g.Code {
		case dns.RcodeBadKey:
			return errTheirBadKey
		case dns.RcodeBadSig:
			return errTheirBadSig
		}
	}
	if m.tsig != nil {
		return t.chain.verify(m, now)
	}
	if !t.chain.later {
		return fmt.Errorf("%w (%s)", errUnsigned, dns.RcodeToString[m.rcode()])
	}
	return t.chain.skip(m)
}

func (t *transfer) greeting(m *message) error {
	text, ok, err := m.option(HoldOption)
	if err == nil && ok {
		t.from, err = parseHello(text)
	}
	return err
}

// theirs gives the trouble that a signed error tells of; nil for a plain refusal.
func (t *transfer) theirs(m *message, now time.Time) error {
	if m.tsig == nil || m.tsig.Code != dns.RcodeBadTime {
		return nil
	}
	e := &skewError{}
	if o := m.tsig.Other; len(o) == 6 {
		theirs := stated(uint64(binary.BigEndian.Uint16(o))<<32|uint64(binary.BigEndian.Uint32(o[2:])), dns.RcodeSuccess, nil)
		e.skew = skewOf(&theirs, now)
	}
	return e
}
