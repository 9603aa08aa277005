// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// serial is the SOA serial of one zone (design.md §4).
type serial struct {
	value   uint32
	at      time.Time
	pending bool   // content changed after at
	highest uint32 // that a peer states
}

// serial gives that of a zone, which begins unset.
func (m *merger) serial(zone Name) *serial {
	s := m.serials[zone]
	if s == nil {
		s = &serial{}
		m.serials[zone] = s
	}
	return s
}

// bump has the serial of a zone move on with the next World.
func (m *merger) bump(zone Name) {
	if !zone.IsZero() {
		m.serial(zone).pending = true
	}
}

// serialLess compares by RFC 1982 §3.2; unset (0) is less than all.
func serialLess(a, b uint32) bool { return a != b && (a == 0 || int32(b-a) > 0) }

// publish gives the serial of a zone: max(clock seconds, last + 1, highest that
// a peer states), moved at most once a second.
func (m *merger) publish(s *serial, now time.Time, next *earliest) uint32 {
	if s.value != 0 && !s.pending {
		return s.value
	}
	if s.value != 0 && now.Sub(s.at) < time.Second {
		next.add(s.at.Add(time.Second))
		return s.value
	}
	v, wall := s.value+1, now
	if m.clock != nil {
		wall = m.clock()
	}
	if clock := uint32(wall.Unix()); serialLess(v, clock) || s.value == 0 {
		v = clock
	}
	if serialLess(v, s.highest) {
		v = s.highest
	}
	s.value, s.at, s.pending = v, now, false
	return v
}

// recall takes serials up to the highest that a peer states, at once: nobody was
// answered yet, and what was served before a restart may be in a peer's memory only.
func (m *merger) recall(zones []Zone) {
	for i := range zones {
		s := m.serial(zones[i].Zone)
		if serialLess(s.value, s.highest) {
			s.value = s.highest
		}
		zones[i].Serial = s.value
	}
}
