// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// State says whether a delegation works.
type State uint8

// The states. Unknown is the zero value.
const (
	Unknown State = iota
	Works
	Broken
)

// String gives the word of metrics: that of a condition's status.
func (s State) String() string { return [...]string{"unknown", "true", "false"}[s] }

// Reason is why a delegation works or not; the words are those of condition
// DelegationWorks of a ZoneDelegation.
type Reason string

// The reasons, the worst trouble first.
const (
	ReasonNotDelegated       Reason = "NotDelegated"       // the edge zone delegates the zone to nobody
	ReasonNameServerSilent   Reason = "NameServerSilent"   // an address answers neither over UDP nor over TCP
	ReasonLame               Reason = "LameDelegation"     // a name server answers, and not for the zone (RFC 9499 §7)
	ReasonGlueMissing        Reason = "GlueMissing"        // a name server has no address at the edge
	ReasonSilentOverUDP      Reason = "SilentOverUDP"      // an address answers over TCP alone
	ReasonSilentOverTCP      Reason = "SilentOverTCP"      // an address answers over UDP alone (RFC 7766 §5)
	ReasonNameServersDiffer  Reason = "NameServersDiffer"  // the NS RRset of the edge zone is not the zone's own
	ReasonGlueDiffers        Reason = "GlueDiffers"        // the edge zone has other addresses than the cluster states
	ReasonEdgeServersDiffer  Reason = "EdgeServersDiffer"  // servers of the edge zone do not say the same
	ReasonSerialBehind       Reason = "SerialBehind"       // a secondary has not followed for long
	ReasonAnswering          Reason = "Answering"          // every name server answers as it should
	ReasonPending            Reason = "Pending"            // not looked at yet
	ReasonIsolated           Reason = "Isolated"           // this cluster is cut off and cannot tell
	ReasonEdgeUnreachable    Reason = "EdgeUnreachable"    // no server of the edge zone gives a usable answer
	ReasonEdgeServersUnknown Reason = "EdgeServersUnknown" // nobody said where the edge zone is served
	ReasonNoRoute            Reason = "NoRoute"            // no name server of the zone can be asked from here
)

// severity orders the reasons of trouble, the worst first.
var severity = []Reason{
	ReasonNotDelegated, ReasonNameServerSilent, ReasonLame, ReasonGlueMissing, ReasonSilentOverUDP,
	ReasonSilentOverTCP, ReasonNameServersDiffer, ReasonGlueDiffers, ReasonEdgeServersDiffer, ReasonSerialBehind,
}

// Finding is one trouble: who was asked what, and what came.
type Finding struct {
	Reason     Reason
	NameServer gslb.Name   // zero: the trouble is that of the edge zone
	Cluster    gslb.GeoTag // of the name server; "": of no cluster
	Server     string      // ADDRESS:PORT that was asked; "": nobody was
	Text       string      // what was asked and what came, for people
}

// String says it in one sentence.
func (f *Finding) String() string {
	var who string
	switch {
	case f.Cluster != "":
		who = "cluster " + string(f.Cluster)
	case !f.NameServer.IsZero():
		who = "name server " + f.NameServer.String()
	case f.Server != "":
		who = "edge server"
	}
	if f.Server != "" {
		who += " at " + f.Server
	}
	if who == "" {
		return f.Text
	}
	return who + ": " + f.Text
}

// Status is how the delegation of one zone was found.
type Status struct {
	Zone     gslb.Name
	EdgeZone gslb.Name
	State    State
	Reason   Reason    // of the worst finding, where there are any
	Message  string    // for people
	Findings []Finding // the worst first
	Since    time.Time // when State or Reason became so, by our clock
	Checked  time.Time // when it was looked at last; zero: never

	servers []gslb.NameServer // of the delegation, as found
}

// told bounds how many findings a message has.
const told = 6

// settled gives the findings in order, and the reason and message they make.
func settled(s Status) Status {
	slices.SortStableFunc(s.Findings, func(a, b Finding) int {
		if c := slices.Index(severity, a.Reason) - slices.Index(severity, b.Reason); c != 0 {
			return c
		}
		if c := a.NameServer.Compare(b.NameServer); c != 0 {
			return c
		}
		return strings.Compare(a.Server, b.Server)
	})
	if len(s.Findings) == 0 {
		s.State, s.Reason = Works, ReasonAnswering
		s.Message = fmt.Sprintf("asked from the servers of %s down, all %d name servers answer for the zone over UDP and TCP", s.EdgeZone, len(s.servers))
		return s
	}
	s.State, s.Reason = Broken, s.Findings[0].Reason
	var parts []string
	for i := range s.Findings {
		if i == told {
			parts = append(parts, fmt.Sprintf("and %d more", len(s.Findings)-told))
			break
		}
		parts = append(parts, s.Findings[i].String())
	}
	s.Message = strings.Join(parts, "; ")
	return s
}

// board holds what is known of each zone and tells about changes.
type board struct {
	log     *slog.Logger
	metrics *metrics
	changed chan struct{} // one place

	mu    sync.Mutex
	zones map[gslb.Name]Status
}

func newBoard(log *slog.Logger, m *metrics) *board {
	return &board{log: log, metrics: m, changed: make(chan struct{}, 1), zones: make(map[gslb.Name]Status)}
}

// set notes how a zone was found, and logs trouble when it begins, changes its
// kind, and ends.
func (b *board) set(s Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, known := b.zones[s.Zone]
	same := known && old.State == s.State && old.Reason == s.Reason
	s.Since = time.Now()
	if same {
		s.Since = old.Since
	}
	b.zones[s.Zone] = s
	b.metrics.found(&s)
	if !same || old.Message != s.Message || !reflect.DeepEqual(old.Findings, s.Findings) {
		b.tell()
	}
	switch {
	case same:
	case s.State == Broken:
		b.log.Warn("delegation does not work as it should", "zone", s.Zone, "edge", s.EdgeZone, "reason", s.Reason, "problem", s.Message)
	case s.State == Works && known && old.State == Broken:
		b.log.Info("delegation works again", "zone", s.Zone, "edge", s.EdgeZone)
	case s.State == Works:
		b.log.Info("delegation works", "zone", s.Zone, "edge", s.EdgeZone)
	case s.Reason == ReasonEdgeServersUnknown:
		b.log.Info("nobody can tell whether the delegation works", "zone", s.Zone, "edge", s.EdgeZone, "do", s.Message)
	}
}

// get gives what is known of a zone.
func (b *board) get(zone gslb.Name) (Status, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.zones[zone]
	return s, ok
}

// keep forgets all zones but these.
func (b *board) keep(zones map[gslb.Name]*watched) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for zone := range b.zones {
		if zones[zone] == nil {
			delete(b.zones, zone)
			b.metrics.forget(zone)
			b.tell()
		}
	}
}

func (b *board) tell() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// list gives the zones by name.
func (b *board) list() []Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Status, 0, len(b.zones))
	for _, s := range b.zones {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Status) int { return a.Zone.Compare(b.Zone) })
	return out
}
