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

func sameBesideHosts(a, b *World) bool {
	return a.Ready == b.Ready && a.Local == b.Local && a.Isolated.Equal(b.Isolated) && a.Unsought.Equal(b.Unsought) &&
		slices.Equal(a.Alarm.Missed, b.Alarm.Missed) && slices.Equal(a.Held, b.Held) && a.RemovalsMeant == b.RemovalsMeant && a.LeansOn == b.LeansOn &&
		a.ProbesHeld == b.ProbesHeld && slices.Equal(a.Asked, b.Asked) && a.Waiting == b.Waiting && slices.Equal(a.ReplicasHear, b.ReplicasHear) &&
		reflect.DeepEqual(a.Clusters, b.Clusters) && reflect.DeepEqual(a.Zones, b.Zones)
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

// endConflicts forgets conflicts whose other side is gone.
func (m *merger) endConflicts(peers []*peer, now time.Time, next *earliest) {
	end := func(conflict *string, at time.Time) {
		switch until := at.Add(conflictHold); {
		case *conflict == "":
		case until.After(now):
			next.add(until)
		default:
			*conflict = ""
		}
	}
	m.disputed(peers, now)
	end(&m.conflict, m.conflictAt)
	for _, p := range peers {
		end(&p.conflict, p.conflictAt)
	}
}

// assess gives every peer its standing, in two rounds: who was heard
// first, because those vouch for others.
func (m *merger) assess(now time.Time, next *earliest) {
	peers := m.sortedPeers()
	m.endConflicts(peers, now, next)
	isolated := m.isolation(peers, now, next)
	timing := m.believing()
	var thirds map[GeoTag]hearer // made when somebody was silent for long enough to need it
	for _, p := range peers {
		e := p.evidence
		if thirds == nil && now.Sub(later(e.Heard, e.Known)) >= m.timing.Decide {
			thirds = m.hearers(peers, now)
		}
		third := thirds[p.tag]
		e.Prior, e.Third, e.IsolatedSince = p.standing.Liveness, third.by, isolated
		if now.Sub(e.Heard) >= m.timing.Lease {
			e.LacksUs = time.Time{}
		}
		s := timing.Assess(e, now)
		if p.runsK8gb() {
			s.Alarm = false // it does not read heartbeats
		}
		next.add(s.Until)
		if s.Witness.Kind == ThirdCluster {
			next.add(third.until)
		}
		if s.Liveness != p.standing.Liveness || p.since.IsZero() {
			p.since = now
			m.touchPeer(p)
		}
		p.standing = s
		m.noteRead(p, now, next)
		m.expireChecks(p, now, next)
	}
}

// noteRead keeps whether the offers of a peer are those of before it was lost. Of one
// that a witness holds they count as they are; but a third cluster that hears it
// passes its report on, and gets some time to do so.
func (m *merger) noteRead(p *peer, now time.Time, next *earliest) {
	switch s := p.standing; {
	case s.Liveness == Lost:
		p.unread, p.offered = true, p.offered || len(p.offers) > 0
	case s.Liveness != Vouched || !p.unread:
	case s.Witness.Kind == ThirdCluster && now.Sub(p.since) < 2*m.timing.Decide:
		next.add(p.since.Add(2 * m.timing.Decide))
	default:
		m.read(p, now)
	}
}

// hearer is a cluster that hears another first-hand, and until when its word counts.
type hearer struct {
	by    GeoTag
	until time.Time
}

// hearers gives for each cluster the first one, by tag, that hears it first-hand:
// one that is fresh, or silent for so short that nothing is decided about it yet (a
// stall of the witness must not drop the one it vouches for). What it says of whom
// it hears must be as young: one that only calls us, or just came back, has an old
// list. So has an instance that is silent for the alarm time while another one of its
// cluster is heard. Vouched clusters are never asked, so that no circle can keep a dead
// one alive. Other instances of ours hear for us too.
func (m *merger) hearers(peers []*peer, now time.Time) map[GeoTag]hearer {
	out := make(map[GeoTag]hearer)
	for _, c := range peers {
		if c.evidence.Heard.IsZero() || now.Sub(c.evidence.Heard) >= m.timing.Decide {
			continue
		}
		for t, until := range c.lists(m.timing.Decide, now, m.timing) {
			if _, known := out[t]; !known && t != c.tag {
				out[t] = hearer{c.tag, until}
			}
		}
	}
	for t, until := range m.replicas.lists(m.timing.Alarm, now, m.timing) { // we are an instance that is heard
		if _, known := out[t]; !known {
			out[t] = hearer{m.self, until}
		}
	}
	return out
}

// lists gives whom the peer hears first-hand, by any of its instances, and until when
// that counts, which is for as long as said after the instance was heard.
func (p *peer) lists(counts time.Duration, now time.Time, t Timing) map[GeoTag]time.Time {
	var newest time.Time
	for _, in := range p.instances {
		newest = later(newest, in.heard)
	}
	out := make(map[GeoTag]time.Time)
	for _, in := range p.instances {
		until := in.heard.Add(counts)
		if !until.After(now) || newest.Sub(in.heard) >= t.Alarm {
			continue
		}
		for _, r := range in.reports {
			for _, tag := range r.Hears {
				out[tag] = later(out[tag], until)
			}
		}
	}
	return out
}

// isolation decides whether we are the ones cut off: something outside is
// configured to measure by, every peer that we ever heard has been silent until
// the decision, and nothing outside answered of late. It gives since when our
// isolation vouches for peers: when it ends because the outside is seen again,
// peers get the time to be heard as well before they are judged.
func (m *merger) isolation(peers []*peer, now time.Time, next *earliest) time.Time {
	known, heard := false, false
	for _, p := range peers {
		if p.evidence.Heard.IsZero() || p.evidence.Announcement == Leaving {
			continue
		}
		known = true
		heard = heard || now.Sub(p.evidence.Heard) < m.timing.Decide
	}
	seen := !m.outsideAt.IsZero() && now.Sub(m.outsideAt) < m.timing.Outside
	if seen && m.outside {
		next.add(m.outsideAt.Add(m.timing.Outside))
	}
	switch {
	case m.outside && known && !heard && !seen:
		if m.isolatedSince.IsZero() {
			m.isolatedSince = now
		}
	case !m.isolatedSince.IsZero():
		m.healingFrom, m.healing = m.isolatedSince, now.Add(m.timing.Decide)
		m.isolatedSince = time.Time{}
	}
	if !m.isolatedSince.IsZero() {
		return m.isolatedSince
	}
	if m.healing.After(now) {
		next.add(m.healing)
		return m.healingFrom
	}
	return time.Time{}
}

func (m *merger) touchPeer(p *peer) {
	for _, offers := range p.offers {
		for n := range offers {
			m.touch(n)
		}
	}
	m.touchAll(m.guard.names(p.tag))
}

func (m *merger) expireChecks(p *peer, now time.Time, next *earliest) {
	for host, until := range p.checked {
		if until.After(now) {
			next.add(until)
			continue
		}
		delete(p.checked, host)
		m.touch(host)
	}
}

// allDecided reports that peers were looked up, and each was heard or given up. Nobody
// is waited for longer than until firstBy, however many become known one by one.
func (m *merger) allDecided(now time.Time, next *earliest) bool {
	if !m.firstBy.IsZero() && !m.firstBy.After(now) {
		return true
	}
	next.add(m.firstBy)
	if m.seeksUntil.After(now) {
		next.add(m.seeksUntil)
		return false
	}
	for _, p := range m.peers {
		if p.standing.Liveness == Unheard {
			return false
		}
		// It was heard, since it called us or began to answer, but not yet read.
		if at := p.evidence.Known.Add(m.timing.Decide); len(p.best) == 0 && p.standing.Liveness != Lost && at.After(now) {
			next.add(at)
			return false
		}
	}
	return true
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
		ins[i].probes = m.probes.held[ins[i].name]
	}
	return ins
}

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
	return in
}

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

func (m *merger) alarm() Alarm {
	var a Alarm
	for _, p := range m.sortedPeers() {
		if p.standing.Alarm {
			a.Missed = append(a.Missed, p.tag)
		}
	}
	return a
}

// mergeZones adds the name servers and records of all clusters to our zones and
// moves the serials on.
func (m *merger) mergeZones(hosts hostMap, now time.Time, next *earliest) []Zone {
	out := make([]Zone, 0, len(m.zones))
	for _, zi := range m.zones {
		z := Zone{ZoneIntent: zi, Challenges: m.challengesOf(zi.Zone), Dead: m.dead(zi, now, next)}
		z.NameServers = m.nameServers(zi, z.Dead)
		z.Static = m.mergeRecords(&z, hosts)
		if m.world != nil {
			if old := m.world.Zone(zi.Zone); old == nil || !reflect.DeepEqual(old.NameServers, z.NameServers) {
				m.bump(zi.Zone)
				m.bump(m.zoneOf(zi.Zone.Parent())) // in which it is a delegation
			}
		}
		out = append(out, z)
	}
	for i := range out {
		out[i].Serial = m.publish(m.serial(out[i].Zone), now, next)
	}
	return out
}

func (m *merger) nameServers(zi ZoneIntent, dead []GeoTag) []NameServer {
	var out []NameServer
	if n, err := NameServerName(m.self, zi.Zone, zi.EdgeZone); err == nil {
		out = append(out, NameServer{Cluster: m.self, Name: n, Addrs: zi.Addrs})
	}
	for _, p := range m.sortedPeers() {
		in := p.instances[p.best[zi.Zone]]
		if in == nil || slices.Contains(dead, p.tag) {
			continue
		}
		for _, ns := range in.reports[zi.Zone].NameServers {
			if ns.Cluster == p.tag {
				out = append(out, ns)
			}
		}
	}
	slices.SortFunc(out, func(a, b NameServer) int { return compareTags(a.Cluster, b.Cluster) })
	return out
}

// recall takes serials up to the highest that a peer states, at once: nobody was
// answered yet, and what was served before a restart may be in a peer's memory only.
func (m *merger) recall(zones []Zone) {
	for i := range zones {
		s := m.serial(zones[i].Zone)
		if serialLess(s.value, s.highest) {
			s.value = s.highest
		}
		zones[i].Serial = s.value
	}
}

// publish gives the serial of a zone: max(clock seconds, last + 1, highest that
// a peer states), moved at most once a second.
func (m *merger) publish(s *serial, now time.Time, next *earliest) uint32 {
	if s.value != 0 && !s.pending {
		return s.value
	}
	if s.value != 0 && now.Sub(s.at) < time.Second {
		next.add(s.at.Add(time.Second))
		return s.value
	}
	v, wall := s.value+1, now
	if m.clock != nil {
		wall = m.clock()
	}
	if clock := uint32(wall.Unix()); serialLess(v, clock) || s.value == 0 {
		v = clock
	}
	if serialLess(v, s.highest) {
		v = s.highest
	}
	s.value, s.at, s.pending = v, now, false
	return v
}
