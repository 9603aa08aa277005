// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// probeGuard keeps the health of our hosts when their probes fail in a mass while
// readiness goes on saying up, and nobody else has looked: then the judge is more likely
// broken than what he judges. The numbers are those of the deletion guard; what is a
// mass is a mass of the hosts that are probed.
//
//	readiness  | probes fall within the window  | a second vantage | health becomes
//	up         | at most guardLeast, or half    | any              | what the probe says
//	up         | more                           | finds them down  | what the probe says
//	up         | more                           | none, or up      | stays, reason ProbesHeld
//	goes down  | any                            | any              | unhealthy at once, also when held
//	up         | held, and the probe says up    | any              | healthy
//	up         | held for the whole time        | any              | what the probe says
//	any        | in a zone that allows removal  | any              | what the probe says
//
// A fall is from healthy to unhealthy or, where probes get no answer at all, to unknown.
// A host whose probe counts alone (serviceHealthScope probe) falls in the same way unless
// its readiness is down too: readiness does not decide there, but it confirms. The
// second vantage is another instance of this cluster, whose own probes fall for most of
// the hosts as well, or another cluster that asked our entries as a client and got no
// answer from most of them.
type probeGuard struct {
	hold  time.Duration // 0: nothing is held
	fell  map[Name]fallen
	held  map[Name][]netip.Addr // entries that stay healthy
	since time.Time
	until time.Time
}

// fallen is a host of which probes alone took entries, not held.
type fallen struct {
	at, until time.Time // until: of the window
	addrs     []netip.Addr
}

func newProbeGuard() *probeGuard {
	return &probeGuard{fell: make(map[Name]fallen), held: make(map[Name][]netip.Addr)}
}

// ProbesHeld says that the probes of most hosts of this cluster failed at once, and that
// their health of before is kept until somebody confirms it or the time is over. The
// zero value means: none is kept.
type ProbesHeld struct {
	Hosts int
	Since time.Time
	Until time.Time
}

// byProbe gives the entries of our own that probes alone keep from being healthy.
func (in *hostInput) byProbe() []netip.Addr {
	if len(in.claims) == 0 || in.claims[0].Check == nil {
		return nil
	}
	var out []netip.Addr
	own := in.claims[0]
	for i := range own.Entries {
		e := &own.Entries[i]
		v, seen := in.verdict(in.name, e.Addr)
		if !seen || v.Health == Healthy || e.Health == Unhealthy || e.Draining {
			continue
		}
		if h, _ := ownHealth(own.Override, e.Health, e.Reason, own.Check, v.Health); h != Healthy {
			out = append(out, e.Addr)
		}
	}
	return out
}

// wasHealthy reports that an entry of ours was healthy in the last World.
func (in *hostInput) wasHealthy(addr netip.Addr) bool {
	if in.previous == nil {
		return false
	}
	p := in.previous.Part(in.self)
	return p != nil && slices.ContainsFunc(p.Offer.Entries, func(e Entry) bool { return e.Addr == addr && e.Health == Healthy })
}

// watch notes what probes did to a host since the last World.
func (g *probeGuard) watch(in *hostInput, allowed bool) {
	if g.hold == 0 {
		return
	}
	red := in.byProbe()
	if kept, held := g.held[in.name]; held {
		kept = slices.DeleteFunc(slices.Clone(kept), func(a netip.Addr) bool { return !slices.Contains(red, a) })
		if g.held[in.name] = kept; len(kept) == 0 || allowed {
			delete(g.held, in.name)
		}
	}
	if len(red) == 0 || allowed {
		delete(g.fell, in.name)
		return
	}
	if _, held := g.held[in.name]; held {
		return
	}
	addrs := slices.DeleteFunc(slices.Clone(red), func(a netip.Addr) bool { return !in.wasHealthy(a) })
	if len(addrs) > 0 {
		// Probes of a long interval cannot fall within a short window.
		window := max(guardWindow, in.claims[0].Check.Interval*5/4)
		g.fell[in.name] = fallen{in.now, in.now.Add(window), addrs}
	}
}

// judge decides what is held, and gives the names that have to be merged anew because of
// it. probed counts our hosts that have a probe; confirmed reports that a second vantage
// finds most of the hosts down.
func (g *probeGuard) judge(now time.Time, probed func() int, confirmed func([]Name) bool, next *earliest) []Name {
	var again []Name
	maps.DeleteFunc(g.fell, func(_ Name, f fallen) bool { return !f.until.After(now) })
	all := len(g.fell) + len(g.held)
	if all == 0 {
		return nil
	}
	mass := all > guardLeast && (len(g.held) > 0 || 2*all > probed())
	if !mass && len(g.held) == 0 {
		return nil
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(g.fell)), maps.Keys(g.held))
	over := len(g.held) > 0 && !g.until.After(now)
	if over || confirmed(names) {
		again = slices.AppendSeq(again, maps.Keys(g.held))
		clear(g.held)
		clear(g.fell)
		return again
	}
	if !mass {
		next.add(g.until)
		return nil
	}
	if len(g.held) == 0 {
		g.since, g.until = now, now.Add(g.hold)
	}
	for n, f := range g.fell {
		g.held[n] = f.addrs
		again = append(again, n)
	}
	clear(g.fell)
	next.add(g.until)
	return again
}

// list gives what is held.
func (g *probeGuard) list() ProbesHeld {
	if len(g.held) == 0 {
		return ProbesHeld{}
	}
	return ProbesHeld{Hosts: len(g.held), Since: g.since, Until: g.until}
}

// probed counts our hosts that have a probe.
func (m *merger) probed() int {
	n := 0
	for _, claims := range m.claims {
		if claims[0].Check != nil {
			n++
		}
	}
	return n
}

// confirmed reports that a second vantage finds most of the hosts down.
func (m *merger) confirmed(hosts []Name, now time.Time) bool {
	for _, in := range m.replicas.instances {
		if now.Sub(in.heard) >= m.timing.Lease {
			continue
		}
		down := 0
		for _, n := range hosts {
			if r := in.reports[m.zoneOf(n)]; r != nil && probesFail(r.Offers[n]) {
				down++
			}
		}
		if 2*down > len(hosts) {
			return true
		}
	}
	for _, p := range m.peers {
		if p.standing.Liveness != Fresh {
			continue
		}
		if _, r := p.believed(); r != nil && slices.ContainsFunc(r.Asked, func(a Asked) bool {
			return a.Cluster == m.self && 2*a.Silent > len(hosts)
		}) {
			return true
		}
	}
	return false
}

// probesFail reports that the probes of another instance of ours fail for an offer too,
// whatever it makes of that.
func probesFail(o *Offer) bool {
	return o != nil && slices.ContainsFunc(o.Entries, func(e Entry) bool {
		return e.Reason == ReasonProbeDown || e.Reason == ReasonProbesHeld
	})
}

// asked notes what became of asking an entry that another cluster holds.
func (p *peer) heldAsked(s Sighting, valid time.Duration) (news bool) {
	old, known := p.asked[s.Host]
	next := askedHost{silent: s.Kind == HeldSilent, until: s.At.Add(valid)}
	p.asked[s.Host] = next
	return !known || old.silent != next.silent
}

type askedHost struct {
	silent bool
	until  time.Time
}

// askedOf sums up what was asked of every cluster's held entries.
func (m *merger) askedOf(now time.Time, next *earliest) []Asked {
	var out []Asked
	for _, p := range m.sortedPeers() {
		a := Asked{Cluster: p.tag}
		for host, k := range p.asked {
			switch {
			case !k.until.After(now):
				delete(p.asked, host)
				continue
			case k.silent:
				a.Silent++
			default:
				a.Answered++
			}
			next.add(k.until)
		}
		if a.Answered+a.Silent > 0 {
			out = append(out, a)
		}
	}
	return out
}
