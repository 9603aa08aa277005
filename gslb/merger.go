// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"net/netip"
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

func newMerger(self GeoTag, id string, t Timing, outside bool) *merger {
	return &merger{
		self: self, id: id, timing: t, outside: outside,
		objects: make(map[Source][]Name), claims: make(map[Name][]*Offer),
		peers: make(map[GeoTag]*peer), verdicts: make(map[verdictKey]Verdict),
		serials: make(map[Name]*serial), records: make(map[Name]*zoneRecords),
		guard: newGuard(0), meant: make(map[Name]struct{}), probes: newProbeGuard(),
		damper: newDamper(), returns: newReturns(), replicas: newReplicas(self, ""),
		dirty: make(map[Name]struct{}),
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

// olderClaim orders claims of one host: the earliest first, so that a newcomer never
// takes a host; equal times by kind, namespace and name.
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

func (m *merger) touchAll(names []Name) {
	for _, n := range names {
		m.touch(n)
	}
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
