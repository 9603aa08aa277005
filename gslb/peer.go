// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// How long instances of a cluster are remembered, and how long lower marks are
// not believed (agreement.md §3).
const (
	forgetInstance = time.Minute
	lowerMarkHold  = 10 * time.Second
)

// peer is what the merger holds of another cluster.
type peer struct {
	tag        GeoTag
	id         string
	evidence   Evidence
	standing   Standing
	since      time.Time // of standing.Liveness
	unread     bool      // it was lost, and its report was not read since
	offered    bool      // it was lost and had offered something, and did not return since
	returned   time.Time // when it was believed again after that; zero: never
	readAt     time.Time // when its report was last read or found unchanged; zero: never
	conflict   string
	conflictAt time.Time

	instances map[string]*instance
	best      map[Name]string          // zone → instance whose report is believed
	offers    map[Name]map[Name]*Offer // zone → host → offer, of the believed report
	checked   map[Name]time.Time       // host → until when an entry check vouches
	asked     map[Name]askedHost       // host → whether an entry that it holds answered
}

func newPeer(tag GeoTag, now time.Time) *peer {
	return &peer{
		tag: tag, evidence: Evidence{Known: now}, since: now,
		instances: make(map[string]*instance), best: make(map[Name]string),
		offers: make(map[Name]map[Name]*Offer), checked: make(map[Name]time.Time), asked: make(map[Name]askedHost),
	}
}

func (p *peer) instance(id string) *instance {
	in := p.instances[id]
	if in == nil {
		in = newInstance()
		p.instances[id] = in
	}
	return in
}

// believed gives the report that counts for the peer as a whole: the most
// knowing of those believed for a zone.
func (p *peer) believed() (string, *Report) {
	var id string
	var best *Report
	for _, zone := range slices.SortedFunc(maps.Keys(p.best), Name.Compare) {
		if r := p.instances[p.best[zone]].reports[zone]; best == nil || r.Mark > best.Mark {
			id, best = p.best[zone], r
		}
	}
	return id, best
}

// offersAs gives how far its offers are believed. Of a cluster that was lost, and since
// only called or was heard by a third one, they are those of before: they count again
// when its report was read.
func (p *peer) offersAs() Liveness {
	if l := p.standing.Liveness; !p.unread || l != Fresh && l != Doubtful && l != Vouched {
		return l
	}
	return Lost
}

// unreadSince gives since when the peer is heard and its report is not read; zero: it
// is, or it has not been heard for long enough to tell.
func (p *peer) unreadSince(now time.Time, t Timing, next *earliest) time.Time {
	if p.standing.Liveness != Fresh {
		return time.Time{}
	}
	if shown := later(p.readAt, p.since).Add(t.Decide); shown.After(now) {
		next.add(shown)
		return time.Time{}
	}
	if p.readAt.IsZero() {
		return p.since
	}
	return p.readAt
}

// noteLack keeps track of whether the peer's believed report lists us. An
// instance that stops listing us has stopped hearing us: our alarm goes up at
// once. One that never did, as after a restart, gets the time to hear us first.
func (p *peer) noteLack(self GeoTag, now time.Time, t Timing) {
	id, r := p.believed()
	if r == nil || r.K8gb { // it has no list
		return
	}
	in := p.instances[id]
	switch {
	case slices.Contains(r.Hears, self):
		in.listedUs, p.evidence.LacksUs = true, time.Time{}
	case !p.evidence.LacksUs.IsZero():
	case in.listedUs:
		p.evidence.LacksUs = now.Add(-t.Alarm)
	default:
		p.evidence.LacksUs = now
	}
}

// admit decides whether the report may speak for the cluster at all: one geo
// tag with two cluster ids is a conflict, and the first keeps it while its
// instances are heard. A rebuilt cluster takes over from one that is gone, and one
// that signs from one that runs k8gb, at once.
func (p *peer) admit(r *Report, now time.Time, t Timing) error {
	if p.id == "" || p.id == r.ClusterID {
		p.id = r.ClusterID
		return nil
	}
	if p.runsK8gb() && !r.K8gb {
		p.forgetAll(r.ClusterID)
		return nil
	}
	var last time.Time
	for _, in := range p.instances {
		last = later(last, in.heard)
	}
	if now.Sub(last) >= t.Decide {
		p.forgetAll(r.ClusterID)
		return nil
	}
	p.conflict = p.twice(r.ClusterID)
	p.conflictAt = now
	return fmt.Errorf("report refused: %s; give each cluster a geo tag of its own", p.conflict)
}

// runsK8gb reports that what is known of the cluster are answers of k8gb.
func (p *peer) runsK8gb() bool {
	_, r := p.believed()
	return r != nil && r.K8gb
}

// forgetAll makes room for another cluster under the same tag.
func (p *peer) forgetAll(id string) {
	p.id, p.conflict = id, ""
	clear(p.instances)
	clear(p.best)
	clear(p.offers)
	clear(p.checked)
	p.evidence.Announcement, p.evidence.LacksUs = Active, time.Time{}
}

// choose picks the instance whose report of a zone is believed. Two instances can
// disagree (a stalled watch), so an offer is never replaced by a less knowing one
// while the better instance is heard; and silence of all changes nothing. One that
// begins with a saved world gets the time to read its objects: what it saved may be
// older than what was told of its cluster before.
// Candidates are instances heard within the lease or later than the current best.
//
//	candidate, against the current best           | is taken
//	lower mark, and blind                         | when heard for 10 s, and 10 s after the best
//	lower mark                                    | when heard 10 s after the best
//	goes on, the best announced a pause or leave  | at once
//	blind, the best sees                          | when heard the lease after the best
//	equal mark, and sees no better                | when heard the lease after the best
//	any other (higher mark, or the best is blind) | at once
func (p *peer) choose(zone Name, now time.Time, t Timing) {
	cur := p.instances[p.best[zone]]
	for _, id := range slices.Sorted(maps.Keys(p.instances)) {
		in := p.instances[id]
		r := in.reports[zone]
		if r == nil || in == cur {
			continue
		}
		if cur == nil || cur.reports[zone] == nil {
			p.best[zone], cur = id, in
			continue
		}
		if now.Sub(in.heard) >= t.Lease && !in.heard.After(cur.heard) {
			continue
		}
		if remembersLess(r, cur.reports[zone]) && now.Sub(in.since) < lowerMarkHold {
			continue
		}
		wait := replaceAfter(r, cur.reports[zone], t)
		if wait == 0 || in.heard.Sub(cur.heard) >= wait {
			p.best[zone], cur = id, in
		}
	}
}

// stale reports that a best instance is silent for the lease, so that another
// one's word may matter.
func (p *peer) stale(now time.Time, t Timing) bool {
	for _, id := range p.best {
		if in := p.instances[id]; in != nil && now.Sub(in.heard) >= t.Lease {
			return true
		}
	}
	return false
}

// remembersLess reports that an instance cannot read its objects and knows less of them
// than what is held; neither announced anything.
func remembersLess(r, have *Report) bool {
	return !r.Blind.IsZero() && r.Mark < have.Mark && r.Announcement == Active && have.Announcement == Active
}

func replaceAfter(r, have *Report, t Timing) time.Duration {
	sees, saw := r.Blind.IsZero(), have.Blind.IsZero()
	switch {
	case r.Announcement == Active && have.Announcement != Active && sees && r.Mark >= have.Mark:
		return 0
	case r.Mark < have.Mark:
		return lowerMarkHold
	case !sees && saw, r.Mark == have.Mark && sees == saw:
		return t.Lease
	}
	return 0
}

// forget drops instances that were not heard for long and are not believed.
func (p *peer) forget(now time.Time) {
	for id, in := range p.instances {
		if now.Sub(in.heard) < forgetInstance {
			continue
		}
		used := false
		for _, b := range p.best {
			used = used || b == id
		}
		if !used {
			delete(p.instances, id)
		}
	}
}
