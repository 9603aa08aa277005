// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
)

// check holds every answer of a process against the truth. The lock is held.
func (o *oracle) check(p *process, now time.Time) {
	if !o.on || o.broken != nil {
		return
	}
	o.learn(p, now)
	o.shown(p, now)
	o.wronglySigned(p, now)
	for name := range o.hosts {
		a := p.view.hosts[name]
		if a == nil {
			a = &answered{kind: answers.NXDomain, text: answers.NXDomain.String()}
		}
		switch a.kind {
		case answers.Answer:
			for _, addr := range a.addrs {
				o.eligible(p, name, a, addr, now)
			}
		case answers.NoData, answers.NXDomain:
			o.notEmpty(p, name, a)
		case answers.NotReady:
			if w := p.view.world; w == nil || w.Unsought.IsZero() {
				o.fail(invAnswered, p, "%s: %s", name, a.text)
			}
			o.notEmpty(p, name, a) // nobody could tell it who has the host; what it knows it answers
		default:
			o.fail(invAnswered, p, "%s: %s", name, a.text)
		}
	}
}

// shown: a cluster that is heard and whose report nobody tells is shown as unread, and
// one that is read is not.
func (o *oracle) shown(p *process, now time.Time) {
	for tag, y := range o.s.clusters {
		c := p.view.world.Cluster(tag)
		if y == p.c || c == nil || c.Liveness != gslb.Fresh {
			delete(p.view.fresh, tag)
			continue
		}
		if p.view.fresh[tag].IsZero() {
			p.view.fresh[tag] = now
		}
		heard := held(p.view.fresh[tag], 2*boundLost, now)
		switch {
		case heard && held(p.view.shut[tag], 2*boundLost, now) && c.Unread.IsZero():
			o.fail(invUnread, p, "%s calls and cannot be called for %v, and that is not shown", tag, now.Sub(p.view.shut[tag]))
		case heard && held(p.view.direct[tag], boundLost+relayBound, now) && !c.Unread.IsZero():
			o.fail(invUnread, p, "%s is shown as unread since %v, and can be read for %v", tag, c.Unread, now.Sub(p.view.direct[tag]))
		}
	}
}

// learn keeps which entries a process must know as healthy: those that have been
// so for as long as it could see them. It may forget one only when that changes, or
// with the process.
func (o *oracle) learn(p *process, now time.Time) {
	for addr, e := range o.entries {
		ways, bound := p.view.any[e.c.tag], boundLost
		if e.c == p.c {
			ways, bound = p.view.direct[p.c.tag], boundOwn
		} else if p.view.direct[e.c.tag].IsZero() {
			bound = boundLost + relayBound
		}
		switch {
		case !e.offered || !e.up || e.c.leaving || e.c == p.c && ways.IsZero():
			delete(p.view.known, addr)
		case !e.c.vanished.IsZero(): // what was known stays so; nothing is learnt
		case held(latest(e.since, e.c.returned), bound, now) && held(ways, bound, now) && held(p.started, bound, now):
			p.view.known[addr] = true
		}
	}
}

// notEmpty: nothing that is known as healthy, or was when its cluster fell silent,
// is left out of an empty answer.
func (o *oracle) notEmpty(p *process, name gslb.Name, a *answered) {
	for addr := range p.view.known {
		e := o.entries[addr]
		if e.host != name {
			continue
		}
		what := invEmpty
		if a.kind == answers.NXDomain {
			what = invExists
		}
		o.fail(what, p, "%s: %s, and %s of %s serves or did when it was last heard", name, a.text, addr, e.c.tag)
		return
	}
}

// lastResorts are the reasons of answers that are given when nothing can serve.
var lastResorts = []gslb.Reason{gslb.ReasonLastResort, gslb.ReasonLastHealthy, gslb.ReasonAllOffered, gslb.ReasonFallback}

// eligible: an answered address serves, or did within the bound, or its cluster is
// believed for a reason that the agreement names.
func (o *oracle) eligible(p *process, name gslb.Name, a *answered, addr netip.Addr, now time.Time) {
	e := o.entries[addr]
	if e == nil {
		o.fail(invEligible, p, "%s: %s is nobody's", name, addr)
		return
	}
	if slices.Contains(lastResorts, a.reason) {
		if better := o.better(p, name, now); better != nil && !better.addrIn(a) {
			o.fail(invBetter, p, "%s: %s (%s), and %s of %s serves", name, a.text, a.reason, better.addr, better.c.tag)
		}
		return
	}
	gone := o.gone(e)
	if gone.IsZero() {
		return
	}
	if e.c.powered {
		if !e.c.vanished.IsZero() {
			return // nobody can tell it while there is no object
		}
		gone = latest(gone, e.c.returned)
	}
	if now.Sub(gone) <= boundOwn {
		return
	}
	if why := o.excuse(p, e, gone, now); why == "" {
		o.fail(invEligible, p, "%s: %s of %s, which is %s, is answered (%s), %v after it went",
			name, addr, e.c.tag, p.thinks(e.c.tag), a.reason, now.Sub(gone))
	}
}

// thinks says what a process takes a cluster for.
func (p *process) thinks(of gslb.GeoTag) string {
	c := p.view.world.Cluster(of)
	switch {
	case c == nil:
		return "unknown"
	case c.Liveness == gslb.Vouched:
		return c.Liveness.String() + " by " + c.Witness.Kind.String() + " " + string(c.Witness.By)
	}
	return c.Liveness.String()
}

func (e *entry) addrIn(a *answered) bool {
	for _, addr := range a.addrs {
		if addr == e.addr {
			return true
		}
	}
	return false
}

// better gives an entry that serves and must be known; nil: none.
func (o *oracle) better(p *process, name gslb.Name, now time.Time) *entry {
	for addr := range p.view.known {
		e := o.entries[addr]
		if e.host != name || !e.serves() || !held(o.power[e.c.tag].since, boundLost, now) {
			continue
		}
		if e.c == p.c || held(p.view.direct[e.c.tag], boundLost, now) {
			return e
		}
	}
	return nil
}

// excuse says why a process may answer an entry that is gone; "": it may not.
//
//	the entry is            | it may, while
//	of its own cluster      | it cannot read its API, or could not until just now
//	down, its cluster lives | nobody could tell it, or could not until just now
//	of a cluster that died  | a sign of life is younger than 5 s, or a witness was asked in time
func (o *oracle) excuse(p *process, e *entry, gone, now time.Time) string {
	if p.remembers && now.Sub(p.started) < boundLost {
		return "it remembers, and has not heard the others yet"
	}
	if e.c == p.c {
		if !held(p.view.direct[p.c.tag], time.Second, now) {
			return "it cannot read its API"
		}
		return ""
	}
	if !o.power[e.c.tag].on {
		return o.excuseDead(p, e.c, now)
	}
	ways, bound := p.view.any[e.c.tag], boundLost
	if d := p.view.direct[e.c.tag]; held(d, calmAfter, now) && o.quiet(p.c.tag, e.c.tag) {
		ways, bound = d, boundCalm
	} else if d.IsZero() {
		bound = boundLost + relayBound
	}
	if e.c.leaving {
		bound = boundLost
	}
	if !held(ways, bound, now) {
		return "nobody could tell it"
	}
	if now.Sub(gone) <= bound {
		return "it was just told"
	}
	return ""
}

// quiet says whether the roads between two clusters lose nothing and are fast.
func (o *oracle) quiet(a, b gslb.GeoTag) bool {
	for _, q := range []*quality{o.s.net.at(a, b), o.s.net.at(b, a)} {
		if q.loss > 0 || q.delay > 100*time.Millisecond {
			return false
		}
	}
	return true
}

// excuseDead says why a process may believe a cluster whose machines are off.
func (o *oracle) excuseDead(p *process, y *cluster, now time.Time) string {
	t := gslb.DefaultTiming()
	if !p.view.cutOff.IsZero() && now.Sub(p.view.cutOff) < boundLost {
		return "it was cut off itself"
	}
	if at := y.pausedAt(); now.Sub(at) < t.Pause+boundLost && !p.active[y.tag].After(at) {
		return "a pause was announced"
	}
	last := p.signs[y.tag]
	until := last.Add(boundLost)
	for _, z := range o.s.clusters {
		if z == y {
			continue
		}
		for _, sl := range z.slots {
			via := sl.signs[y.tag].Add(t.Lease + 1500*time.Millisecond)
			if z != p.c && !held(p.view.direct[z.tag], boundLost, now) {
				via = via.Add(t.Decide)
			}
			if via.After(until) {
				until = via
			}
		}
	}
	// A heartbeat proves life only if it was written after the last sign of it.
	// With clocks apart there are signs of life that nobody hears: refusals.
	apart := p.apart(y) || o.skewed(p.c, y) || !o.clocks.IsZero() && now.Sub(o.clocks) < time.Minute
	if b, ok := o.s.zoneAt.beats[road{y.tag, p.c.tag}]; ok && (apart || b.at.After(p.sure[y.tag].Add(-lookEvery))) {
		until = latest(until, b.at.Add(3*b.Interval+time.Second))
		if p.remembers {
			until = latest(until, p.started.Add(b.Interval+3*time.Second)) // it has to see whether it moves
		}
	}
	until = latest(until, p.checks[y.tag].Add(500*time.Millisecond))
	if p.frozen || now.Sub(p.wentOn) < boundLost {
		return "it was frozen"
	}
	if now.Before(until) {
		return "it was alive a moment ago"
	}
	return ""
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
