// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// causes counts what may rightly change an answer. Each gives every process one
// change of every answer; a change without one left is a flap, or comes of
// something that must not change answers: a lost packet, a stalled watch, an API
// that is away, one of several processes that ends.
type causes struct {
	last time.Time // cause
}

// A cause can change answers for so long: a heartbeat vouches for three of its
// intervals, and then all is decided.
const causeLasts = 25 * time.Second

// cause takes a line of the story that changes the world. The lock is held.
func (o *oracle) cause(cmd string, args ...string) {
	o.truth()
	if o.s.zoneAt != nil {
		o.waysNow(time.Now())
	}
	n := o.worth(cmd, args)
	if n == 0 {
		return
	}
	now := time.Now()
	old := now.Sub(o.causes.last) > causeLasts
	o.causes.last = now
	for _, c := range o.s.clusters {
		for _, p := range c.running() {
			if old {
				clear(p.view.tokens)
			}
			for name := range o.hosts {
				p.view.tokens[name] += n
			}
		}
	}
}

// worth says how often an answer may change because of a line:
//
//	line                                  | changes
//	down, up, offer, withdraw, override   | 1
//	cut, close, edgezone, clock           | 1: its loss; what was lost comes back by heal
//	heal, open                            | 1
//	kill, start, freeze, thaw of a cluster | 1
//	the same of one process of several, or | 0
//	of one that announced a pause         |
//	stall, blind                          | 0
//	unstall, sighted                      | 1: what was missed comes at once
//	announce pause                        | 0; leave: 1
func (o *oracle) worth(cmd string, args []string) int {
	switch cmd {
	case "stall", "blind":
		return 0
	case "announce":
		if len(args) > 1 && args[1] == string(gslb.Pausing) {
			return 0
		}
	case "kill", "freeze":
		c := o.oneOf(args)
		if c != nil && (slices.ContainsFunc(c.running(), (*process).good) || time.Since(c.paused) < gslb.DefaultTiming().Pause) {
			return 0
		}
	}
	return 1
}

// oneOf gives the cluster if a line is about one process of several.
func (o *oracle) oneOf(args []string) *cluster {
	tag, _, one := cutTag(args[0])
	if !one {
		return nil
	}
	return o.s.clusters[tag]
}

// spend takes one change of an answer.
func (c *causes) spend(o *oracle, p *process, name gslb.Name, was, now *answered) {
	if time.Since(p.wentOn) < boundLost || o.s.zoneAt.lost(p.started) {
		return // it missed everything, or was not told where the others are
	}
	for _, y := range o.s.clusters {
		if d := time.Since(y.paused) - gslb.DefaultTiming().Pause; d > -time.Second && d < boundReady {
			return // what it announced is over by itself
		}
	}
	if p.view.tokens[name] > 0 && time.Since(c.last) <= causeLasts {
		p.view.tokens[name]--
		return
	}
	if time.Since(p.started) < boundReady+boundLost {
		return // it is still hearing the others
	}
	o.fail(invCause, p, "%s: from %s (%s) to %s (%s)", name, was.text, was.reason, now.text, now.reason)
}
