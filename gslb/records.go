// SPDX-License-Identifier: Apache-2.0

package gslb

// RecordSet holds the records of one name and type that stand in a zone beside
// its hosts: the union of what all clusters that did not leave state, static
// records and challenges alike.
type RecordSet struct {
	Name     Name
	Type     uint16
	TTL      uint32   // the lowest stated, so that an RRset has one (RFC 2181 §5.2)
	Data     []string // presentation format, sorted, each once
	Clusters []GeoTag // who states it, sorted
}

// RecordConflict is a set that is not served, and why.
type RecordConflict struct {
	Name     Name
	Type     uint16
	Clusters []GeoTag // who states it, sorted
	Reason   ConflictReason
	With     Name // the name it conflicts with; the zero Name when that is Name itself
}

// ConflictReason says why a record set is not served; a closed list.
type ConflictReason string

// The reasons, in the order in which they are looked for.
const (
	ConflictOutside    ConflictReason = "OutsideZone"     // the name lies in another zone: With; zero: in none of ours
	ConflictReserved   ConflictReason = "ReservedName"    // the name has the label [ReportLabel]
	ConflictType       ConflictReason = "UnservableType"  // meta types, SOA, DNAME and what a signer makes are not records of ours to serve
	ConflictApex       ConflictReason = "AtApex"          // CNAME, NS and DS at the zone's own name (RFC 1034 §3.6.2)
	ConflictHost       ConflictReason = "AtHost"          // addresses and CNAME at a balanced host: With
	ConflictAboveHost  ConflictReason = "AboveHost"       // a delegation would hide a balanced host: With
	ConflictWildcard   ConflictReason = "AtWildcard"      // a delegation at a wildcard (RFC 4592 §4.2)
	ConflictDelegated  ConflictReason = "BelowDelegation" // hidden by the delegation at With, and no address of it
	ConflictDS         ConflictReason = "NoDelegation"    // a DS without NS beside it
	ConflictCNAME      ConflictReason = "CNAMEBesideData" // the name has other records, which are served (RFC 1034 §3.6.2)
	ConflictTwoTargets ConflictReason = "TwoTargets"      // a CNAME has one target: that of the first cluster by geo tag is served
	ConflictSize       ConflictReason = "TooLarge"        // all its data do not fit in a message
)

// Records is what stands in a zone beside its hosts. It is immutable.
type Records struct {
	Sets      []RecordSet      // by name, then type
	Conflicts []RecordConflict // by name, then type
}
