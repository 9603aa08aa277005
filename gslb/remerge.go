// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// earliest keeps the soonest of the moments at which something changes by itself.
type earliest struct{ at time.Time }

func (e *earliest) add(t time.Time) {
	if !t.IsZero() && (e.at.IsZero() || t.Before(e.at)) {
		e.at = t
	}
}

// merge makes the World of this moment. It gives the last one itself when
// nothing changed, and the moment at which to look again (zero: not by itself).
//
//  1. instances: believe the best report of each peer
//  2. clusters: assess who is believed; isolation
//  3. hosts: re-merge those that changed
//  4. zones: name servers, records and serials
func (m *merger) merge(now time.Time) (*World, time.Time) {
	var next earliest
	for _, p := range m.sortedPeers() {
		m.rechoose(p, now)
	}
	m.assess(now, &next)
	if m.replicas.judge(m.local, now, m.timing, &next) {
		m.replicas.names(m.touch)
		for n := range m.claims {
			m.touch(n)
		}
	}
	m.wake(now)
	changes := m.mergeHosts(now, &next)
	m.returns.next(m.peers, now, &next)
	prev := m.world
	w := &World{
		At: now, Self: m.self, SelfID: m.id, Local: m.local, Isolated: m.isolatedSince,
		Clusters: m.clusters(now, &next), Alarm: m.alarm(),
	}
	if !w.Isolated.IsZero() {
		w.IsolatedUntil = w.Isolated.Add(m.believing().SplitBrain)
	}
	w.Ready = prev != nil && prev.Ready || m.local.Restored || m.local.Synced && m.allDecided(now, &next)
	if prev != nil {
		w.hosts = prev.hosts
	}
	if len(changes) > 0 {
		w.hosts = w.hosts.with(changes)
	}
	w.Zones = m.mergeZones(w.hosts, now, &next)
	if prev == nil || !prev.Ready {
		m.recall(w.Zones)
	}
	w.RemovalsMeant = m.lettingGo(now, &next)
	w.Held, w.LeansOn, w.ProbesHeld = m.guard.list(), m.replicas.lean, m.probes.list()
	w.Asked, w.Waiting = m.askedOf(now, &next), m.returns.count()
	w.ReplicasHear = m.replicas.hear(now, m.timing)
	w.Unsought = m.unsought(now, &next)
	w.ChangesAt = next.at
	arrivals := m.arrivals
	m.arrivals = Arrivals{}
	if len(changes) > 0 || prev == nil || !reflect.DeepEqual(prev.Zones, w.Zones) {
		w.Arrivals = arrivals
	}
	if prev != nil {
		w.Revision = prev.Revision
		if len(changes) == 0 && sameBesideHosts(prev, w) {
			return prev, next.at
		}
	}
	w.Revision++
	m.world = w
	return w, next.at
}

// sameBesideHosts reports that two Worlds tell the same, whatever their hosts are.
func sameBesideHosts(a, b *World) bool {
	return a.Ready == b.Ready && a.Local == b.Local && a.Isolated.Equal(b.Isolated) && a.Unsought.Equal(b.Unsought) &&
		slices.Equal(a.Alarm.Missed, b.Alarm.Missed) && slices.Equal(a.Held, b.Held) && a.RemovalsMeant == b.RemovalsMeant && a.LeansOn == b.LeansOn &&
		a.ProbesHeld == b.ProbesHeld && slices.Equal(a.Asked, b.Asked) && a.Waiting == b.Waiting && slices.Equal(a.ReplicasHear, b.ReplicasHear) &&
		reflect.DeepEqual(a.Clusters, b.Clusters) && reflect.DeepEqual(a.Zones, b.Zones)
}

// mergeHosts re-merges the dirty hosts and gives those that changed.
func (m *merger) mergeHosts(now time.Time, next *earliest) map[Name]*Host {
	if m.allDirty {
		for n := range m.claims {
			m.touch(n)
		}
		for _, p := range m.peers {
			m.touchPeer(p)
		}
		if m.world != nil {
			for h := range m.world.Hosts() {
				m.touch(h.Name)
			}
		}
	}
	changes := make(map[Name]*Host)
	for _, in := range m.inputs(now, next) {
		n, old := in.name, in.previous
		h := mergeHost(in)
		m.returns.note(n, h, now)
		if h == old {
			continue
		}
		changes[n] = h
		if old == nil {
			m.noteHost(h)
		} else if h == nil {
			m.noteHost(old)
		}
		for _, x := range []*Host{old, h} {
			if x != nil {
				m.bump(x.Zone)
			}
		}
	}
	clear(m.dirty)
	m.allDirty = false
	return changes
}

// inputs gives all that is known of the dirty hosts, and of those that the guard holds
// or lets go.
func (m *merger) inputs(now time.Time, next *earliest) []hostInput {
	ins := make([]hostInput, 0, len(m.dirty))
	peers := m.sortedPeers()
	for n := range m.dirty {
		in := m.inputOf(n, peers, now)
		m.guard.watch(&in, m.removalMeant, m.left)
		m.probes.watch(&in, m.allowsRemoval(in.zone))
		ins = append(ins, in)
	}
	again := m.guard.judge(now, m.offering, m.offered, next)
	m.letGo(now)
	again = append(again, m.probes.judge(now, m.probed, func(names []Name) bool { return m.confirmed(names, now) }, next)...)
	for _, n := range again {
		if _, there := m.dirty[n]; !there {
			m.touch(n)
			ins = append(ins, m.inputOf(n, peers, now))
		}
	}
	for i := range ins {
		m.guard.fill(&ins[i], peers)
		if in := &ins[i]; len(in.held) > 0 { // what is held says whose the host is, too
			in.claims = standsForUs(slices.SortedStableFunc(slices.Values(in.claims), olderClaim), in.peers)
		}
		ins[i].probes = m.probes.held[ins[i].name]
	}
	return ins
}

// inputOf gives all that is known of one host.
func (m *merger) inputOf(n Name, peers []*peer, now time.Time) hostInput {
	var old *Host
	if m.world != nil {
		old = m.world.Host(n)
	}
	in := hostInput{
		name: n, zone: m.zoneOf(n), self: m.self, claims: m.claims[n], known: m.knows, now: now, previous: old, healthy: m.lastHealthy[n],
		verdict: func(h Name, a netip.Addr) (Verdict, bool) {
			v, ok := m.verdicts[verdictKey{h, a}]
			return v, ok
		},
		damper: m.damper, returned: m.returns.own,
	}
	if old == nil {
		in.waits = func(tag GeoTag, a netip.Addr) time.Time { return m.returns.saved[waitKey{n, tag, a}] }
	}
	if o, instead := m.replicas.offer(in.zone, n); o != nil {
		in.claims = []*Offer{o}
	} else if instead {
		in.claims = nil
	}
	for _, p := range peers {
		if p.standing.Liveness == Left {
			continue
		}
		if o := m.offerOf(p, n); o != nil {
			in.peers = append(in.peers, peerOffer{
				cluster: p.tag, liveness: p.offersAs(), checked: p.checked[n].After(now), offer: o,
			})
		}
	}
	in.claims = standsForUs(in.claims, in.peers)
	return in
}

// clusters gives what a World says of every cluster, by tag.
func (m *merger) clusters(now time.Time, next *earliest) []Cluster {
	out := []Cluster{{
		Tag: m.self, ID: m.id, Liveness: Self, Mark: m.local.Mark, Blind: m.local.Blind,
		Pausing: m.local.Announcement == Pausing, Conflict: m.conflict,
	}}
	for _, p := range m.sortedPeers() {
		c := Cluster{
			Tag: p.tag, ID: p.id, Liveness: p.standing.Liveness, Since: p.since, Witness: p.standing.Witness,
			Pausing: p.evidence.Announcement == Pausing, Conflict: p.conflict, Unread: p.unreadSince(now, m.timing, next),
			Restored: p.evidence.Restored && p.evidence.Heard.IsZero(),
			Returned: p.returns(m.returns.longest, now),
		}
		if id, r := p.believed(); r != nil {
			c.Instance, c.Hears, c.Lost, c.Mark, c.Blind, c.K8gb = id, r.Hears, r.Lost, r.Mark, r.Blind, r.K8gb
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Cluster) int { return compareTags(a.Tag, b.Tag) })
	return out
}

// alarm gives whom this cluster misses.
func (m *merger) alarm() Alarm {
	var a Alarm
	for _, p := range m.sortedPeers() {
		if p.standing.Alarm {
			a.Missed = append(a.Missed, p.tag)
		}
	}
	return a
}
