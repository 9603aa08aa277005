// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"iter"
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
	in := []recordsOf{{m.self, z.Records, z.Challenges}}
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
			return firstBelow(n, func(yield func(Name) bool) {
				for _, s := range hosts.shards {
					for _, h := range s.all() {
						if h.Zone == z.Zone && !yield(h.Name) {
							return
						}
					}
				}
			})
		},
	})
	have.in, have.names, have.stale = in, namesOf(in), false
	if !reflect.DeepEqual(have.out, out) {
		have.out = out
		m.bump(z.Zone)
	}
	return have.out
}

// firstBelow gives the first by text of those hosts that are at a name or below it.
func firstBelow(n Name, hosts iter.Seq[Name]) Name {
	var found Name
	for h := range hosts {
		if h.In(n) && (found.IsZero() || h.Compare(found) < 0) {
			found = h
		}
	}
	return found
}

// ConflictsAlone gives what would not be served of the static records of zones by a
// cluster that has these hosts and hears no other, by zone and name: the verdict of those
// who have files and no World.
func ConflictsAlone(self GeoTag, zones []ZoneIntent, hosts []Name) []RecordConflict {
	m := &merger{zones: zones}
	byZone := make(map[Name][]Name)
	known := make(map[Name]bool, len(hosts))
	for _, h := range hosts {
		known[h] = true
		byZone[m.zoneOf(h)] = append(byZone[m.zoneOf(h)], h)
	}
	var all []RecordConflict
	for i := range zones {
		z := &zones[i]
		out := unionRecords([]recordsOf{{cluster: self, static: z.Records}}, recordRules{
			zone: z.Zone, zoneOf: m.zoneOf,
			isHost:    func(n Name) bool { return known[n] },
			hostBelow: func(n Name) Name { return firstBelow(n, slices.Values(byZone[z.Zone])) },
		})
		if out != nil {
			all = append(all, out.Conflicts...)
		}
	}
	return all
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
