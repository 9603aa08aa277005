// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// SightingKind says how a cluster, or the world outside, was seen.
type SightingKind uint8

// The kinds of sightings (agreement.md §4). NoSighting is the zero value.
const (
	NoSighting    SightingKind = iota
	Heard                      // a valid signed answer from it, or a signed request by it
	ThirdCluster               // a fresh cluster hears it first-hand (derived from reports, never handed in)
	Heartbeat                  // its alarm at the edge goes on and names us with a keep-alive number that we sent
	EntryAnswered              // an entry of one host answered as a client would ask: vouches for that host only
	SignedBadTime              // it answered with a signed BADTIME: alive, clocks apart
	BadSignature               // an unsigned BADKEY or BADSIG came from its address: probably alive, keys apart
	Announced                  // it announced a restart
	Isolation                  // we are the ones cut off (derived, never handed in)
	OutsideSeen                // a server of the edge zone or an anchor answered us: we are not cut off
	HeldAnswered               // an entry that its cluster holds against its probes ([ReasonProbesHeld]) answered as a client would ask
	HeldSilent                 // none of the host's answered
	ReportRead                 // its report was read or found unchanged, by itself or through a third cluster; no sign of life
)

var sightingNames = [...]string{
	"none", "heard", "thirdCluster", "heartbeat", "entryAnswered",
	"signedBadTime", "badSignature", "announced", "isolation", "outsideSeen", "heldAnswered", "heldSilent", "reportRead",
}

// String gives the word used in status, logs and metrics.
func (k SightingKind) String() string { return sightingNames[k] }

// A Sighting is the fourth input beside intent, reports and verdicts: somebody
// saw a cluster alive.
type Sighting struct {
	Kind     SightingKind
	Of       GeoTag        // the cluster seen; "" for OutsideSeen
	ID       string        // Heard: the id of the cluster that spoke; "" where it is not known
	Instance string        // Heard: the instance whose report was read; "" where it only called
	Host     Name          // EntryAnswered, HeldAnswered, HeldSilent: the host whose entry was asked
	At       time.Time     // by our own clock, with its monotonic reading
	ValidFor time.Duration // Heartbeat, EntryAnswered: how long it vouches, HeldAnswered, HeldSilent: how long it counts; 0: the lease
}

// sight notes that somebody was seen. It reports whether that can change a
// standing before the next moment at which the World is looked at anyway.
func (m *merger) sight(s Sighting) bool {
	if s.Kind == OutsideSeen {
		m.outsideAt = later(m.outsideAt, s.At)
		return !m.isolatedSince.IsZero()
	}
	if p := m.peers[s.Of]; p != nil && s.ID != "" && p.id != "" && s.ID != p.id {
		return m.stranger(p, s) // another cluster under the same tag
	}
	if s.Of == m.self && s.Kind == Heard {
		m.replicas.heardFrom(s.Instance, s.At)
	}
	if s.Of == m.self || s.Of == "" {
		return false
	}
	p := m.ensurePeer(s.Of, s.At)
	valid := s.ValidFor
	if valid == 0 {
		valid = m.timing.Lease
	}
	calm := p.standing.Liveness == Fresh && !p.standing.Alarm
	switch s.Kind {
	case Heard:
		return m.heard(p, s) || !calm
	case EntryAnswered:
		return m.entryAnswered(p, s, valid) || !calm
	case HeldAnswered, HeldSilent:
		return p.heldAsked(s, valid)
	case ReportRead:
		again := m.readAgain(p, s.At)
		return m.read(p, s.At) || again
	default:
		p.evidence.note(s, valid)
	}
	return !calm
}

// heard notes that a peer spoke, and reports that its offers may count otherwise now.
func (m *merger) heard(p *peer, s Sighting) bool {
	p.evidence.Heard = later(p.evidence.Heard, s.At)
	p.evidence.BadSigFirst = time.Time{}
	in := p.instances[s.Instance]
	if in == nil {
		return false
	}
	in.heard = later(in.heard, s.At)
	again := m.readAgain(p, s.At)
	return m.read(p, s.At) || p.stale(s.At, m.timing) || again
}

// entryAnswered notes that an entry vouches for its host, and reports that none did before.
func (m *merger) entryAnswered(p *peer, s Sighting, valid time.Duration) bool {
	until := p.checked[s.Host]
	p.checked[s.Host] = later(until, s.At.Add(valid))
	if until.After(s.At) {
		return false
	}
	m.touch(s.Host)
	return true
}

// note keeps the signs of life that are weaker than a signed word. Those that are derived
// (a third cluster, isolation) or said in a report (an announcement) are never handed in.
func (e *Evidence) note(s Sighting, valid time.Duration) {
	switch s.Kind {
	case Heartbeat:
		if s.At.Add(valid).After(e.Beat.Add(e.BeatFor)) {
			e.Beat, e.BeatFor = s.At, valid
		}
	case SignedBadTime:
		e.BadTime = s.At
	case BadSignature:
		if e.BadSigFirst.IsZero() {
			e.BadSigFirst = s.At
		}
		e.BadSig = s.At
	default:
	}
}

// stood notes that this process did not run for some time (it was stopped, or starved):
// what was not heard then is not silence of the others.
func (m *merger) stood(d time.Duration, now time.Time) {
	shift := func(t *time.Time) {
		if t.IsZero() {
			return
		}
		if *t = t.Add(d); t.After(now) {
			*t = now
		}
	}
	shift(&m.outsideAt)
	for _, until := range []*time.Time{&m.firstBy, &m.seeksUntil} {
		if !until.IsZero() {
			*until = until.Add(d)
		}
	}
	for _, p := range m.peers {
		for _, t := range []*time.Time{&p.evidence.Known, &p.evidence.Heard, &p.evidence.LacksUs, &p.readAt} {
			shift(t)
		}
		for _, in := range p.instances {
			shift(&in.heard)
		}
	}
	for _, in := range m.replicas.instances {
		shift(&in.heard)
	}
}

// later gives the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
