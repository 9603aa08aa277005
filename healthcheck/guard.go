// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// guardHosts is the number of hosts from which silence on all sides is taken for
// a fault of the prober.
const guardHosts = 4

// guard tells a dead entry from a prober that is cut off (its node's network, a
// policy that forbids it to send). An entry that answers nothing is held to be
// unknown rather than down when, since its failures began,
//
//   - no probe of any host got any reply, not even a refusal or a wrong status, and
//   - at least guardHosts hosts were asked and are silent.
//
// Unknown entries are answered when nobody is known to be healthy, so a blind
// prober empties no host; and clusters that are healthy are still preferred.
type guard struct {
	replied time.Time         // start of the latest probe that got a reply
	silent  map[gslb.Name]int // host → checks of it whose last probe got none
}

func newGuard() guard { return guard{silent: make(map[gslb.Name]int)} }

// note records the last probe of a check: whether it was silent before and is now.
func (g *guard) note(host gslb.Name, was, is bool) {
	switch {
	case is && !was:
		g.silent[host]++
	case was && !is && g.silent[host] == 1:
		delete(g.silent, host)
	case was && !is:
		g.silent[host]--
	}
}

// reply records that a probe which began then got a reply.
func (g *guard) reply(began time.Time) {
	if began.After(g.replied) {
		g.replied = began
	}
}

// holds reports that silence since then is probably our own fault.
func (g *guard) holds(since time.Time) bool {
	return len(g.silent) >= guardHosts && g.replied.Before(since)
}
