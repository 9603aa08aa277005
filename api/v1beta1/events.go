// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Reasons of events about a Gslb. Those of which something is wrong are warnings.
const (
	// EventAnswerChanged: a host is answered by other addresses.
	EventAnswerChanged = "AnswerChanged"
	// EventFailedOver: a host with strategy failover is answered by a cluster of lower
	// rank than before.
	EventFailedOver = "FailedOver"
	// EventFailedBack: it is answered by one of higher rank again.
	EventFailedBack = "FailedBack"
	// EventNothingCanServe (warning): a host has no address to answer any more.
	EventNothingCanServe = "NothingCanServe"
	// EventNotOffered (warning): no cluster offers a host any more.
	EventNotOffered = "NotOffered"
	// EventHostConflicted (warning): another object claimed the host before.
	EventHostConflicted = "HostConflicted"
	// EventConflictEnded: this object has its hosts now.
	EventConflictEnded = "ConflictEnded"
	// EventSpecDiverged (warning): another cluster's Gslb asks for a different policy.
	EventSpecDiverged = "SpecDiverged"
	// EventSpecAgrees: they ask for the same again.
	EventSpecAgrees = "SpecAgrees"
	// EventEntriesTaken: no address in a status is left out any more. That some are is told
	// by the reason of condition Resolved: EntryIgnored, a warning.
	EventEntriesTaken = "EntriesTaken"
	// EventSuperseded, of a Gslb of k8gb: one of another group with its name counts in its
	// place.
	EventSuperseded = "Superseded"
	// EventHostInsideZones: every host lies in a zone again.
	EventHostInsideZones = "HostInsideZones"
	// EventNamespaceAllowed: the namespace may take the hosts again.
	EventNamespaceAllowed = "NamespaceAllowed"
)

// Reasons of events about Gslbs and ZoneDelegations.
const (
	// EventClusterLost (warning): a cluster is silent and nobody vouches for it; its
	// addresses are the last resort.
	EventClusterLost = "ClusterLost"
	// EventClusterHeard: a cluster that was lost is heard, or vouched for, again; or one that
	// was vouched for is heard.
	EventClusterHeard = "ClusterHeard"
	// EventClusterVouched (warning): a cluster is silent, and a witness vouches for it: its
	// addresses stay.
	EventClusterVouched = "ClusterVouched"
	// EventBlind (warning): this cluster cannot read its objects and keeps what it knew.
	EventBlind = "Blind"
	// EventSeesAgain: it can read them again.
	EventSeesAgain = "SeesAgain"
	// EventIsolated (warning): this cluster is probably cut off and keeps its last good
	// answers.
	EventIsolated = "Isolated"
	// EventRejoined: it is not cut off any more.
	EventRejoined = "Rejoined"
)

// Reasons of events about a ZoneDelegation. What is wrong at the edge has the reason of
// condition Delegated: EdgeUnreachable, UpdateRefused, UpdateIgnored and so on.
const (
	// EventDelegated: the parent zone, read back, delegates the zone to this cluster, or is
	// one of this cluster's zones itself.
	EventDelegated = "Delegated"
	// EventUpToDate: no guard holds anything any more. That one does is told by the reason of
	// condition UpToDate.
	EventUpToDate = "UpToDate"
	// EventClientsVisible: the addresses of clients are seen again.
	EventClientsVisible = "ClientsVisible"
	// EventEdgeRepaired: it does so again after it was refused, ignored, out of reach or
	// drifted.
	EventEdgeRepaired = "EdgeRepaired"
	// EventDelegationWorks: asked from outside, the delegation works again. That it does not is
	// told by the reason of condition DelegationWorks.
	EventDelegationWorks = "DelegationWorks"
	// EventRecordConflicted (warning): static records are not served; also of a DNSEndpoint
	// that states them.
	EventRecordConflicted = "RecordConflicted"
	// EventRecordConflictEnded: all static records of the zone are served again.
	EventRecordConflictEnded = "RecordConflictEnded"
)

// Reasons of events about a DNSEndpoint, beside EventRecordConflicted and the reasons of
// condition Accepted.
const (
	// EventRecordsServed: every record of the object is served, and was not before.
	EventRecordsServed = "RecordsServed"
)
