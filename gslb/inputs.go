// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"errors"
	"net/netip"
	"time"
)

// input changes the merger and wakes the loop.
func (s *Store) input(f func(m *merger)) {
	s.mu.Lock()
	f(s.m)
	s.mu.Unlock()
	s.poke()
}

// SetObject replaces what one object of this cluster offers; no offers: the
// object is gone or offers nothing. Health in them is that of readiness.
func (s *Store) SetObject(src Source, offers []*Offer) { s.SetObjectAt(time.Now(), src, offers) }

// SetObjectAt is [Store.SetObject] for a change of which the first sign arrived
// at a time before now; see [Arrivals].
func (s *Store) SetObjectAt(arrived time.Time, src Source, offers []*Offer) {
	s.input(func(m *merger) {
		m.arrivals.note(LocalInput, arrived)
		m.setObject(src, offers)
	})
}

// RemoveObjectAt takes away what one object of this cluster offered, past the deletion
// guard, here and in the other clusters: its removal was held already, or confirmed. The
// first sign of it arrived at a time before now.
func (s *Store) RemoveObjectAt(arrived time.Time, src Source) {
	s.input(func(m *merger) {
		m.arrivals.note(LocalInput, arrived)
		m.removeObject(src)
	})
}

// SetZones replaces the zones that this cluster serves.
func (s *Store) SetZones(zones []ZoneIntent) {
	s.input(func(m *merger) {
		m.arrivals.note(LocalInput, time.Now())
		m.setZones(zones)
	})
}

// SetChallenges replaces the challenge records that this cluster holds, of all
// zones; those in no zone of ours are kept until there is one.
func (s *Store) SetChallenges(records []Record) {
	s.input(func(m *merger) {
		m.arrivals.note(LocalInput, time.Now())
		m.setChallenges(records)
	})
}

// SetLocal replaces what this process says of itself.
func (s *Store) SetLocal(l LocalState) { s.input(func(m *merger) { m.setLocal(l) }) }

// UpdateLocal changes what this process says of itself: f gets a copy of the
// present state and edits it.
func (s *Store) UpdateLocal(f func(*LocalState)) {
	s.input(func(m *merger) {
		l := m.local
		f(&l)
		m.setLocal(l)
	})
}

// KnowPeer makes a cluster known by name, so that the first World waits for its
// report until the decision threshold.
func (s *Store) KnowPeer(tag GeoTag) {
	s.input(func(m *merger) {
		if tag != m.self {
			m.ensurePeer(tag, time.Now())
		}
	})
}

// PeersSought says that peers were looked up with success, and made known by KnowPeer;
// see Config.SeeksPeers.
func (s *Store) PeersSought() { s.input(func(m *merger) { m.sought(time.Now()) }) }

// SetReport takes a complete, authenticated report. It does not count as having
// heard the cluster; that is a [Sighting], since a third cluster may pass
// reports on. The error says why a report is refused; the last good one stays.
func (s *Store) SetReport(r *Report) error {
	return s.report(r, func(m *merger, now time.Time) error { return m.setReport(r, now) })
}

// ErrNoBase says that the Store does not hold the report that a change begins at.
var ErrNoBase = errors.New("the report that the change begins at is not the one that is held")

// SetChange is [Store.SetReport] at the price of what changed. r is the whole new report
// but for Offers, which the Store fills in; since is the Serial of the last report that
// it took of the same cluster, instance and zone; changed holds the offers that
// differ from that one's, nil for a host that is not offered any more. The result is
// that of SetReport with the whole. [ErrNoBase]: nothing was taken, hand in the whole.
func (s *Store) SetChange(r *Report, since uint32, changed map[Name]*Offer) error {
	return s.report(r, func(m *merger, now time.Time) error { return m.setChange(r, since, changed, now) })
}

func (s *Store) report(r *Report, take func(*merger, time.Time) error) error {
	var err error
	s.input(func(m *merger) {
		now := time.Now()
		if err = take(m, now); err != nil {
			return
		}
		if r.Received.IsZero() {
			m.arrivals.note(PeerInput, now)
		} else {
			m.arrivals.note(PeerInput, r.Received)
		}
	})
	return err
}

// SetVerdict takes what a probe concluded.
func (s *Store) SetVerdict(v Verdict) {
	s.input(func(m *merger) {
		m.arrivals.note(ProbeInput, time.Now())
		m.setVerdict(v)
	})
}

// DropVerdict forgets a verdict whose probe has ended.
func (s *Store) DropVerdict(host Name, addr netip.Addr) {
	s.input(func(m *merger) { m.dropVerdict(host, addr) })
}

// Sight takes a sighting. One that only confirms what is known, as each
// keep-alive of a fresh cluster does, wakes nobody.
func (s *Store) Sight(v Sighting) {
	s.mu.Lock()
	news := s.m.sight(v)
	s.mu.Unlock()
	if news {
		s.poke()
	}
}
