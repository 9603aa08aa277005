// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Saved is what a Store knew at one moment: enough to answer after a restart as
// before it, without the API and without peers (design.md R5). It holds values that
// are never changed, and can be written as JSON and read back.
type Saved struct {
	Self       GeoTag
	ClusterID  string
	At         time.Time // by the wall clock; for people, and since when a restored cluster is blind
	Mark       uint64
	Zones      []ZoneIntent
	Serials    map[Name]uint32 // SOA serials by zone
	Offers     []*Offer        // what our objects claim, health by readiness
	Challenges []Record
	Verdicts   []Verdict
	Reports    []*Report             // those believed, of every peer that did not leave
	Lost       []GeoTag              // peers that were given up
	Left       []GeoTag              // peers that said goodbye
	Waits      []Wait                // entries that are healthy again and wait
	Healthy    map[Name][]netip.Addr // what was healthy last, of hosts where nothing is now
	Held       []HeldOffers          // what the deletion guard holds
}

// Save gives what the Store knows. It costs a walk over all hosts; it is meant for
// every few seconds at most.
func (s *Store) Save() *Saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.save(time.Now())
}

func (m *merger) save(now time.Time) *Saved {
	out := &Saved{
		Self: m.self, ClusterID: m.id, At: now.Round(0), Mark: m.local.Mark, Zones: m.zones,
		Serials: make(map[Name]uint32), Challenges: m.challenges, Healthy: make(map[Name][]netip.Addr),
	}
	for zone, s := range m.serials {
		out.Serials[zone] = s.value
	}
	out.Held = m.guard.save()
	for _, claims := range m.claims {
		out.Offers = append(out.Offers, claims...)
	}
	slices.SortFunc(out.Offers, func(a, b *Offer) int {
		if c := a.Host.Compare(b.Host); c != 0 {
			return c
		}
		return olderClaim(a, b)
	})
	for _, v := range m.verdicts {
		if slices.Contains(m.probes.held[v.Host], v.Addr) {
			v.Health = Healthy // as it counts; the probes of the next process are judged anew
		}
		out.Verdicts = append(out.Verdicts, v)
	}
	slices.SortFunc(out.Verdicts, func(a, b Verdict) int {
		if c := a.Host.Compare(b.Host); c != 0 {
			return c
		}
		return a.Addr.Compare(b.Addr)
	})
	for _, p := range m.sortedPeers() {
		switch p.standing.Liveness {
		case Left:
			out.Left = append(out.Left, p.tag)
			continue
		case Lost:
			out.Lost = append(out.Lost, p.tag)
		case Unheard, Self, Fresh, Doubtful, Vouched:
		}
		for _, zone := range slices.SortedFunc(maps.Keys(p.best), Name.Compare) {
			out.Reports = append(out.Reports, p.instances[p.best[zone]].share(zone))
		}
	}
	if m.world != nil {
		out.Waits = m.returns.save(m.world)
		for h := range m.world.Hosts() {
			if len(h.LastHealthy) > 0 && len(healthyAddrs(h)) == 0 {
				out.Healthy[h.Name] = h.LastHealthy
			}
		}
	}
	return out
}

// restore begins with what was known before. Until objects were read, the cluster is
// blind since then, and what they said stands; what no object says any more goes at
// the first complete reading. Peers that were not given up keep their offers for as
// long as one that was just heard, but do not count as heard.
func (m *merger) restore(s *Saved, now time.Time) {
	m.restored = make(map[Source]struct{})
	m.local = LocalState{Mark: s.Mark, Blind: s.At, Restored: true}
	m.zones, m.challenges = s.Zones, s.Challenges
	for zone, value := range s.Serials {
		m.serials[zone] = &serial{value: value, pending: true}
	}
	bySource := make(map[Source][]*Offer)
	for _, o := range s.Offers {
		bySource[o.Source] = append(bySource[o.Source], o)
	}
	for src, offers := range bySource {
		m.setObject(src, offers)
		m.restored[src] = struct{}{}
	}
	for _, v := range s.Verdicts {
		m.verdicts[verdictKey{v.Host, v.Addr}] = v
	}
	for _, r := range s.Reports {
		if r.Cluster == m.self {
			continue
		}
		p := m.ensurePeer(r.Cluster, now)
		p.id = r.ClusterID
		p.evidence.Restored = !slices.Contains(s.Lost, r.Cluster)
		p.instance(r.Instance).reports[r.Zone] = r
		p.best[r.Zone] = r.Instance
		p.offers[r.Zone] = r.Offers
		if sr := m.serial(r.Zone); serialLess(sr.highest, r.Public) {
			sr.highest = r.Public
		}
	}
	for _, tag := range s.Left {
		if tag != m.self {
			m.ensurePeer(tag, now).evidence.Announcement = Leaving // until its report says otherwise
		}
	}
	m.lastHealthy = s.Healthy
	m.restoreWaits(s.Waits, now)
	m.guard.restore(s.Held, now, m.touch)
	m.allDirty = true
}

// endRestore takes away what was restored and no object said again.
func (m *merger) endRestore() {
	for src := range m.restored {
		m.setObject(src, nil)
	}
	m.restored = nil
}

// HeldOffers is what the deletion guard holds of a cluster, as it is saved.
type HeldOffers struct {
	Cluster GeoTag
	Since   time.Time
	Until   time.Time
	Offers  []*Offer
}

// save gives what is held, by cluster and host.
func (g *guard) save() []HeldOffers {
	var out []HeldOffers
	for tag, s := range g.sides {
		if len(s.held) == 0 {
			continue
		}
		offers := slices.SortedFunc(maps.Values(s.held), func(a, b *Offer) int { return a.Host.Compare(b.Host) })
		out = append(out, HeldOffers{Cluster: tag, Since: s.since.Round(0), Until: s.until.Round(0), Offers: offers})
	}
	slices.SortFunc(out, func(a, b HeldOffers) int { return compareTags(a.Cluster, b.Cluster) })
	return out
}

// restore holds again what was saved, for the rest of its time: by the clock of the wall,
// which may have been set, so never for longer than a hold that begins now.
func (g *guard) restore(saved []HeldOffers, now time.Time, touch func(Name)) {
	for i := range saved {
		k := &saved[i]
		if g.hold == 0 || !k.Until.After(now) {
			continue
		}
		s := g.side(k.Cluster)
		s.since, s.until = k.Since, k.Until
		if most := now.Add(g.hold); s.until.After(most) {
			s.until = most
		}
		for _, o := range k.Offers {
			s.held[o.Host] = o
			touch(o.Host)
		}
	}
}
