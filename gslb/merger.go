// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// merger holds every input and makes the next World of what changed. It is the
// whole of the model without goroutines: not safe for concurrent use, and all
// time is handed in.
type merger struct {
	self    GeoTag
	id      string
	timing  Timing
	outside bool             // an edge or anchors are configured, so isolation can be measured
	clock   func() time.Time // wall clock of serials; nil: the time handed in

	local    LocalState
	zones    []ZoneIntent
	objects  map[Source][]Name
	claims   map[Name][]*Offer
	peers    map[GeoTag]*peer
	verdicts map[verdictKey]Verdict

	firstBy       time.Time // until when the first World waits for peers; zero: it is not bounded
	unsoughtUntil time.Time // see unsought; zero: we know who the others are
	seeksUntil    time.Time // peers are being looked up, or may call; zero: they were found, or never will be
	outsideAt     time.Time
	isolatedSince time.Time
	healing       time.Time // until when our past isolation still vouches for peers
	healingFrom   time.Time // since when we were isolated then
	conflict      string    // another cluster uses our own geo tag
	conflictAt    time.Time
	serials       map[Name]*serial
	challenges    []Record              // of this cluster
	records       map[Name]*zoneRecords // by zone
	guard         *guard
	meant         map[Name]struct{} // hosts of ours whose removal is meant, until the next World
	meantAt       time.Time         // when something was let go last that was held, or is meant
	probes        *probeGuard
	damper        *damper
	returns       returns
	replicas      *replicas
	restored      map[Source]struct{}   // objects known from a Saved and not yet read again
	lastHealthy   map[Name][]netip.Addr // of a Saved

	arrivals Arrivals // since the last World
	dirty    map[Name]struct{}
	allDirty bool
	world    *World
}

type verdictKey struct {
	host Name
	addr netip.Addr
}

// serial is the SOA serial of one zone (design.md §4).
type serial struct {
	value   uint32
	at      time.Time
	pending bool   // content changed after at
	highest uint32 // that a peer states
}

func newMerger(self GeoTag, id string, t Timing, outside bool) *merger {
	return &merger{
		self: self, id: id, timing: t, outside: outside,
		objects: make(map[Source][]Name), claims: make(map[Name][]*Offer),
		peers: make(map[GeoTag]*peer), verdicts: make(map[verdictKey]Verdict),
		guard: newGuard(0), meant: make(map[Name]struct{}), probes: newProbeGuard(), damper: newDamper(), returns: newReturns(), replicas: newReplicas(self, ""), serials: make(map[Name]*serial), records: make(map[Name]*zoneRecords), dirty: make(map[Name]struct{}),
	}
}

func (m *merger) touch(n Name) { m.dirty[n] = struct{}{} }

// setObject replaces what one object of this cluster claims.
func (m *merger) setObject(src Source, offers []*Offer) {
	for _, n := range m.objects[src] {
		m.claims[n] = slices.DeleteFunc(slices.Clone(m.claims[n]), func(o *Offer) bool { return o.Source == src })
		if len(m.claims[n]) == 0 {
			delete(m.claims, n)
		}
		m.touch(n)
	}
	delete(m.objects, src)
	delete(m.restored, src)
	for _, o := range offers {
		m.objects[src] = append(m.objects[src], o.Host)
		m.claims[o.Host] = append(slices.Clone(m.claims[o.Host]), o)
		slices.SortStableFunc(m.claims[o.Host], olderClaim)
		m.touch(o.Host)
	}
}

// removeObject takes away what an object offered, past the deletion guard.
func (m *merger) removeObject(src Source) {
	for _, n := range m.objects[src] {
		m.meant[n] = struct{}{}
	}
	m.setObject(src, nil)
}

// olderClaim orders claims of one host: the oldest object first, so that a
// newcomer never takes a host; equal times by kind, namespace and name.
func olderClaim(a, b *Offer) int {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	switch sa, sb := a.Source.String(), b.Source.String(); {
	case sa < sb:
		return -1
	case sa > sb:
		return 1
	}
	return 0
}

func (m *merger) setZones(zones []ZoneIntent) {
	if reflect.DeepEqual(zones, m.zones) {
		return
	}
	moved := len(zones) != len(m.zones)
	for i := range zones {
		moved = moved || zones[i].Zone != m.zones[i].Zone || zones[i].AllowRemoval != m.zones[i].AllowRemoval
		m.bump(zones[i].Zone)
	}
	m.zones = zones
	if moved {
		m.allDirty = true
		m.forgetRecords()
	}
}

// setLocal replaces what this process says of itself. One that goes on from a saved
// world is blind until its objects were read, whatever else it says.
func (m *merger) setLocal(l LocalState) {
	switch l.Restored = m.local.Restored; {
	case !l.Restored:
	case l.Synced:
		l.Restored, l.Blind = false, time.Time{}
		m.endRestore()
	default:
		l.Blind = m.local.Blind
	}
	m.local = l
}

// calledWithin is how long a start that found nobody waits to be called by those who
// know it: the edge may be away, or old. They try every second.
const calledWithin = 2500 * time.Millisecond

// sought notes that peers were looked up. Where none was found, those that know us
// get the time to call.
func (m *merger) sought(now time.Time) {
	m.unsoughtUntil = time.Time{}
	if m.seeksUntil.IsZero() {
		return
	}
	m.seeksUntil = time.Time{}
	if len(m.peers) == 0 {
		m.seeksUntil = m.firstBy.Add(calledWithin - m.timing.Decide)
	}
}

func (m *merger) ensurePeer(tag GeoTag, now time.Time) *peer {
	p := m.peers[tag]
	if p == nil {
		p = newPeer(tag, now)
		m.peers[tag] = p
		m.allDirty = true // a policy may name it
	}
	return p
}

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

func (m *merger) touchAll(names []Name) {
	for _, n := range names {
		m.touch(n)
	}
}

// ownTag handles a report under our own geo tag: a replica's is kept for when it knows
// more than we do, another cluster's is a conflict that is shown and never believed.
func (m *merger) ownTag(r *Report, now time.Time) error {
	if r.ClusterID == m.id {
		m.touchAll(m.replicas.take(r, now))
		m.hearOf(r.Hears, now)
		return nil
	}
	m.conflict = fmt.Sprintf("geo tag %q is used by two clusters: id %s, which is ours, and id %s", m.self, m.id, r.ClusterID)
	m.conflictAt = now
	return fmt.Errorf("report refused: %s; give each cluster a geo tag of its own", m.conflict)
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

func (m *merger) setVerdict(v Verdict) {
	k := verdictKey{v.Host, v.Addr}
	if old, ok := m.verdicts[k]; ok && old.Health == v.Health {
		m.verdicts[k] = v
		return
	}
	m.verdicts[k] = v
	m.touch(v.Host)
}

func (m *merger) dropVerdict(host Name, addr netip.Addr) {
	k := verdictKey{host, addr}
	if _, ok := m.verdicts[k]; ok {
		delete(m.verdicts, k)
		m.touch(host)
	}
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
	e := &p.evidence
	calm := p.standing.Liveness == Fresh && !p.standing.Alarm
	switch s.Kind {
	case Heard:
		e.Heard = later(e.Heard, s.At)
		e.BadSigFirst = time.Time{}
		if in := p.instances[s.Instance]; in != nil {
			in.heard = later(in.heard, s.At)
			if m.readAgain(p, s.At) {
				calm = false
			}
			if m.read(p, s.At) || p.stale(s.At, m.timing) {
				calm = false
			}
		}
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
	case EntryAnswered:
		until := p.checked[s.Host]
		if !until.After(s.At) {
			m.touch(s.Host)
			calm = false
		}
		p.checked[s.Host] = later(until, s.At.Add(valid))
	case HeldAnswered, HeldSilent:
		return p.heldAsked(s, valid)
	case ReportRead:
		again := m.readAgain(p, s.At)
		return m.read(p, s.At) || again
	case NoSighting, ThirdCluster, Announced, Isolation, OutsideSeen:
	}
	return !calm
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (m *merger) serial(zone Name) *serial {
	s := m.serials[zone]
	if s == nil {
		s = &serial{}
		m.serials[zone] = s
	}
	return s
}

func (m *merger) bump(zone Name) {
	if !zone.IsZero() {
		m.serial(zone).pending = true
	}
}

// serialLess compares by RFC 1982 §3.2; unset (0) is less than all.
func serialLess(a, b uint32) bool { return a != b && (a == 0 || int32(b-a) > 0) }

// zoneOf gives the longest of our zones that holds the name.
func (m *merger) zoneOf(n Name) Name {
	var best Name
	for i := range m.zones {
		if z := m.zones[i].Zone; n.In(z) && len(z.s) > len(best.s) {
			best = z
		}
	}
	return best
}

func (m *merger) knows(t GeoTag) bool { return t == m.self || m.peers[t] != nil }

// sortedPeers walks peers by tag.
func (m *merger) sortedPeers() []*peer {
	tags := slices.Sorted(maps.Keys(m.peers))
	out := make([]*peer, len(tags))
	for i, t := range tags {
		out[i] = m.peers[t]
	}
	return out
}
