// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// skewError is errTheirBadTime with the measured skew.
type skewError struct{ skew time.Duration }

func (e *skewError) Error() string {
	return fmt.Sprintf("%v (theirs is ahead by %s)", errTheirBadTime, e.skew)
}
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

	phase   phase
	current soa
	step    soa // of an increment
	drain   bool
	sets    map[string]*set
	count   int
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
	if g := m.tsig; g != nil && len(g.mac) == 0 && m.rcode() == dns.RcodeNotAuth {
		switch g.code {
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
	if m.tsig == nil || m.tsig.code != dns.RcodeBadTime {
		return nil
	}
	e := &skewError{}
	if o := m.tsig.other; len(o) == 6 {
		theirs := &tsig{time: uint64(binary.BigEndian.Uint16(o))<<32 | uint64(binary.BigEndian.Uint32(o[2:]))}
		e.skew = skewOf(theirs, now)
	}
	return e
}

// record takes the next record. alone tells that its message has no other.
func (t *transfer) record(m *message, r *record, alone bool) error {
	label, err := t.label(r)
	if err != nil {
		return err
	}
	if r.typ == dns.TypeSOA {
		if label != "" {
			return errors.New("an SOA below the apex")
		}
		v, err := m.soa(r)
		if err != nil {
			return err
		}
		return t.boundary(v, alone)
	}
	switch t.phase {
	case begins:
		return errors.New("the answer does not begin with an SOA")
	case ended:
		return errors.New("records after the end")
	case decides:
		t.phase, t.result, t.sets = inWhole, resultWhole, make(map[string]*set)
	}
	if r.typ != dns.TypeTXT || t.drain {
		return nil // NS, or a type of a later version
	}
	return t.text(label, r.data)
}

func (t *transfer) label(r *record) (string, error) {
	if r.class != dns.ClassINET {
		return "", errors.New("a record of another class")
	}
	if r.owner == t.empty.origin {
		return "", nil
	}
	if label, rest, ok := r.owner.cut(); ok && rest == t.empty.origin {
		return label, nil
	}
	return "", fmt.Errorf("%s lies outside the report zone", presentation(r.owner))
}

// boundary takes an SOA (RFC 1995 §4).
//
//	phase     | SOA is           | then
//	begins    | alone, what we have | nothing changed
//	begins    | any other        | decides
//	decides   | what we have     | an increment: removed records follow
//	inWhole   | the current      | ended
//	inRemoved | a step further   | added records follow
//	inAdded   | the current      | ended
//	inAdded   | the step reached | removed records of the next step follow
func (t *transfer) boundary(v soa, alone bool) error {
	switch t.phase {
	case begins:
		t.current = v
		if alone && v == t.have {
			t.phase, t.result = ended, resultUnchanged
			return nil
		}
		t.phase, t.drain = decides, v != t.have && t.seen != nil && t.seen(v)
	case decides:
		if t.base == nil || v != t.base.soa() || v == t.current {
			return errMisfit
		}
		t.phase, t.result, t.sets = inRemoved, resultIncrement, make(map[string]*set)
	case inWhole:
		if v != t.current {
			return errors.New("the zone ends at another serial than it began")
		}
		t.phase = ended
	case inRemoved:
		t.step, t.phase = v, inAdded
	case inAdded:
		switch v {
		case t.current:
			if t.step != v {
				return errMisfit
			}
			t.phase = ended
		case t.step:
			t.phase = inRemoved
		default:
			return errMisfit
		}
	case ended:
		return errors.New("records after the end")
	}
	return nil
}

// text takes the data of a TXT record.
func (t *transfer) text(label string, data []byte) error {
	if t.size += len(data); t.size > 2*maxZoneBytes {
		return fmt.Errorf("more than %d octets", 2*maxZoneBytes)
	}
	s := t.sets[label]
	if s == nil {
		if len(t.sets) > 2+maxHosts+maxRecords {
			return fmt.Errorf("more than %d names", len(t.sets)-1)
		}
		s = &set{label: label}
		if t.phase != inWhole {
			if old := t.base.find(label); old != nil {
				s.txt, s.size = slices.Clone(old.txt), old.size
			}
		}
		t.sets[label] = s
	}
	at := -1
	if t.phase != inWhole {
		at = slices.IndexFunc(s.txt, func(b []byte) bool { return bytes.Equal(b, data) })
	}
	switch {
	case t.phase == inRemoved && at >= 0:
		s.txt = slices.Delete(s.txt, at, at+1)
		s.size -= len(data)
	case t.phase == inRemoved || at >= 0:
		return errMisfit
	default:
		s.txt = append(s.txt, bytes.Clone(data))
		if s.size += len(data); s.size > maxSetBytes && t.phase == inWhole {
			return fmt.Errorf("label %q: more than %d octets", label, maxSetBytes)
		}
	}
	return nil
}

// finish makes the new version, sharing what did not change.
func (t *transfer) finish() error {
	if t.result == resultUnchanged {
		return nil
	}
	if t.drain {
		t.result = resultSeen
		return nil
	}
	from := t.empty
	if t.result == resultIncrement {
		from = t.base
	}
	for _, label := range slices.SortedFunc(maps.Keys(t.sets), strings.Compare) {
		s := t.sets[label]
		if len(s.txt) == 0 {
			t.sets[label] = nil
			continue
		}
		if t.like != nil {
			if old := t.like.find(label); s.sameText(old) {
				t.sets[label] = old
				continue
			}
		}
		if label == "" {
			continue
		}
		var err error
		if s.part, err = parsePart(s, t.empty.zone); err != nil {
			return fmt.Errorf("report of cluster %s for zone %s: %w", t.empty.tag, t.empty.zone, err)
		}
	}
	t.zone = from.with(t.sets, t.current)
	t.sets = nil
	return nil
}
