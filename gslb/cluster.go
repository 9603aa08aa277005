// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"net/netip"
	"time"
)

// GeoTag names a cluster within a zone: "eu", "us-east-1".
type GeoTag string

// maxGeoTag keeps "gslb-heartbeat-TAG" within one label.
const maxGeoTag = 40

// ParseGeoTag reads a geo tag: 1 to 40 lower-case letters, digits and hyphens,
// a letter or digit at both ends. Capitals are folded.
func ParseGeoTag(s string) (GeoTag, error) {
	b := []byte(s)
	ok := len(b) > 0 && len(b) <= maxGeoTag && b[0] != '-' && b[len(b)-1] != '-'
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
			b[i] = c
		}
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return "", fmt.Errorf("%q is not a geo tag: 1 to %d letters, digits and hyphens, like \"eu\" or \"us-east-1\"", s, maxGeoTag)
	}
	return GeoTag(b), nil
}

// NameServer is one server of a zone as a cluster announces it: a name in the
// edge zone and its addresses, which are the glue.
type NameServer struct {
	Cluster GeoTag
	Name    Name
	Addrs   []netip.Addr // v4 and v6; empty: not known yet
}

// Liveness says how far the word of a cluster is believed (agreement.md §4).
type Liveness uint8

// The states of a cluster. Only Left and Lost take offers out of the first
// rank; silence alone never empties a host.
const (
	Unheard  Liveness = iota // known by name, never heard since we started, still within the first wait
	Self                     // this cluster
	Fresh                    // heard within the lease
	Doubtful                 // silent for longer than the lease; witnesses are being asked
	Vouched                  // silent, and a witness holds that it lives: offers stay
	Lost                     // silent, and nobody vouches: offers are the last resort
	Left                     // it said goodbye: offers are gone
)

var livenessNames = [...]string{"unheard", "self", "fresh", "doubtful", "vouched", "lost", "left"}

// String gives the word used in status, logs and metrics.
func (l Liveness) String() string { return livenessNames[l] }

// Cluster is what a World knows of one cluster.
type Cluster struct {
	Tag      GeoTag
	ID       string // "" until heard
	Instance string // the instance whose report is believed; "" until heard
	Liveness Liveness
	Since    time.Time // when Liveness became what it is, by our clock
	Witness  Witness   // who holds while Vouched; zero otherwise
	Hears    []GeoTag  // whom it hears first-hand, sorted; as last reported
	Lost     []GeoTag  // whom it finds lost, sorted; as last reported
	Mark     uint64    // how far its knowledge goes
	Blind    time.Time // since when it cannot read its objects, by its own clock; zero: it sees
	Pausing  bool      // it announced a restart
	Restored bool      // what is known of it is of a saved world, in which it was not lost; it was not heard since
	Returned bool      // it was lost, and is believed again for less than the longest delay of returns that a host asks for
	K8gb     bool      // it runs k8gb: what is known of it are unsigned answers, offers and nothing else
	Unread   time.Time // since when it is heard and its report was not read, by itself or through a third cluster; zero: it is read
	Conflict string    // not empty: another cluster uses the same geo tag; says which ids
}

// Believed reports that the cluster's offers count as last reported.
func (c *Cluster) Believed() bool {
	return c.Liveness == Self || c.Liveness == Fresh || c.Liveness == Doubtful || c.Liveness == Vouched
}

// Witness says who vouches for a silent cluster.
type Witness struct {
	Kind SightingKind
	By   GeoTag // the third cluster; "" for other kinds
}

// MaxClusterID is the longest cluster id in octets.
const MaxClusterID = 128

// CheckClusterID refuses what cannot be the id of a cluster: it stands as one word in
// reports, logs and metrics. The error says what would be right.
func CheckClusterID(id string) error {
	if id == "" || len(id) > MaxClusterID {
		return fmt.Errorf("a cluster id has 1 to %d octets", MaxClusterID)
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' || c == ',' || c == '=' {
			return fmt.Errorf("cluster id %q: only printable ASCII without blanks, commas and equal signs is allowed", id)
		}
	}
	return nil
}
