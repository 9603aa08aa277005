// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

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
	case inWhole, inRemoved, inAdded:
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
	t.moved, t.sets = len(t.sets), nil
	return nil
}
