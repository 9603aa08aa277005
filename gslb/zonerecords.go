// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"reflect"
	"slices"
)

// zoneRecords remembers of what the records of a zone were made, so that they are
// made again only when something of it moved.
type zoneRecords struct {
	in    []recordsOf
	out   *Records
	names map[Name]bool // where records stand; true: a delegation is stated there
	stale bool          // a host that matters to them came or went
}

// setChallenges replaces the challenges that this cluster holds.
func (m *merger) setChallenges(records []Record) { m.challenges = slices.Clone(records) }

// challengesOf gives our challenges in a zone.
func (m *merger) challengesOf(zone Name) []Record {
	var out []Record
	for _, r := range m.challenges {
		if m.zoneOf(r.Name) == zone {
			out = append(out, r)
		}
	}
	return out
}

// mergeRecords gives the records of a zone; the ones before if nothing moved.
func (m *merger) mergeRecords(z *Zone, hosts hostMap) *Records {
	in := []recordsOf{{m.self, z.ZoneIntent.Records, z.Challenges}}
	for _, p := range m.sortedPeers() {
		best := p.instances[p.best[z.Zone]]
		if best == nil || p.standing.Liveness == Left {
			continue
		}
		if r := best.reports[z.Zone]; len(r.Records)+len(r.Challenges) > 0 {
			in = append(in, recordsOf{p.tag, r.Records, r.Challenges})
		}
	}
	have := m.records[z.Zone]
	if have == nil {
		have = &zoneRecords{stale: true}
		m.records[z.Zone] = have
	}
	if !have.stale && slices.EqualFunc(have.in, in, recordsOf.equal) {
		return have.out
	}
	out := unionRecords(in, recordRules{
		zone: z.Zone, zoneOf: m.zoneOf,
		isHost: func(n Name) bool { return hosts.get(n) != nil },
		hostBelow: func(n Name) Name {
			var found Name
			for _, s := range hosts.shards {
				for _, h := range s.all() {
					if h.Zone == z.Zone && h.Name.In(n) && (found.IsZero() || h.Name.Compare(found) < 0) {
						found = h.Name
					}
				}
			}
			return found
		},
	})
	have.in, have.names, have.stale = in, namesOf(in), false
	if !reflect.DeepEqual(have.out, out) {
		have.out = out
		m.bump(z.Zone)
	}
	return have.out
}

// namesOf gives the names at which records are stated, and where delegations are.
func namesOf(in []recordsOf) map[Name]bool {
	names := make(map[Name]bool)
	for _, c := range in {
		for _, list := range [][]Record{c.static, c.challenges} {
			for i := range list {
				names[list[i].Name] = names[list[i].Name] || list[i].Type == typeNS
			}
		}
	}
	return names
}

// noteHost marks the records to which the coming or going of a host matters:
// those at its name, and delegations above it.
func (m *merger) noteHost(h *Host) {
	have := m.records[h.Zone]
	if have == nil || have.stale {
		return
	}
	_, have.stale = have.names[h.Name]
	for n := h.Name; n.Below(h.Zone) && !have.stale; n = n.Parent() {
		have.stale = have.names[n]
	}
}

// forgetRecords makes the records of every zone anew: the set of zones moved.
func (m *merger) forgetRecords() {
	for _, r := range m.records {
		r.stale = true
	}
}
