// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// DefaultTTL is the TTL of NS and glue records, in seconds.
const DefaultTTL = 300

// The schedule. Alarms beat faster than readers stop believing them (three
// intervals).
const (
	verifyEvery     = time.Minute // quiet: the edge is read, never written
	beatCalm        = time.Hour
	beatAlarm       = 5 * time.Second
	beatLongAlarm   = 15 * time.Second
	longAlarm       = 2 * time.Minute
	beatGap         = time.Second // between two writes of ours, however often the alarm changes
	believeBeats    = 3           // intervals
	adoptedHold     = 15 * time.Minute
	publisherBudget = 10 * time.Second
)

// Store is what the Keeper tells the model; [gslb.Store] is one.
type Store interface {
	Sight(gslb.Sighting)
}

// Resolver resolves host names; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says what a Keeper needs. Worlds, Store and, with a Publisher, Instance
// are required.
type Config struct {
	// Worlds is the channel of a [gslb.Mailbox] of its own.
	Worlds <-chan *gslb.World
	Store  Store
	// Publisher reaches the edge zones; nil: there is no edge that we can write,
	// only anchors are asked.
	Publisher Publisher
	// Objects keeps the delegations, whole, where somebody else carries them into
	// the edge zones, which Reader then reads back. They go together, and without a
	// Publisher: there is no heartbeat then.
	Objects Objects
	Reader  Reader
	// Instance names this process, at most 64 printable characters.
	Instance string
	// Addrs are the glue of zones whose intent has no addresses.
	Addrs []netip.Addr
	// Heard gives the last keep-alives heard, several for a cluster with several
	// instances; nil: none.
	Heard func() []HeardKeepAlive
	// Sent says when our cluster sent a keep-alive, by our own clock, and whether
	// it did; nil: never. It must be fast.
	Sent func(instance string, n uint64) (time.Time, bool)
	// Anchors are servers outside, ADDRESS or ADDRESS:PORT, that show whether we
	// are cut off.
	Anchors []string
	// Ask sends one SOA question to ADDRESS:PORT and returns nil if anything
	// answered it; nil: anchors and servers of the edge zone are not asked. The
	// zero Name is the root.
	Ask func(ctx context.Context, server string, zone gslb.Name) error
	// Resolver finds the servers of the edge zone whose names lie outside it; nil:
	// those are not asked.
	Resolver Resolver
	// TTL of NS and glue in seconds; 0: [DefaultTTL]. TTLs that differ are left
	// alone.
	TTL uint32
	// Rand gives numbers in [0, 1) for jitter; nil: math/rand.
	Rand       func() float64
	Log        *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
}
