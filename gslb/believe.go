// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"reflect"
	"time"
)

// ensurePeer gives what is held of a cluster, which is known from now on.
func (m *merger) ensurePeer(tag GeoTag, now time.Time) *peer {
	p := m.peers[tag]
	if p == nil {
		p = newPeer(tag, now)
		m.peers[tag] = p
		m.allDirty = true // a policy may name it
	}
	return p
}

// setReport takes a whole report: a peer's, or one under our own tag.
func (m *merger) setReport(r *Report, now time.Time) error {
	if r.Cluster == m.self {
		return m.ownTag(r, now)
	}
	p := m.ensurePeer(r.Cluster, now)
	if p.id != r.ClusterID {
		m.touchPeer(p) // it may take over, and offer less
	}
	before := p.id
	if err := p.admit(r, now, m.timing); err != nil {
		return err
	}
	if before != "" && before != p.id {
		m.guard.trust(r.Cluster)
	}
	p.instance(r.Instance).keep(r, now)
	m.taken(p, r, now)
	return nil
}

// setChange is setReport for a report whose offers are those of the last one, save some.
func (m *merger) setChange(r *Report, since uint32, changed map[Name]*Offer, now time.Time) error {
	p := m.peers[r.Cluster]
	if r.Cluster == m.self {
		p = m.replicas.peer
	}
	if p == nil || p.id != r.ClusterID && r.Cluster != m.self || r.Cluster == m.self && r.ClusterID != m.id {
		return ErrNoBase
	}
	in := p.instances[r.Instance]
	if in == nil || in.reports[r.Zone] == nil || in.reports[r.Zone].Serial != since {
		return ErrNoBase
	}
	moved := in.change(r, changed, now)
	if r.Cluster == m.self {
		if m.replicas.lean == r.Instance {
			m.touchAll(moved)
		}
		m.hearOf(r.Hears, now)
		return nil
	}
	if p.best[r.Zone] == r.Instance {
		m.touchAll(moved)
		p.offers[r.Zone] = r.Offers
	}
	m.taken(p, r, now)
	return nil
}

// taken goes on after an instance of a peer said something new of a zone.
func (m *merger) taken(p *peer, r *Report, now time.Time) {
	p.readAt = now
	if s := m.serial(r.Zone); r.Public != 0 && serialLess(s.highest, r.Public) {
		s.highest = r.Public
	}
	m.believe(p, r.Zone, now)
}

// believe takes over the best report of a zone and marks the hosts that changed.
func (m *merger) believe(p *peer, zone Name, now time.Time) {
	p.choose(zone, now, m.timing)
	r := p.instances[p.best[zone]].reports[zone]
	p.evidence.Announcement = r.Announcement
	m.touchAll(changedOffers(p.offers[zone], r.Offers))
	p.offers[zone] = r.Offers
	if r.RemovalsMeant {
		m.touchAll(m.guard.names(p.tag))
	}
	m.read(p, now)
	p.noteLack(m.self, now, m.timing)
	m.hearOf(r.Hears, now)
}

// hearOf makes known whom another cluster, or another instance of ours, hears: they
// live, so the first World waits for them too.
func (m *merger) hearOf(tags []GeoTag, now time.Time) {
	for _, t := range tags {
		if t != m.self {
			m.ensurePeer(t, now)
		}
	}
}

// changedOffers gives the hosts of which the offers differ, in no order. A map that is
// changed in place is equal to itself: what changed in it was touched then.
func changedOffers(before, after map[Name]*Offer) []Name {
	if reflect.ValueOf(before).UnsafePointer() == reflect.ValueOf(after).UnsafePointer() {
		return nil
	}
	var out []Name
	for n, o := range after {
		if was := before[n]; was != o && !reflect.DeepEqual(was, o) {
			out = append(out, n)
		}
	}
	for n := range before {
		if after[n] == nil {
			out = append(out, n)
		}
	}
	return out
}

// read notes that a report of a peer was read or confirmed, and reports that its offers
// count again because of it.
func (m *merger) read(p *peer, now time.Time) bool {
	was := p.unread
	if p.unread = false; was {
		m.touchPeer(p)
		p.noteReturn(now)
	}
	return was
}

// readAgain notes that what is held of a peer's report is current, and reports that the
// peer may have been unread until now.
func (m *merger) readAgain(p *peer, at time.Time) bool {
	was := p.readAt
	p.readAt = later(was, at)
	return p.standing.Liveness == Fresh && at.Sub(later(was, p.since)) >= m.timing.Decide
}

// rechoose looks whether another instance of the peer is to be believed now.
func (m *merger) rechoose(p *peer, now time.Time) {
	p.forget(now)
	for zone := range p.best {
		was := p.best[zone]
		p.choose(zone, now, m.timing)
		if p.best[zone] != was {
			m.believe(p, zone, now)
		}
	}
}

// offerOf gives what a peer offers for a host: in its report of the longest of our zones
// that holds it, else of one around that, as a peer need not serve the same zones.
func (m *merger) offerOf(p *peer, n Name) *Offer {
	zone := m.zoneOf(n)
	o := p.offers[zone][n]
	for o == nil && !zone.IsZero() {
		zone = m.zoneOf(zone.Parent())
		o = p.offers[zone][n]
	}
	return o
}

// touchPeer marks every host that a peer offers, and those that are held of it.
func (m *merger) touchPeer(p *peer) {
	for _, offers := range p.offers {
		for n := range offers {
			m.touch(n)
		}
	}
	m.touchAll(m.guard.names(p.tag))
}
