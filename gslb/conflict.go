// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"slices"
	"time"
)

// One geo tag is one cluster. Another one under the same tag is told by its cluster id,
// wherever it shows: in a report, in a call, or in what a third cluster says of us. The
// first keeps the tag while it is heard, and a cluster that finds its own tag disputed
// says nothing new of its hosts until that is settled (agreement.md §1).

// conflictHold is how long a conflict of geo tags is shown after its last sign.
const conflictHold = time.Minute

// stranger notes that another cluster calls under the tag of a peer. While the peer
// itself is heard that is a conflict; a rebuilt cluster calls after the old one is gone. It
// reports whether that is news.
func (m *merger) stranger(p *peer, s Sighting) bool {
	last := p.evidence.Heard
	for _, in := range p.instances {
		last = later(last, in.heard)
	}
	if s.Kind != Heard || s.At.Sub(last) >= m.timing.Decide {
		return false
	}
	news := p.conflict == ""
	p.conflict, p.conflictAt = p.twice(s.ID), s.At
	return news
}

// twice says which two clusters use the tag.
func (p *peer) twice(other string) string {
	return fmt.Sprintf("geo tag %q is used by two clusters: id %s, which is kept, and id %s", p.tag, p.id, other)
}

// disputed notes that a cluster that is heard finds our own tag used twice.
func (m *merger) disputed(peers []*peer, now time.Time) {
	for _, p := range peers {
		if p.standing.Liveness != Fresh {
			continue
		}
		if _, r := p.believed(); r == nil || !slices.Contains(r.Disputed, m.self) {
			continue
		}
		if m.conflictAt = now; m.conflict == "" {
			m.conflict = fmt.Sprintf("geo tag %q is used by two clusters: id %s, which is ours, and another one that cluster %s hears", m.self, m.id, p.tag)
		}
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
