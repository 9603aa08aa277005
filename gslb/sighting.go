// SPDX-License-Identifier: Apache-2.0

package gslb

import "time"

// SightingKind says how a cluster, or the world outside, was seen.
type SightingKind uint8

// The kinds of sightings (agreement.md §4). NoSighting is the zero value.
const (
	NoSighting    SightingKind = iota
	Heard                      // a valid signed answer from it, or a signed request by it
	ThirdCluster               // a fresh cluster hears it first-hand (derived from reports, never handed in)
	Heartbeat                  // its alarm at the edge goes on and names us with a keep-alive number that we sent
	EntryAnswered              // an entry of one host answered as a client would ask: vouches for that host only
	SignedBadTime              // it answered with a signed BADTIME: alive, clocks apart
	BadSignature               // an unsigned BADKEY or BADSIG came from its address: probably alive, keys apart
	Announced                  // it announced a restart
	Isolation                  // we are the ones cut off (derived, never handed in)
	OutsideSeen                // a server of the edge zone or an anchor answered us: we are not cut off
	HeldAnswered               // an entry that its cluster holds against its probes ([ReasonProbesHeld]) answered as a client would ask
	HeldSilent                 // none of the host's answered
	ReportRead                 // its report was read or found unchanged, by itself or through a third cluster; no sign of life
)

var sightingNames = [...]string{
	"none", "heard", "thirdCluster", "heartbeat", "entryAnswered",
	"signedBadTime", "badSignature", "announced", "isolation", "outsideSeen", "heldAnswered", "heldSilent", "reportRead",
}

// String gives the word used in status, logs and metrics.
func (k SightingKind) String() string { return sightingNames[k] }

// A Sighting is the fourth input beside intent, reports and verdicts: somebody
// saw a cluster alive.
type Sighting struct {
	Kind     SightingKind
	Of       GeoTag        // the cluster seen; "" for OutsideSeen
	ID       string        // Heard: the id of the cluster that spoke; "" where it is not known
	Instance string        // Heard: the instance whose report was read; "" where it only called
	Host     Name          // EntryAnswered, HeldAnswered, HeldSilent: the host whose entry was asked
	At       time.Time     // by our own clock, with its monotonic reading
	ValidFor time.Duration // Heartbeat, EntryAnswered: how long it vouches, HeldAnswered, HeldSilent: how long it counts; 0: the lease
}
