// SPDX-License-Identifier: Apache-2.0

package peers

import "time"

// Bounds of a report in format 1. A report beyond them is refused whole, since
// half a report would empty hosts; records alone are left out.
const (
	maxHosts       = 20_000
	maxRecords     = 4_096  // static and challenge records together; what is beyond is left out
	maxEntries     = 256    // of one host
	maxSetBytes    = 60_000 // of one owner: an RRset that fits in one message anywhere
	maxZoneBytes   = 64 << 20
	maxNameServers = 64
	maxAddrs       = 64 // of a name server, and fallback addresses
	maxTags        = 256
	maxNeeds       = 16  // clusters that a host depends on; more are not told
	maxStrings     = 512 // in one TXT record
)

// Bounds of single values, in octets.
const (
	maxWord     = 64   // reasons, strategies, kinds, states
	maxInstance = 32   // instance name, a DNS label
	maxObject   = 253  // Kubernetes names
	maxText     = 255  // host names in clear, SNI
	maxPath     = 2048 // of a URL
	maxData     = 8192 // of a record, in presentation format
	maxList     = 16384
	maxOption   = 12 << 10 // of the EDNS option
)

// Bounds of the transport.
const (
	maxMessage   = 16 << 10 // octets of a message that we write
	maxUnsigned  = 99       // messages in a row without TSIG (RFC 8945 §5.3.1)
	maxPending   = 8 << 20  // octets of those
	maxPeers     = 256      // clusters known by any means
	zonesPerConn = 12       // questions outstanding on one connection; a server takes 16
	fudge        = 300      // seconds that clocks may differ (RFC 8945 §10)
)

// Timing of readers and authors (agreement.md §3).
const (
	defaultHold       = time.Second      // of the first zone of a connection: the keep-alive
	defaultLongHold   = 30 * time.Second // of its other zones
	maxHold           = 30 * time.Second // that an author grants
	grace             = time.Second      // beyond the hold until a connection is taken for dead
	dialTimeout       = time.Second
	writeTimeout      = 2 * time.Second
	transferLimit     = time.Minute // of one transfer, however steadily it drips
	firstRetry        = 200 * time.Millisecond
	maxRetry          = time.Second
	redialEvery       = time.Minute      // of a connection that ends where the other one does
	redialSpread      = 5 * time.Minute  // of one that does not
	defaultLease      = 3 * time.Second  // within which a connection counts as alive
	defaultRelayAfter = 2 * time.Second  // without reading a peer directly
	publicEvery       = 10 * time.Second // between two tellings of the served zone's serial
	leftFor           = time.Minute      // that what we said of a zone stays which we do not serve any more
	discoverEvery     = time.Minute
	discoverSoon      = 250 * time.Millisecond // doubled each time
	discoverMissing   = 5 * time.Second        // the longest while an address is missing
)
