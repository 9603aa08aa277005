// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// unsought says until when the names that we do not know may be those of clusters that
// we do not know: a start without a saved world while the edge cannot be read, and
// nobody calls. Not for ever, since we may be alone.
//
//	peers are looked up | a saved world | looked up with success | a peer was read or given up | since the start | unsought
//	no                  | any           | –                      | any                         | any             | no
//	yes                 | yes           | any                    | any                         | any             | no
//	yes                 | no            | yes                    | any                         | any             | no
//	yes                 | no            | never                  | yes                         | any             | no
//	yes                 | no            | never                  | no                          | < split-brain   | yes
//	yes                 | no            | never                  | no                          | ≥ split-brain   | no
func (m *merger) unsought(now time.Time, next *earliest) time.Time {
	if m.unsoughtUntil.IsZero() {
		return m.unsoughtUntil
	}
	known := false
	for _, p := range m.peers {
		known = known || len(p.best) > 0 || p.standing.Liveness == Lost
	}
	if known || !m.unsoughtUntil.After(now) {
		m.unsoughtUntil = time.Time{}
		return m.unsoughtUntil
	}
	next.add(m.unsoughtUntil)
	return m.unsoughtUntil
}
