// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"time"
)

// allowsRemoval reports that a zone of ours asks for no deletion guard.
func (m *merger) allowsRemoval(zone Name) bool {
	i := slices.IndexFunc(m.zones, func(z ZoneIntent) bool { return z.Zone == zone })
	return i >= 0 && m.zones[i].AllowRemoval
}

// meantFor is how long our report says that removals are meant after some were let go:
// the others have read it by then.
const meantFor = time.Minute

// letGo notes that something of ours goes that was held, or whose removal is meant.
func (m *merger) letGo(now time.Time) {
	if len(m.meant) > 0 || m.guard.ended(m.self, now) {
		m.meantAt = now
	}
	clear(m.meant)
}

// lettingGo reports that what our report lacks lately was held here, so that nobody holds
// it once more.
func (m *merger) lettingGo(now time.Time, next *earliest) bool {
	until := m.meantAt.Add(meantFor)
	if m.meantAt.IsZero() || !until.After(now) {
		return false
	}
	next.add(until)
	return true
}

// removalMeant reports that what vanishes of a cluster in a zone is believed: the zone
// allows it here, the cluster says that it is meant there, or its removal was held before.
func (m *merger) removalMeant(in *hostInput, tag GeoTag) bool {
	if _, meant := m.meant[in.name]; meant && tag == m.self {
		return true
	}
	zone := in.zone
	if p := m.peers[tag]; p != nil && tag != m.self {
		if in := p.instances[p.best[zone]]; in != nil && in.reports[zone] != nil && in.reports[zone].RemovalsMeant {
			return true
		}
	}
	return m.allowsRemoval(zone)
}

// left reports that a cluster said goodbye, or is not known at all.
func (m *merger) left(tag GeoTag) bool {
	p := m.peers[tag]
	return tag != m.self && (p == nil || p.standing.Liveness == Left)
}

// offering counts the hosts that a cluster offers now.
func (m *merger) offering(tag GeoTag) int {
	if tag == m.self {
		return len(m.claims)
	}
	n := 0
	if p := m.peers[tag]; p != nil {
		for zone, offers := range p.offers {
			if around := m.zoneOf(zone.Parent()); around.IsZero() || p.offers[around] == nil {
				n += len(offers) // else those around it tell of them too
			}
		}
	}
	return n
}

// offered gives what a cluster offers for a host now; nil: nothing.
func (m *merger) offered(tag GeoTag, n Name) *Offer {
	if tag == m.self {
		if o, instead := m.replicas.offer(m.zoneOf(n), n); instead {
			return o
		}
		if claims := m.claims[n]; len(claims) > 0 {
			return claims[0]
		}
		return nil
	}
	if p := m.peers[tag]; p != nil {
		return m.offerOf(p, n)
	}
	return nil
}
