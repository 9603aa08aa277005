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
	tag      GeoTag
	id       string
	evidence Evidence
	standing Standing
	since    time.Time // of standing.Liveness
	conflict string

	instances map[string]*instance
	best      map[Name]string          // zone → instance whose report is believed
	offers    map[Name]map[Name]*Offer // zone → host → offer, of the believed report
	listedUs  bool                     // its list of those it hears had us once
	checked   map[Name]time.Time       // host → until when an entry check vouches
}

// instance is one process of a peer.
type instance struct {
	heard   time.Time // last heard first-hand, or its report received
	reports map[Name]*Report
}

func newPeer(tag GeoTag, now time.Time) *peer {
	return &peer{
		tag: tag, evidence: Evidence{Known: now}, since: now,
		instances: make(map[string]*instance), best: make(map[Name]string),
		offers: make(map[Name]map[Name]*Offer), checked: make(map[Name]time.Time),
	}
}

func (p *peer) instance(id string) *instance {
	in := p.instances[id]
	if in == nil {
		in = &instance{reports: make(map[Name]*Report)}
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

// noteLack keeps track of whether the peer's believed report lists us. One that
// stops listing us has stopped hearing us: our alarm goes up at once. One that
// never did gets the time to hear us first.
func (p *peer) noteLack(self GeoTag, now time.Time, t Timing) {
	_, r := p.believed()
	switch {
	case r != nil && slices.Contains(r.Hears, self):
		p.listedUs, p.evidence.LacksUs = true, time.Time{}
	case !p.evidence.LacksUs.IsZero():
	case p.listedUs:
		p.evidence.LacksUs = now.Add(-t.Alarm)
	default:
		p.evidence.LacksUs = now
	}
}

// admit decides whether the report may speak for the cluster at all: one geo
// tag with two cluster ids is a conflict, and the first keeps it while it is
// heard.
func (p *peer) admit(r *Report, now time.Time, t Timing) error {
	if p.id == "" || p.id == r.ClusterID {
		p.id = r.ClusterID
		return nil
	}
	if now.Sub(p.evidence.Heard) >= t.Decide {
		p.id, p.conflict = r.ClusterID, ""
		clear(p.instances)
		clear(p.best)
		return nil
	}
	p.conflict = fmt.Sprintf("geo tag %q is used by two clusters: id %s, which is kept, and id %s", p.tag, p.id, r.ClusterID)
	return fmt.Errorf("report refused: %s; give each cluster a geo tag of its own", p.conflict)
}

// choose picks the instance whose report of a zone is believed, and says when
// time alone may change that. Two instances can disagree (a stalled watch), so
// an offer is never replaced by a less knowing one while the better instance is
// heard. Candidates are instances heard within the lease or later than the
// current best.
//
//	candidate, against the current best       | is taken
//	lower mark                                | when the best is silent for 10 s
//	blind, the best sees                      | when the best is silent for the lease
//	equal mark, and sees no better            | when the best is silent for the lease
//	any other (higher mark, or the best is blind) | at once
func (p *peer) choose(zone Name, now time.Time, t Timing) (changes time.Time) {
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
		wait := replaceAfter(r, cur.reports[zone], t)
		if now.Sub(cur.heard) >= wait {
			p.best[zone], cur = id, in
		} else if at := cur.heard.Add(wait); changes.IsZero() || at.Before(changes) {
			changes = at
		}
	}
	return changes
}

func replaceAfter(r, have *Report, t Timing) time.Duration {
	sees, saw := r.Blind.IsZero(), have.Blind.IsZero()
	switch {
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
