// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"reflect"
	"slices"
	"time"
)

// setZones replaces what this cluster asks for its zones. Hosts are merged again when
// they may be in another zone now.
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

// nameServers gives those of every cluster that serves the zone and is not dead, ours
// included, by cluster.
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
