// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// calledWithin is how long a start that found nobody waits to be called by those who
// know it: the edge may be away, or old. They try every second.
const calledWithin = 2500 * time.Millisecond

// sought notes that peers were looked up. Where none was found, those that know us
// get the time to call.
func (m *merger) sought(now time.Time) {
	m.unsoughtUntil = time.Time{}
	if m.seeksUntil.IsZero() {
		return
	}
	m.seeksUntil = time.Time{}
	if len(m.peers) == 0 {
		m.seeksUntil = m.firstBy.Add(calledWithin - m.timing.Decide)
	}
}

// allDecided reports that peers were looked up, and each was heard or given up. Nobody
// is waited for longer than until firstBy, however many become known one by one.
func (m *merger) allDecided(now time.Time, next *earliest) bool {
	if !m.firstBy.IsZero() && !m.firstBy.After(now) {
		return true
	}
	next.add(m.firstBy)
	if m.seeksUntil.After(now) {
		next.add(m.seeksUntil)
		return false
	}
	for _, p := range m.peers {
		if p.standing.Liveness == Unheard {
			return false
		}
		// It was heard, since it called us or began to answer, but not yet read.
		if at := p.evidence.Known.Add(m.timing.Decide); len(p.best) == 0 && p.standing.Liveness != Lost && at.After(now) {
			next.add(at)
			return false
		}
	}
	return true
}
