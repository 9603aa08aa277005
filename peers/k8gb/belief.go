// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

const (
	// lease is how long the word of a server that lives counts (agreement of clusters).
	lease = 3 * time.Second
	// between is the least time between two negative answers that make a host empty.
	between = 2 * time.Second
	// stale is after how long without an answer about a host its health is unknown,
	// although the server lives.
	stale = 30 * time.Second
)

// belief is what is known of one host of a cluster.
type belief struct {
	addrs  []netip.Addr // that were answered last; never emptied
	health gslb.Health
	since  time.Time // of health
	nay    time.Time // of the first of a row of negative answers over TCP; zero: no such row
	mute   time.Time // of the first of a row of answers that say nothing; zero: the last one said something
}

// hear takes an answer and reports that it changed what is believed. Nothing of it is
// signed, so one answer alone never empties a host, and whatever is no clear answer
// changes nothing. alive: the server answers for the zone.
//
//	answer               | row of negatives      | the host becomes
//	addresses            | any                   | healthy, with these
//	negative, over TCP   | none                  | as before; the row begins
//	negative, over TCP   | shorter than between  | as before
//	negative, over TCP   | between, not alive    | as before
//	negative, over TCP   | between, alive        | unhealthy
//	negative, over UDP   | any                   | as before; anybody can send it
//	unknown              | any                   | as before; the row ends. After stale: of unknown health, if alive
func (b *belief) hear(s said, alive bool, now time.Time) bool {
	switch {
	case s.kind == positive:
		b.nay, b.mute = time.Time{}, time.Time{}
		moved := !slices.Equal(b.addrs, s.addrs)
		b.addrs = s.addrs
		return b.become(gslb.Healthy, now) || moved
	case s.kind == negative && s.tcp:
		b.mute = time.Time{}
		switch {
		case b.nay.IsZero():
			b.nay = now
		case now.Sub(b.nay) >= between && alive:
			return b.become(gslb.Unhealthy, now)
		}
		return false
	case s.kind == unknown:
		b.nay = time.Time{}
	}
	if b.mute.IsZero() {
		b.mute = now
	}
	if b.health == gslb.Healthy && alive && now.Sub(b.mute) >= stale {
		return b.become(gslb.HealthUnknown, now)
	}
	return false
}

// doubt takes the first answer after a silence in which the cluster may have been given
// up: what was healthy before it is not known to be so any more if the answer denies it,
// over whichever transport.
func (b *belief) doubt(s said, now time.Time) bool {
	return s.kind == negative && b.health == gslb.Healthy && b.become(gslb.HealthUnknown, now)
}

// become changes the health; a host that never had an address has none to change.
func (b *belief) become(h gslb.Health, now time.Time) bool {
	if len(b.addrs) == 0 || b.health == h {
		return false
	}
	b.health, b.since = h, now
	return true
}

// offer makes what the cluster offers of a host; nil before it answered an address.
func (b *belief) offer(name gslb.Name, ask gslb.Ask) *gslb.Offer {
	if len(b.addrs) == 0 {
		return nil
	}
	reason := gslb.ReasonHealthUnknown
	switch b.health {
	case gslb.Healthy:
		reason = gslb.ReasonReady
	case gslb.Unhealthy:
		reason = gslb.ReasonNotReady
	case gslb.HealthUnknown:
	}
	o := &gslb.Offer{Host: name, Source: gslb.Source{Kind: "k8gb", Name: localPrefix + name.String()}, PolicyUnknown: true}
	for _, a := range b.addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: a, Health: b.health, Reason: reason, Since: b.since, Ask: ask})
	}
	return o
}
