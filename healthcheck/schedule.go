// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
	"github.com/meridian-gslb/meridian/healthcheck/internal/due"
)

// firstProbes is how many probes a second checks without a verdict make
// together: a start with 10,000 checks takes five seconds to ask each once.
const firstProbes = 2000

// jitter is the part of the interval by which it varies, both ways.
const jitter = 0.1

// schedule is the whole of the Monitor without goroutines and clock: which
// checks there are, when each is due, and what their answers come to. It is not
// safe for concurrent use.
type schedule struct {
	checks  map[key]*check
	hosts   map[gslb.Name][]*check
	skipped map[gslb.Name]string // why a host, or an entry of it, is not probed
	queue   *due.Queue[*check]
	guard   guard
	held    int // checks that the guard keeps from being unhealthy
	random  func() float64
	seen    *gslb.World
}

func newSchedule(limit int, random func() float64) *schedule {
	return &schedule{
		checks: make(map[key]*check), hosts: make(map[gslb.Name][]*check), skipped: make(map[gslb.Name]string),
		queue: due.New[*check](limit, 1), guard: newGuard(), random: random,
	}
}

// events is what happened to the checks of a host; the Monitor tells it on.
type events interface {
	skip(host gslb.Name, was, why string) // either may be ""
	verdict(c *check, was gslb.Health)    // reached, changed, or of another cause
	joined(c *check)
	dropped(c *check)
}

// follow takes over what a World wants probed. Its price is that of what changed.
func (s *schedule) follow(w *gslb.World, now time.Time, ev events) {
	for name := range w.Changed(s.seen) {
		addrs, spec, skip := wanted(w.Host(name), w.Self)
		if was := s.skipped[name]; was != skip {
			s.skipped[name] = skip
			if skip == "" {
				delete(s.skipped, name)
			}
			ev.skip(name, was, skip)
		}
		s.want(name, addrs, spec, now, ev)
	}
	s.seen = w
}

// want makes the checks of a host be those of the addresses, with this spec.
func (s *schedule) want(host gslb.Name, addrs []netip.Addr, spec gslb.Check, now time.Time, ev events) {
	for _, c := range s.hosts[host] {
		if !slices.Contains(addrs, c.addr) {
			s.retire(c, ev)
		}
	}
	if len(addrs) == 0 {
		delete(s.hosts, host)
		return
	}
	list := make([]*check, 0, len(addrs))
	for _, a := range addrs {
		list = append(list, s.keep(key{host, a}, spec, now, ev))
	}
	s.hosts[host] = list
}

// keep adds a check, brings it back, or gives it a new spec. A verdict that was
// reached under another spec stays until the new one has decided.
func (s *schedule) keep(k key, spec gslb.Check, now time.Time, ev events) *check {
	c := s.checks[k]
	switch {
	case c == nil:
		c = &check{key: k, spec: spec}
		c.item.Value, c.item.Lane = c, k.addr
		s.checks[k] = c
		ev.joined(c)
	case c.retired: // its probe is still on its way
		c.retired, c.changed, c.spec = false, true, spec
		ev.joined(c)
	case c.spec == spec:
		return c
	default:
		c.spec, c.changed = spec, c.item.Begun()
		c.tally.reset()
	}
	s.queue.Put(&c.item, now.Add(s.part(s.soon(c))), 0)
	return c
}

// retire takes a check out. One whose probe is on its way stays until that is
// done, so that an entry is never probed twice at once.
func (s *schedule) retire(c *check, ev events) {
	if c.retired {
		return
	}
	s.queue.Drop(&c.item)
	s.guard.note(c.host, c.silent, false)
	s.hold(c, false)
	ev.dropped(c)
	if c.item.Begun() {
		c.retired = true
		c.tally, c.silent, c.told, c.detail, c.failing = tally{}, false, false, "", time.Time{}
		return
	}
	delete(s.checks, c.key)
}

// begin gives a check that is due now and counts it as on its way; nil if there
// is none, or no room.
func (s *schedule) begin(now time.Time) *check {
	i := s.queue.Begin(now)
	if i == nil {
		return nil
	}
	i.Value.began = now
	return i.Value
}

// done takes the answer of a probe that began.
func (s *schedule) done(c *check, a ask.Answer, now time.Time, ev events) {
	s.queue.Done(&c.item)
	if c.retired {
		delete(s.checks, c.key)
		return
	}
	if a.Result.Replied() {
		s.guard.reply(c.began)
	}
	if c.changed {
		c.changed = false
	} else {
		s.count(c, a, ev)
	}
	next := c.began.Add(s.interval(c))
	if next.Before(now) {
		next = now
	}
	s.queue.Put(&c.item, next, 0)
}

// count adds an answer to the tally and tells the verdict if it is news.
func (s *schedule) count(c *check, a ask.Answer, ev events) {
	o, cause := c.judge(a)
	silent := o == down && !a.Result.Replied()
	s.guard.note(c.host, c.silent, silent)
	c.silent = silent
	switch {
	case o == up:
		c.failing = time.Time{}
	case o == down && c.failing.IsZero():
		c.failing = c.began
	}
	held := silent && s.guard.holds(c.failing)
	was := c.tally.health
	if !c.tally.add(o, c.spec.Rise, c.spec.Fall, held) {
		return
	}
	s.hold(c, held)
	detail := describe(c, o, cause)
	if c.told && was == c.tally.health && c.detail == detail {
		return
	}
	c.told, c.detail = true, detail
	ev.verdict(c, was)
}

// hold notes whether the guard keeps a check from being unhealthy.
func (s *schedule) hold(c *check, held bool) {
	switch {
	case held && !c.held:
		s.held++
	case !held && c.held:
		s.held--
	}
	c.held = held
}

func describe(c *check, o outcome, cause string) string {
	switch {
	case o == up:
		return fmt.Sprintf("%d of %d succeeded", c.spec.Rise, c.spec.Rise)
	case o == blank:
		return "cannot probe: " + cause
	case c.held:
		return "no probe of any host gets an answer, so the fault is probably on this side: " + cause
	}
	return fmt.Sprintf("%d of %d failed: %s", c.spec.Fall, c.spec.Fall, cause)
}

// interval is the time from this probe to the next. Without a verdict it is
// short, so that a new entry, or a restart, is not long unknown.
func (s *schedule) interval(c *check) time.Duration {
	every := c.spec.Interval
	if !c.tally.decided {
		every = s.soon(c)
	}
	varied := time.Duration(float64(every) * (1 - jitter + 2*jitter*s.random()))
	return max(varied, minInterval)
}

// soon is the interval of a check that should decide soon, stretched so that all
// such checks together make no more than firstProbes a second.
func (s *schedule) soon(c *check) time.Duration {
	all := time.Duration(len(s.checks)) * time.Second / firstProbes
	return min(c.spec.Interval, max(minInterval, all))
}

// part is a random part of a duration: it spreads first probes.
func (s *schedule) part(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.random())
}
