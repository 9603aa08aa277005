// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Kinds of edges.
const (
	edgeUpdates = "rfc2136"     // takes updates
	edgeObjects = "externaldns" // somebody carries objects into it
	edgeNone    = "none"
)

// edgeAddr, secondAddr and anchorAddr are where the servers of the edge zone and the
// anchor stand.
const (
	edgeAddr   = "203.0.113.53:53"
	secondAddr = "203.0.113.54:53" // reads only
	anchorAddr = "203.0.113.99:53"
)

type rrset struct {
	name gslb.Name
	typ  uint16
}

// edgeZone is the edge zone in its server's memory. The Sim's lock guards it.
type edgeZone struct {
	s        *sim
	sets     map[rrset][]string
	old      map[rrset][]string // as it was saved
	copy     map[rrset][]string // what the second server has; nil: there is none
	stale    bool               // it takes nothing over
	down     bool               // the first server
	restored time.Time          // when it was last; zero: never
	beats    map[road]beat      // newest heartbeats, by whose they are and whom they name
}

// beat is a heartbeat that the zone took.
type beat struct {
	edge.Heartbeat
	at time.Time
}

// foreign are records that belong to nobody here and must stay as they are.
var foreign = map[string][]string{
	"www.example.com":           {"192.0.2.80"},
	"other.example.com":         {"192.0.2.81"},
	"gslb-ns-x.example.com":     {"192.0.2.82"},
	"gslb-ns-eu-db.example.com": {"192.0.2.83"},
}

// foreignServer is a name server of the zone that is no cluster's.
const foreignServer = "ns.of-somebody.example.net."

func newEdgeZone(s *sim) *edgeZone {
	z := &edgeZone{s: s, sets: map[rrset][]string{}, beats: map[road]beat{}}
	apex := s.zone.Parent()
	z.sets[rrset{apex, edge.TypeNS}] = []string{"ns." + apex.FQDN()}
	z.sets[rrset{gslb.MustName("ns." + apex.String()), edge.TypeA}] = []string{"203.0.113.53"}
	for name, data := range foreign {
		z.sets[rrset{gslb.MustName(name), edge.TypeA}] = data
	}
	z.sets[rrset{s.zone, edge.TypeNS}] = []string{foreignServer}
	z.save()
	return z
}

func (z *edgeZone) save() { z.old = maps.Clone(z.sets) }

// restore brings back what was saved, as an operator does with a backup.
func (z *edgeZone) restore() {
	z.sets, z.restored = maps.Clone(z.old), time.Now()
	z.carryOver()
}

// carryOver lets the second server take over what the first one has.
func (z *edgeZone) carryOver() {
	if z.copy != nil && !z.stale && !z.down {
		z.copy = maps.Clone(z.sets)
	}
}

// silent says whether no server answers.
func (z *edgeZone) silent() bool { return z.down && z.copy == nil }

// lost says whether clusters could be missing in the zone at a moment: they look
// after their delegation once a minute.
func (z *edgeZone) lost(at time.Time) bool {
	return !z.restored.IsZero() && at.Sub(z.restored) < 70*time.Second
}

func (z *edgeZone) get(name gslb.Name, typ uint16) []string {
	return slices.Clone(z.sets[rrset{name, typ}])
}

// take applies a change of a cluster as RFC 2136 §3 says: prerequisites, then all
// of it or nothing. The lock is held.
func (z *edgeZone) take(by *process, c edge.Change) error {
	for _, want := range c.Require {
		data := slices.Sorted(slices.Values(want.Data))
		if !slices.Equal(z.sets[rrset{want.Name, want.Type}], data) {
			return &edge.Error{Reason: edge.ReasonRefused, Server: edgeAddr, RCODE: "NXRRSET",
				Message: fmt.Sprintf("prerequisite on %s fails", want.Name), Err: edge.ErrRaced}
		}
	}
	z.s.oracle.update(by, c)
	z.s.note("%s changes the edge: %v %v %v", by.name, c.Clear, c.Remove, c.Add)
	for _, s := range c.Clear {
		z.put(rrset{s.Name, s.Type}, nil)
	}
	for _, r := range c.Remove {
		k := rrset{r.Name, r.Type}
		z.put(k, slices.DeleteFunc(slices.Clone(z.sets[k]), func(d string) bool { return d == r.Data }))
	}
	for _, r := range c.Add {
		k := rrset{r.Name, r.Type}
		z.put(k, append(slices.Clone(z.sets[k]), r.Data))
		if r.Type == edge.TypeTXT {
			if h, err := edge.ParseHeartbeat(r.Data); err == nil {
				for _, m := range h.Missed {
					z.beats[road{h.Cluster, m.Cluster}] = beat{h, time.Now()}
				}
			}
		}
	}
	z.carryOver()
	z.s.oracle.edgeStands()
	return nil
}

func (z *edgeZone) put(k rrset, data []string) {
	slices.Sort(data)
	if data = slices.Compact(data); len(data) == 0 {
		delete(z.sets, k)
		return
	}
	z.sets[k] = data
}
