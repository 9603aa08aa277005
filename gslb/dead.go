// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"time"
)

// dead gives the clusters whose name servers are to go from the delegation of a
// zone. Nobody is dead while we are the ones cut off, and one cluster alone never
// decides over another that somebody still hears.
//
//	cluster | for                  | clusters that we hear  | is dead
//	left    | any time             | any                    | yes
//	lost    | the split-brain time | all find it lost       | yes
//	lost    | the split-brain time | one does not           | no
//	lost    | less                 | any                    | no
//	other   | any time             | any                    | no
func (m *merger) dead(zi ZoneIntent, now time.Time, next *earliest) []GeoTag {
	wait := zi.SplitBrain
	if wait == 0 {
		wait = m.timing.SplitBrain
	}
	var out []GeoTag
	for _, p := range m.sortedPeers() {
		switch {
		case p.standing.Liveness == Left:
			out = append(out, p.tag)
		case p.standing.Liveness != Lost, !m.isolatedSince.IsZero(), !m.agreed(p):
		case p.since.Add(wait).After(now):
			next.add(p.since.Add(wait))
		default:
			out = append(out, p.tag)
		}
	}
	return out
}

// agreed reports that every cluster that we hear finds a cluster lost, as we do.
func (m *merger) agreed(lost *peer) bool {
	for _, p := range m.peers {
		if p == lost || p.standing.Liveness != Fresh {
			continue
		}
		if _, r := p.believed(); r == nil || !slices.Contains(r.Lost, lost.tag) {
			return false
		}
	}
	return true
}

// believing gives the thresholds by which clusters are believed: liveness is per
// cluster, so the zone that keeps its answers longest counts for all.
func (m *merger) believing() Timing {
	t := m.timing
	for i := range m.zones {
		wait := m.zones[i].SplitBrain
		if wait == 0 {
			wait = m.timing.SplitBrain
		}
		if i == 0 || wait > t.SplitBrain {
			t.SplitBrain = wait
		}
	}
	return t
}
