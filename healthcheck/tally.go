// SPDX-License-Identifier: Apache-2.0

package healthcheck

import "github.com/meridian-gslb/meridian/gslb"

// outcome is what one probe says of an entry.
type outcome uint8

const (
	up    outcome = iota
	down          // the entry did not answer as it should
	blank         // says nothing of the entry: the probe could not be sent
)

// tally counts outcomes in a row and turns them into health.
//
//	outcome | in a row | guard holds | health becomes
//	up      | < rise   | any         | as it was; unknown at first
//	up      | ≥ rise   | any         | healthy
//	down    | < fall   | any         | as it was; unknown at first
//	down    | ≥ fall   | no          | unhealthy
//	down    | ≥ fall   | yes         | unknown: the fault is probably ours
//	blank   | < fall   | any         | as it was
//	blank   | ≥ fall   | any         | unknown: nobody could look
//
// An up ends a row of downs and the other way round; a blank ends neither.
type tally struct {
	health             gslb.Health
	decided            bool // a verdict was reached once
	ups, downs, blanks int
}

// reset forgets the rows and keeps the health, for a check that changed.
func (t *tally) reset() { t.ups, t.downs, t.blanks = 0, 0, 0 }

// add counts one outcome. It reports whether the outcome confirms or changes the
// health, which is when its cause is worth telling.
func (t *tally) add(o outcome, rise, fall int, guarded bool) bool {
	switch o {
	case up:
		t.ups, t.downs, t.blanks = t.ups+1, 0, 0
		return t.settle(t.ups >= rise, gslb.Healthy)
	case down:
		t.ups, t.downs, t.blanks = 0, t.downs+1, 0
		if guarded {
			return t.settle(t.downs >= fall, gslb.HealthUnknown)
		}
		return t.settle(t.downs >= fall, gslb.Unhealthy)
	case blank:
		t.blanks++
	}
	return t.settle(t.blanks >= fall, gslb.HealthUnknown)
}

func (t *tally) settle(enough bool, h gslb.Health) bool {
	if !enough {
		return false
	}
	t.health, t.decided = h, true
	return true
}
