// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"iter"
	"net/netip"
	"slices"
	"time"
)

// ZoneIntent is what this cluster asks for one zone.
type ZoneIntent struct {
	Zone       Name
	EdgeZone   Name
	NegTTL     uint32        // seconds; SOA MINIMUM and the SOA's own TTL
	SplitBrain time.Duration // 0: the default of Timing
	// AllowRemoval lets hosts of the zone vanish in a mass, past the deletion guard.
	AllowRemoval bool
	Addrs        []netip.Addr // addresses of our own name server, sorted; empty: not known yet
	Records      []Record     // static records of this cluster; what is served of them is Zone.Static
}

// Zone is a zone of a World: the intent, and what all clusters add to it.
type Zone struct {
	ZoneIntent
	Challenges  []Record     // held by this cluster
	NameServers []NameServer // of every cluster that serves the zone and is not dead, ours included, by cluster
	Dead        []GeoTag     // clusters whose name servers are to go from the delegation, by tag (agreement.md §6)
	Static      *Records     // what stands in the zone beside its hosts, of all clusters; nil: nothing
	Serial      uint32       // SOA serial (RFC 1982); never falls while a cluster remembers it
}

// Tier says how well an entry is known to serve; lower is better (design.md R2).
type Tier uint8

// The tiers, best first. A strategy uses the entries of the best tier that has any.
const (
	TierHealthy   Tier = iota
	TierReturning      // healthy again, and asked to wait until it has been for a while
	TierUnknown
	TierLost // of a lost cluster, as last reported
	TierOut  // not to be answered, unless whenAllUnhealthy says so
)

// Candidate is an entry as a strategy sees it.
type Candidate struct {
	Addr     netip.Addr // never the zero Addr
	Hostname string     // of the load balancer that has the address; "" if it has none
	Tier     Tier
	Reason   Reason
	Until    time.Time // TierReturning: when it counts as healthy, if that is known here; zero otherwise
}

// Part is what one cluster brings to a host.
type Part struct {
	Cluster  GeoTag
	Liveness Liveness
	Checked  bool   // an entry check vouches for this host although the cluster is lost
	Foreign  bool   // the host belongs to an object of another namespace: shown, and not answered
	Held     bool   // the cluster does not offer it any more; the deletion guard keeps what it offered
	Offer    *Offer // as the cluster states it; for our own with verdicts merged
	Entries  []Candidate
}

// Best gives the best tier among the entries; TierOut if there is none.
func (p *Part) Best() Tier {
	best := TierOut
	for _, e := range p.Entries {
		best = min(best, e.Tier)
	}
	return best
}

// Host is a balanced name in a World.
type Host struct {
	Name        Name
	Zone        Name   // the longest zone that holds it; the zero Name if none does
	Policy      Policy // the one that is followed here
	PolicyFrom  GeoTag
	Parts       []Part       // by cluster; only clusters that offer the host
	Rivals      []Source     // objects of this cluster that claim the host too, and do not have it
	Diverged    []GeoTag     // clusters whose policy differs from the one followed here
	UnknownTags []GeoTag     // geo tags in the policy that no known cluster has
	LastHealthy []netip.Addr // addresses that were healthy when one was, sorted
}

// Part gives what a cluster brings; nil if it does not offer the host.
func (h *Host) Part(c GeoTag) *Part {
	for i := range h.Parts {
		if h.Parts[i].Cluster == c {
			return &h.Parts[i]
		}
	}
	return nil
}

// Alarm is what the heartbeat of this cluster should say.
type Alarm struct {
	Missed []GeoTag // sorted; empty: calm
}

// World is everything that is known at one moment, merged. It is immutable.
type World struct {
	Revision     uint64
	At           time.Time
	Self         GeoTag
	SelfID       string
	Ready        bool // objects were read, and every known peer was heard or given up
	Zones        []Zone
	Clusters     []Cluster // by tag, ours included
	Local        LocalState
	Alarm        Alarm
	ReplicasHear []GeoTag // clusters that other instances of ours hear first-hand, sorted; nil: none
	LeansOn      string   // the replica whose offers stand for ours, because it knows more; "": ours do
	Held         []Held   // what the deletion guard holds, by cluster; nil: nothing
	// RemovalsMeant says that what vanished of our cluster lately was held before, or is
	// meant: nobody is to hold it once more.
	RemovalsMeant bool
	ProbesHeld    ProbesHeld // what the guard of probes holds
	Asked         []Asked    // what became of asking entries that others hold, by cluster; nil: none do
	Waiting       Waiting    // hosts with entries that wait
	Isolated      time.Time  // since when we are cut off; zero: we are not
	// IsolatedUntil is until when our isolation keeps the last good answers; it may be past.
	// Zero: we are not cut off.
	IsolatedUntil time.Time
	// Unsought is until when names that no known cluster offers may be others': the edge
	// could not be read since the start, and nobody called. Zero: the others are known.
	Unsought  time.Time
	ChangesAt time.Time // when time alone may change the World; zero: never
	Arrivals  Arrivals  // of the inputs that this World is the first to hold

	hosts hostMap
}

// LocalState is what this process says of itself.
type LocalState struct {
	Mark         uint64
	Blind        time.Time // since when objects cannot be read; zero: they can
	Announcement Announcement
	Synced       bool // objects were read completely once
	Incumbent    bool // k8gb's operator runs in this cluster: what it writes, the edge with it, is left to it
	Restored     bool // what is told comes from before a restart, because Synced is not yet true; kept by the Store
}

// Host gives a host by name; nil if nobody offers it. A wildcard host is found
// only by its literal name.
func (w *World) Host(n Name) *Host { return w.hosts.get(n) }

// Len counts the hosts.
func (w *World) Len() int { return w.hosts.len() }

// Hosts walks all hosts in no particular order.
func (w *World) Hosts() iter.Seq[*Host] {
	return func(yield func(*Host) bool) {
		for _, s := range w.hosts.shards {
			for _, h := range s.all() {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// Changed walks the names whose Host differs between prev and w, whichever way;
// a nil prev counts as empty. Its price is that of what changed.
func (w *World) Changed(prev *World) iter.Seq[Name] {
	var old hostMap
	if prev != nil {
		old = prev.hosts
	}
	return w.hosts.changed(old)
}

// Cluster gives a cluster by tag; nil if it is not known.
func (w *World) Cluster(tag GeoTag) *Cluster {
	i, ok := slices.BinarySearchFunc(w.Clusters, tag, func(c Cluster, t GeoTag) int {
		switch {
		case c.Tag < t:
			return -1
		case c.Tag > t:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &w.Clusters[i]
}

// Zone gives a zone by name; nil if we do not serve it.
func (w *World) Zone(n Name) *Zone {
	for i := range w.Zones {
		if w.Zones[i].Zone == n {
			return &w.Zones[i]
		}
	}
	return nil
}

// KeepsAnswers reports that we are cut off and still keep our last good answers: the time
// of isolation is not over.
func (w *World) KeepsAnswers() bool { return w.At.Before(w.IsolatedUntil) }
