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
type causes struct{}

// A cause can change answers for so long: a heartbeat vouches for three of its
// intervals, and then all is decided.
const causeLasts = 25 * time.Second

// cause takes a line of the story that changes the world. The lock is held.
func (o *oracle) cause(cmd string, args ...string) {
	o.truth()
	if o.s.zoneAt != nil {
		o.waysNow(time.Now())
	}
	if !o.mayChange(cmd, args) {
		return
	}
	until := time.Now().Add(causeLasts)
	for _, c := range o.s.clusters {
		for _, p := range c.running() {
			for name := range o.hosts {
				p.view.tokens[name] = append(p.view.tokens[name], until)
			}
		}
	}
}

// mayChange says whether an answer may change because of a line, once:
//
//	line                                                   | may
//	stall, blind, announce pause, keys                     | no
//	vanish, return; nothing changed and began meanwhile    | no
//	kill or freeze of one process, others of it are good   | no
//	kill of one process that announced a pause             | no
//	any other                                              | yes
func (o *oracle) mayChange(cmd string, args []string) bool {
	switch cmd {
	case "stall", "blind", "keys", "vanish":
		return false
	case "return":
		c := o.s.clusters[gslb.GeoTag(args[0])]
		return c.unseen || c.forgot
	case "announce":
		if len(args) > 1 && args[1] == string(gslb.Pausing) {
			return false
		}
	case "kill", "freeze":
		c := o.oneOf(args)
		if c != nil && (slices.ContainsFunc(c.running(), (*process).good) || time.Since(c.pausedAt()) < gslb.DefaultTiming().Pause) {
			return false
		}
	}
	return true
}

// oneOf gives the cluster if a line is about one process of several.
func (o *oracle) oneOf(args []string) *cluster {
	tag, _, one := cutTag(args[0])
	if !one {
		return nil
	}
	return o.s.clusters[tag]
}

// learnsLate says whether a process may learn something long after it happened: both its
// connections were at an instance that stood still, or the edge had to tell it of others
// because its own cluster's instances do not. The lock is held.
func (o *oracle) learnsLate(p *process) bool {
	for tag := range o.s.clusters {
		if held(p.view.mixed[tag], causeLasts-boundLost, time.Now()) {
			return true
		}
		if (o.s.alone || p.apart(p.c)) && len(p.c.slots) > 1 && !p.remembers && !held(p.view.any[tag], boundLost, time.Now()) {
			return true
		}
	}
	return false
}

// spend takes one change of an answer.
func (causes) spend(o *oracle, p *process, name gslb.Name, was, now *answered) {
	for _, y := range o.s.clusters {
		at := y.pausedAt()
		if d := time.Since(at) - gslb.DefaultTiming().Pause; d > -time.Second && d < boundReady && !p.active[y.tag].After(at) {
			return // what it announced is over by itself
		}
	}
	if o.learnsLate(p) {
		return
	}
	tokens := p.view.tokens[name]
	for len(tokens) > 0 && time.Now().After(tokens[0]) {
		tokens = tokens[1:]
	}
	if len(tokens) > 0 {
		p.view.tokens[name] = tokens[1:]
		return
	}
	if time.Since(p.started) < boundReady+boundLost {
		return // it is still hearing the others
	}
	o.fail(invCause, p, "%s: from %s (%s) to %s (%s)", name, was.text, was.reason, now.text, now.reason)
}
