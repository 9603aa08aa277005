// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"slices"
	"time"
)

// How often an entry may fall before its return waits, and for how long.
const (
	flapWindow = time.Minute     // falls that count
	flapFalls  = 3               // from this many on, the return waits
	flapWait   = 5 * time.Second // then; twice as long for each fall more
	flapMost   = time.Minute
)

// damper decides when an entry of our own counts again after it was unhealthy. A fall
// is never delayed. What waits is healthy, is reported so with its reason, and is
// answered while nothing better serves ([TierReturning]); so every cluster decides by
// what the entry's own cluster says, and all alike.
//
//	entry                                      | counts                      | reason
//	never was unhealthy                        | at once                     | as it is
//	unhealthy                                  | not                         | as it is
//	set by hand, now or when it was unhealthy  | at once                     | as it is
//	healthy again, fell < flapFalls times      | after the policy's delay    | Returning
//	healthy again, fell ≥ flapFalls times      | after the longer of the     | Flapping, or Returning
//	within flapWindow                          | policy's delay and the wait | if that is longer
//	falls while it waits                       | not; the next return waits anew
//
// Unknown health is neither a fall nor a return.
type damper struct{ entries map[verdictKey]*damped }

// damped is an entry that was unhealthy, and may count again or not yet.
type damped struct {
	down   bool        // unhealthy
	falls  []time.Time // from healthy to unhealthy, within the window
	up     bool        // was healthy, so that unhealthy is a fall
	until  time.Time   // waits until then
	reason Reason
}

func newDamper() *damper { return &damper{entries: make(map[verdictKey]*damped)} }

// judge takes the health that an entry has now and gives the reason and the end of its
// wait; "" if it does not wait. was is the health that it had in the last World.
func (d *damper) judge(host Name, e *Entry, was Health, delay time.Duration, now time.Time) (Reason, time.Time) {
	k := verdictKey{host, e.Addr}
	s := d.entries[k]
	if e.Reason == ReasonDrained || e.Reason == ReasonForced {
		delete(d.entries, k)
		return "", time.Time{}
	}
	if s == nil {
		if e.Health != Unhealthy {
			return "", time.Time{}
		}
		s = &damped{up: was == Healthy}
		d.entries[k] = s
	}
	s.falls = slices.DeleteFunc(s.falls, func(at time.Time) bool { return now.Sub(at) >= flapWindow })
	switch e.Health {
	case Unhealthy:
		if s.up {
			s.falls = append(s.falls, now)
		}
		s.down, s.up, s.until = true, false, time.Time{}
	case Healthy:
		if s.down {
			s.down, s.until, s.reason = false, now.Add(delay), ReasonReturning
			if wait := flapPenalty(len(s.falls)); wait > delay {
				s.until, s.reason = now.Add(wait), ReasonFlapping
			}
		}
		s.up = true
	case HealthUnknown:
	}
	if e.Health == Healthy && s.until.After(now) {
		return s.reason, s.until
	}
	return "", time.Time{}
}

// forget drops what is known of entries that a host does not have any more, and of those
// that are calm. It is asked after all entries of the host were judged.
func (d *damper) forget(host Name, had, has []Entry, now time.Time) {
	for i := range had {
		if !slices.ContainsFunc(has, func(e Entry) bool { return e.Addr == had[i].Addr }) {
			delete(d.entries, verdictKey{host, had[i].Addr})
		}
	}
	for i := range has {
		k := verdictKey{host, has[i].Addr}
		if s := d.entries[k]; s != nil && !s.down && len(s.falls) == 0 && !s.until.After(now) {
			delete(d.entries, k)
		}
	}
}

// flapPenalty is how long an entry waits that fell so often within the window.
func flapPenalty(falls int) time.Duration {
	if falls < flapFalls {
		return 0
	}
	wait := flapWait
	for range falls - flapFalls {
		if wait *= 2; wait >= flapMost {
			return flapMost
		}
	}
	return wait
}

// delayReturns has healthy entries wait whose cluster was lost and is believed again, for
// as long as the policy says. Which clusters were lost each cluster sees itself; one that
// all others found lost is told so by them, and waits for itself too, so that all decide
// alike.
//
//	the entry is               | in the last World it was  | waits
//	a peer's, counts healthy   | of a lost cluster         | from now on
//	a peer's, counts healthy   | waiting                   | as long as it did
//	ours, counts healthy       | any, and all we hear find | from when they said so
//	                           | that we returned          |
//	any other                  | any                       | as it is
func (in *hostInput) delayReturns(h *Host) {
	delay := h.Policy.ReturnDelay
	if delay == 0 {
		return
	}
	for i := range h.Parts {
		p := &h.Parts[i]
		for k := range p.Entries {
			c := &p.Entries[k]
			if c.Tier != TierHealthy {
				continue
			}
			if until := in.returns(p, c.Addr, delay); until.After(in.now) {
				c.Tier, c.Reason, c.Until = TierReturning, ReasonReturning, until
			}
		}
	}
}

// keepFamilies lets an entry that waits count where its cluster serves the host in the
// other family, and nobody has a healthy entry of its own: clusters are chosen for all
// families at once, and a wait must not empty one.
func (h *Host) keepFamilies() {
	healthy := func(parts []Part, v4 bool) bool {
		return slices.ContainsFunc(parts, func(p Part) bool {
			return slices.ContainsFunc(p.Entries, func(c Candidate) bool { return c.Tier == TierHealthy && c.Addr.Is4() == v4 })
		})
	}
	for _, v4 := range []bool{true, false} {
		if healthy(h.Parts, v4) {
			continue
		}
		for i := range h.Parts {
			p := &h.Parts[i]
			if !healthy(h.Parts[i:i+1], !v4) {
				continue
			}
			for k := range p.Entries {
				if c := &p.Entries[k]; c.Tier == TierReturning && c.Addr.Is4() == v4 {
					c.Tier = TierHealthy
				}
			}
		}
	}
}

// returns gives until when an entry waits because its cluster returned.
func (in *hostInput) returns(p *Part, addr netip.Addr, delay time.Duration) time.Time {
	if p.Liveness == Self {
		if in.returned.IsZero() {
			return time.Time{}
		}
		return in.returned.Add(delay)
	}
	if in.previous == nil {
		if in.waits == nil {
			return time.Time{}
		}
		return in.waits(p.Cluster, addr)
	}
	before := in.previous.Part(p.Cluster)
	if before == nil {
		return time.Time{}
	}
	i := slices.IndexFunc(before.Entries, func(c Candidate) bool { return c.Addr == addr })
	switch {
	case i < 0:
		return time.Time{}
	case before.Entries[i].Tier == TierLost && before.Liveness == Lost:
		return in.now.Add(delay)
	}
	return before.Entries[i].Until
}
