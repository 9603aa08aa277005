// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// entry is the truth about one entry: whether its application serves, whatever
// anybody knows.
type entry struct {
	c       *cluster
	host    gslb.Name
	addr    netip.Addr
	up      bool      // the application serves, if the machines run
	since   time.Time // of up
	offered bool      // an object has it
}

// serves says whether a client gets an answer. The Sim's lock is held.
func (e *entry) serves() bool { return e.offered && e.up && e.c.powered }

// power is since when the machines of a cluster run, or do not.
type power struct {
	on    bool
	since time.Time
}

// gone is since when an entry has not served; zero: it serves.
func (o *oracle) gone(e *entry) time.Time {
	if e.serves() {
		return time.Time{}
	}
	var at time.Time
	if !e.up || !e.offered {
		at = e.since
	}
	if p := o.power[e.c.tag]; !p.on && (at.IsZero() || p.since.Before(at)) {
		at = p.since
	}
	return at
}

// offered notes the entries of an object. The lock is held.
func (o *oracle) offered(c *cluster, offer *gslb.Offer) {
	for _, e := range offer.Entries {
		if o.entries[e.Addr] == nil {
			o.entries[e.Addr] = &entry{c: c, host: offer.Host, addr: e.Addr}
		}
		t := o.entries[e.Addr]
		t.up, t.since, t.offered = !c.down[e.Addr], time.Now(), true
	}
	if o.hosts[offer.Host] == nil {
		o.hosts[offer.Host] = offer
	}
}

// withdrawn notes that an object is gone.
func (o *oracle) withdrawn(c *cluster, host gslb.Name) {
	for _, e := range o.entries {
		if e.c == c && e.host == host {
			e.offered, e.since = false, time.Now()
		}
	}
}

// truth takes over which entries serve. The lock is held.
func (o *oracle) truth() {
	now := time.Now()
	for _, e := range o.entries {
		if up := !e.c.down[e.addr]; up != e.up {
			e.up, e.since = up, now
		}
	}
	for tag, c := range o.s.clusters {
		if p, known := o.power[tag]; !known || p.on != c.powered {
			o.power[tag] = power{c.powered, now}
		}
	}
}

// good says whether a process tells the truth about its cluster: it runs, has read
// the API, and goes on reading it. The lock is held.
func (p *process) good() bool {
	return p.running && !p.frozen && p.synced && !p.stalled && !p.c.away
}

// direct says whether a process can read what a cluster says of itself: the roads
// are open, clocks agree, and every process there that it may land on is good, or
// it has a connection to one that is. The lock is held.
func (o *oracle) direct(p *process, y *cluster) bool {
	n := &o.s.net
	if p.frozen || n.silent(p.c.tag, y.tag) || n.at(p.c.tag, y.tag).closed || o.skewed(p.c, y) {
		return false
	}
	if !o.told(p, y) || p.apart(y) {
		return false
	}
	switch some := slices.ContainsFunc(y.running(), (*process).good); {
	case !mixed(y), !some:
		return some
	case held(p.view.mixed[y.tag], redialBound, time.Now()):
		return true // one of its connections was replaced, and met a good one
	}
	for c := range p.conns {
		if c.up.from == p && c.up.to.c == y && c.up.to.good() {
			return true
		}
	}
	return false
}

// mixed says whether some instances of a cluster do not tell what is so.
func mixed(y *cluster) bool {
	return slices.ContainsFunc(y.running(), func(p *process) bool { return !p.good() })
}

// told says whether a process can know where a cluster is called: it remembers, the
// edge tells it, or a process there knows it and calls. The lock is held.
func (o *oracle) told(p *process, y *cluster) bool {
	switch {
	case o.s.edge != edgeUpdates, p.remembers, p.view.knows[y.tag]:
		return true
	case !p.view.edgeTells.IsZero() && (p.view.edgeTells.Sub(p.started) < time.Second || time.Since(p.view.edgeTells) > time.Minute):
		return true
	case o.s.net.at(y.tag, p.c.tag).closed, time.Since(p.c.left) < 35*time.Second:
		return false // who said goodbye is called every half minute
	}
	if (o.s.alone || p.apart(p.c)) && len(p.c.running()) > 1 {
		return false // their connections may all end at another instance, which does not tell it, or has other keys
	}
	return slices.ContainsFunc(y.running(), func(q *process) bool { return q.remembers || q.view.knows[p.c.tag] })
}

// calls says whether a process has a connection to a cluster. The lock is held.
func (p *process) calls(y *cluster) bool {
	for c := range p.conns {
		if c.up.from == p && c.up.to.c == y {
			return true
		}
	}
	return false
}

func (o *oracle) skewed(a, b *cluster) bool {
	d := time.Duration(a.skew.Load() - b.skew.Load())
	return d > 290*time.Second || d < -290*time.Second
}

// through says whether a third cluster passes on what a cluster says. The lock is
// held.
func (o *oracle) through(p *process, y *cluster) bool {
	for _, z := range o.s.clusters {
		if z == y || z == p.c || !o.direct(p, z) {
			continue
		}
		all := z.running()
		fine := len(all) > 0
		for _, q := range all {
			fine = fine && o.direct(q, y)
		}
		if fine {
			return true
		}
	}
	return false
}

// waysNow keeps since when each process can know each cluster. The lock is held.
func (o *oracle) waysNow(now time.Time) {
	for _, c := range o.s.clusters {
		for _, p := range c.running() {
			if o.alone(c) {
				p.view.cutOff = now
			}
			if z := o.s.zoneAt; z.down || z.lost(now) || o.s.net.silent(c.tag, edgeSite) {
				p.view.edgeTells = time.Time{}
			} else if p.view.edgeTells.IsZero() {
				p.view.edgeTells = now
			}
			for _, y := range o.s.clusters {
				if y == c {
					keepSince(p.view.direct, y.tag, p.good(), now)
					continue
				}
				d := o.direct(p, y)
				keepSince(p.view.direct, y.tag, d, now)
				keepSince(p.view.shut, y.tag, o.s.net.at(c.tag, y.tag).closed && !p.calls(y) && !o.through(p, y), now)
				keepSince(p.view.mixed, y.tag, mixed(y), now)
				keepSince(p.view.refused, y.tag, o.refuses(p, y), now)
				// A third cluster is asked only where the cluster itself is not read.
				keepSince(p.view.any, y.tag, d || !p.calls(y) && o.through(p, y), now)
			}
		}
	}
}

// alone says whether nothing that a cluster measures itself by can answer it: no
// process of another cluster, not the edge, no anchor. The lock is held.
func (o *oracle) alone(c *cluster) bool {
	s := o.s
	if s.edge == edgeNone && !s.anchor {
		return false // it measures nothing
	}
	if s.edge != edgeNone && !s.zoneAt.silent() && !s.net.silent(c.tag, edgeSite) || s.anchor && !s.net.silent(c.tag, anchorSite) {
		return false
	}
	for _, y := range s.clusters {
		if y != c && !s.net.silent(c.tag, y.tag) && slices.ContainsFunc(y.running(), func(p *process) bool { return !p.frozen }) {
			return false
		}
	}
	return true
}

func keepSince(m map[gslb.GeoTag]time.Time, tag gslb.GeoTag, holds bool, now time.Time) {
	switch at := m[tag]; {
	case !holds:
		m[tag] = time.Time{}
	case at.IsZero():
		m[tag] = now
	}
}

// held says whether something has been so for at least d; the zero time is never.
func held(since time.Time, d time.Duration, now time.Time) bool {
	return !since.IsZero() && now.Sub(since) >= d
}
