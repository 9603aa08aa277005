// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"net/netip"
	"time"
)

// Health is what is known of an entry or a host. The zero value is unknown,
// which is never the same as unhealthy.
type Health uint8

// The states of health.
const (
	HealthUnknown Health = iota
	Healthy
	Unhealthy
)

var healthNames = [...]string{"unknown", "healthy", "unhealthy"}

// String gives the word used in reports, status, logs and metrics.
func (h Health) String() string { return healthNames[h] }

// Override is health set by hand; it wins over every check.
type Override string

// The overrides. The zero value means none.
const (
	NoOverride Override = ""
	Drain      Override = "drain" // take the cluster out of the host's answers
	Force      Override = "force" // keep it in, whatever the checks say
)

// Ask says how a client would ask an entry; entry checks and probes use it.
// The zero value means: not known, do not ask.
type Ask struct {
	Scheme string // "http", "https", "tls", "tcp"
	Port   uint16
	SNI    string // server name for TLS; "" means the host
	Path   string // for http and https; "" means "/"
}

// Entry is one address where clients of a cluster arrive for a host.
type Entry struct {
	Addr     netip.Addr // the zero Addr when only Hostname is known
	Hostname string     // of a load balancer that is known by name; "" otherwise
	Health   Health
	Reason   Reason    // why Health is what it is
	Since    time.Time // when Health became so, by the reporter's clock; for people only
	Until    time.Time // healthy and asked to wait: when it counts, by the reporter's clock, for people only; zero otherwise
	Weight   uint16    // share within the cluster; 0: not set
	Owners   []GeoTag  // clusters known to share the address, sorted; nil: the reporter alone
	Ask      Ask
	// Draining, of our own alone: its object does not have it any more. It stays for a
	// while beside other addresses of ours if it is known still to serve; see drained.
	Draining bool
}

// Source is the object that a host comes from.
type Source struct {
	Kind      string // "Gslb", "Ingress", …
	Namespace string
	Name      string
}

// String gives "Kind namespace/name", or "Kind name" without a namespace.
func (s Source) String() string {
	if s.Namespace == "" {
		return s.Kind + " " + s.Name
	}
	return s.Kind + " " + s.Namespace + "/" + s.Name
}

// Offer is what one cluster says of one host: how it wants it answered and
// which entries it has. Our own and a peer's have the same type.
type Offer struct {
	Host     Name
	Source   Source
	Created  time.Time // since when the source names the host; zero: nobody tells. The earliest claim has it. Its name is that in reports: once it was the age of the source
	Policy   Policy
	Override Override
	Reason   Reason // of the whole host when it has no entry: AddressUnknown, or why its backends cannot serve; "" otherwise
	Entries  []Entry
	// DependsOn names the clusters without which this one cannot serve the host, sorted, as
	// neighbours name them: by geo tag, cluster id or a name of their own; nil: none. It is
	// for people; nothing is decided by it.
	DependsOn []string
	// Bare says that no backend of the host is ready in the cluster itself, by its own objects
	// alone: what it believes of others, probes and overrides do not change it. false: one is,
	// or nobody can tell.
	Bare  bool
	Check *Check // the probe of our own entries; nil: none, and always nil in a peer's offer

	// Incumbent says that the host comes from an object or an annotation of k8gb, whose
	// neighbours ask for localtargets-HOST. It is not told to peers.
	Incumbent bool
	// PolicyUnknown says that the cluster does not tell how it wants the host answered,
	// as one that runs k8gb: Policy and Created are not read, and a host that nobody
	// else offers is not answered.
	PolicyUnknown bool
}

// Health sums the offer up.
//
//	entries                      | reason of the host          | health
//	some are healthy             | –                           | healthy
//	none is, some are unknown    | –                           | unknown
//	all are unhealthy            | –                           | unhealthy
//	there are none, drained      | any                         | unhealthy
//	there are none               | none, or AddressUnknown     | unknown: where clients arrive is
//	there are none               | any other, ServiceNotFound  | unhealthy
func (o *Offer) Health() Health {
	sum := Unhealthy
	if len(o.Entries) == 0 && o.Override != Drain && (o.Reason == "" || o.Reason == ReasonAddressUnknown) {
		return HealthUnknown
	}
	for i := range o.Entries {
		switch o.Entries[i].Health {
		case Healthy:
			return Healthy
		case HealthUnknown:
			sum = HealthUnknown
		case Unhealthy:
		}
	}
	return sum
}

// CheckKind is the protocol of a probe.
type CheckKind string

// The kinds of probes.
const (
	CheckHTTP  CheckKind = "HTTP"
	CheckHTTPS CheckKind = "HTTPS"
	CheckTCP   CheckKind = "TCP"
)

// Check says how the entries of a host are probed.
type Check struct {
	Kind               CheckKind
	Port               uint16
	Path               string        // HTTP and HTTPS; begins with "/"
	Host               string        // Host header and SNI; "" means the balanced name
	Interval           time.Duration // at least 1 s
	Timeout            time.Duration
	Rise               int    // successes in a row that turn an entry up
	Fall               int    // failures in a row that turn it down
	Statuses           [2]int // first and last HTTP status that count as success
	InsecureSkipVerify bool   // HTTPS: accept any certificate
	Alone              bool   // serviceHealthScope probe: readiness does not count
}

// Verdict is what our probe concluded about one entry of our own.
type Verdict struct {
	Host   Name
	Addr   netip.Addr
	Health Health
	Detail string // for people: "3 of 3 failed: status 503"
}

// Announcement is what a cluster says of its own near future.
type Announcement string

// The announcements. The zero value means: goes on as usual.
const (
	Active  Announcement = ""
	Pausing Announcement = "pause" // restarting: keep my offers for a minute
	Leaving Announcement = "leave" // going for good: drop them now
)

// Record is a static or challenge record that a cluster adds to a zone.
type Record struct {
	Name Name
	Type uint16
	TTL  uint32
	Data string // presentation format
}

// Asked says what became of asking the entries that another cluster holds to be healthy
// against its own probes ([ReasonProbesHeld]), as clients would.
type Asked struct {
	Cluster  GeoTag
	Answered int // hosts of which an entry answered
	Silent   int // hosts of which none did
}

// Report is what one cluster says of one zone. It is complete: a host that is
// not in it is not offered.
type Report struct {
	Cluster   GeoTag
	ClusterID string
	Instance  string
	Zone      Name
	EdgeZone  Name
	Serial    uint32 // of the report; counts within Instance
	Public    uint32 // SOA serial of the public zone that the reporter serves

	NameServers  []NameServer // the reporter's own, for this zone
	Hears        []GeoTag     // clusters heard first-hand, sorted
	Lost         []GeoTag     // clusters found lost, sorted
	Disputed     []GeoTag     // clusters whose geo tag another one uses too, as the reporter hears it, sorted
	Returned     []GeoTag     // clusters that were lost, and are heard again for less than some policy's delay, sorted
	Asked        []Asked      // of entries that others hold to be healthy against their probes, by cluster
	Mark         uint64       // how far the reporter's knowledge goes
	Blind        time.Time    // since when it cannot read its objects; zero: it sees
	Announcement Announcement

	// RemovalsMeant says that what vanishes of this zone is meant to: no deletion guard
	// holds it.
	RemovalsMeant bool

	Offers     map[Name]*Offer
	Records    []Record // static records of the zone
	Challenges []Record // ACME challenges held by this cluster

	// K8gb says that this is no report of the cluster, but what was made of its unsigned
	// answers: it runs k8gb. A signed report wins over it, and it is never told on.
	K8gb bool

	Received time.Time // when it came here, by our clock; zero: when it is handed in
}
