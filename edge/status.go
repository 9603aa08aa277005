// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Reason is why a zone is delegated to us or not; the words are those of
// condition Delegated of a ZoneDelegation.
type Reason string

// The reasons.
const (
	ReasonDelegated        Reason = "Delegated"                // the edge zone, read back, is as it should be
	ReasonServedByOwnZone  Reason = "ServedByOwnZone"          // the edge zone is ours too, and its servers answer for the zone
	ReasonPending          Reason = "Pending"                  // not looked at yet
	ReasonNoEdge           Reason = "NoEdge"                   // no way to the edge zone is configured
	ReasonUnreachable      Reason = "EdgeUnreachable"          // no server of the edge zone answers
	ReasonRefused          Reason = "UpdateRefused"            // a server refused; RCODE says how
	ReasonIgnored          Reason = "UpdateIgnored"            // a server said that it took the update, and serves something else
	ReasonAddressUnknown   Reason = "NameServerAddressUnknown" // our DNS service has no address yet
	ReasonGeoTagConflicted Reason = "GeoTagConflicted"         // another cluster uses our geo tag
	ReasonNoObjects        Reason = "DNSEndpointUnavailable"   // DNSEndpoints cannot be read or written: the kind is not installed, say
	ReasonObjectPending    Reason = "DNSEndpointPending"       // the DNSEndpoint was not carried into the edge zone yet
	ReasonDrifted          Reason = "EdgeDrifted"              // ExternalDNS read the DNSEndpoint, and the edge zone serves something else
	ReasonInvalidName      Reason = "InvalidName"              // the name of our name server would not fit
)

// ZoneStatus is how the delegation of one zone stands at the edge.
type ZoneStatus struct {
	Zone     gslb.Name
	EdgeZone gslb.Name
	Server   string // of the edge zone, that was asked last; "": none
	OK       bool   // the edge zone, read back, holds what is ours, or is ours
	Reason   Reason
	RCODE    string // of a refusal: "REFUSED", "BADKEY"; "" otherwise
	Message  string // for people; "" when OK, unless the edge zone is ours, something is left to an instance that sees, or glue of the dead is left
	// NameServers is the delegation as the edge serves it, all clusters' and
	// foreign ones (Cluster is ""); addresses are read for our own only. Below an
	// edge zone that is ours it is the zone's own set.
	NameServers []gslb.NameServer
	Since       time.Time // when OK, Reason or RCODE became so, by our clock
}

// board holds what is known of each zone and tells about changes. The failure
// of a heartbeat counts for every zone below its edge zone.
type board struct {
	log     *slog.Logger
	metrics *metrics
	changed chan struct{} // one place

	mu    sync.Mutex
	zones map[gslb.Name]ZoneStatus
	beats map[gslb.Name]*Error // by edge zone; nil: fine
	owns  map[gslb.Name]bool   // edge zones that are zones of ours: nobody works on them
	held  map[gslb.Name]bool   // zones of which an edge zone held our part once
}

func newBoard(log *slog.Logger, m *metrics) *board {
	return &board{
		log: log, metrics: m, changed: make(chan struct{}, 1),
		zones: make(map[gslb.Name]ZoneStatus), beats: make(map[gslb.Name]*Error), owns: make(map[gslb.Name]bool), held: make(map[gslb.Name]bool),
	}
}

// set notes how a zone stands. Who worked on an edge zone that is ours now, and was slow
// to stop, says nothing.
func (b *board) set(s ZoneStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.owns[s.EdgeZone] {
		b.put(s)
	}
}

// takeOver notes how the zones stand below an edge zone that is ours.
func (b *board) takeOver(edge gslb.Name, all []ZoneStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owns[edge] = true
	delete(b.beats, edge)
	for _, s := range all {
		b.put(s)
	}
}

// giveBack forgets what was said of an edge zone that is ours no more.
func (b *board) giveBack(edge gslb.Name) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.owns, edge)
	for zone, s := range b.zones {
		if s.EdgeZone == edge {
			delete(b.zones, zone)
			b.metrics.forget(zone)
			b.tell()
		}
	}
}

// wasHeld reports that an edge zone held our part of a zone since we started.
func (b *board) wasHeld(zone gslb.Name) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[zone]
}

// put is set while the lock is held.
func (b *board) put(s ZoneStatus) {
	old, known := b.zones[s.Zone]
	same := known && old.OK == s.OK && old.Reason == s.Reason && old.RCODE == s.RCODE
	s.Since = time.Now()
	if same {
		s.Since = old.Since
	}
	b.zones[s.Zone] = s
	if s.Reason == ReasonDelegated {
		b.held[s.Zone] = true
	}
	b.metrics.delegated(s.Zone, s.OK, s.Reason != ReasonServedByOwnZone)
	if known && reflect.DeepEqual(old, s) {
		return
	}
	b.tell()
	if s.OK && s.Reason != ReasonServedByOwnZone && s.Message != "" && old.Message != s.Message {
		b.log.Warn("the edge zone is left as it is", "zone", s.Zone, "edge", s.EdgeZone, "server", s.Server, "message", s.Message)
	}
	switch {
	case same:
	case s.Reason == ReasonServedByOwnZone:
		b.log.Info("zone lies in another zone of this cluster, which answers for it", "zone", s.Zone, "edge", s.EdgeZone)
	case s.OK:
		b.log.Info("zone is delegated to this cluster", "zone", s.Zone, "edge", s.EdgeZone, "server", s.Server)
	default:
		told(b.log, s.RCODE).Warn("zone is not delegated as it should be", "zone", s.Zone, "edge", s.EdgeZone,
			"reason", s.Reason, "error", s.Message)
	}
}

// last gives how a zone stood until now; as s says where it was not listed.
func (b *board) last(s ZoneStatus) ZoneStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, known := b.zones[s.Zone]; known {
		return old
	}
	return s
}

// follow lists the zones that are planned below an edge zone, and no others.
func (b *board) follow(edge gslb.Name, zones []Delegation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range zones {
		if _, known := b.zones[d.Zone]; !known {
			b.zones[d.Zone] = ZoneStatus{Zone: d.Zone, EdgeZone: edge, Reason: ReasonPending, Since: time.Now(),
				Message: "the edge zone has not been looked at yet"}
			b.metrics.delegated(d.Zone, false, false)
			b.tell()
		}
	}
	for zone, s := range b.zones {
		if s.EdgeZone != edge || slices.ContainsFunc(zones, func(d Delegation) bool { return d.Zone == zone }) {
			continue
		}
		delete(b.zones, zone)
		b.metrics.forget(zone)
		b.tell()
	}
}

// beat notes how the heartbeat in an edge zone stands; nil: fine.
func (b *board) beat(edge gslb.Name, problem *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owns[edge] {
		return
	}
	old := b.beats[edge]
	b.beats[edge] = problem
	if old == nil && problem == nil || old != nil && problem != nil && old.Reason == problem.Reason && old.RCODE == problem.RCODE {
		return
	}
	b.tell()
	if problem == nil {
		b.log.Info("heartbeat is written again", "edge", edge)
	} else {
		told(b.log, problem.RCODE).Warn("heartbeat cannot be written", "edge", edge, "reason", problem.Reason, "error", problem.Message)
	}
}

// told gives a logger that names the RCODE, if a server said one.
func told(log *slog.Logger, rcode string) *slog.Logger {
	if rcode == "" {
		return log
	}
	return log.With("rcode", rcode)
}

func (b *board) tell() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// list gives the zones by name.
func (b *board) list() []ZoneStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]ZoneStatus, 0, len(b.zones))
	for _, s := range b.zones {
		if p := b.beats[s.EdgeZone]; s.OK && p != nil {
			s.OK, s.Reason, s.RCODE, s.Server = false, p.Reason, p.RCODE, p.Server
			s.Message = "the delegation is in place, but the heartbeat is not: " + p.Error()
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b ZoneStatus) int { return a.Zone.Compare(b.Zone) })
	return out
}
