// SPDX-License-Identifier: Apache-2.0

package gslb

// Reason is why an entry is in or out, or why an answer is what it is. The
// list is closed: status, explain, events and metrics use these words only.
type Reason string

// Why an entry is healthy, unhealthy or unknown.
const (
	ReasonReady           Reason = "Ready"                 // backends are ready (and the probe, if any, agrees)
	ReasonProbeUp         Reason = "ProbeSucceeded"        // the probe alone decides, and it says up
	ReasonForced          Reason = "Forced"                // set by hand
	ReasonDrained         Reason = "Drained"               // set by hand
	ReasonNotReady        Reason = "NoLocalReadyEndpoints" // no backend in this cluster is ready
	ReasonServiceNotFound Reason = "ServiceNotFound"       // a Service that the host needs does not exist
	ReasonNoSlices        Reason = "NoEndpointSlices"      // its Services are there without any EndpointSlice, though they select pods
	ReasonAddressUnknown  Reason = "AddressUnknown"        // the host has no entry yet
	ReasonProbeDown       Reason = "ProbeFailed"           // readiness says up, the probe does not
	ReasonProbePending    Reason = "ProbePending"          // no probe has finished yet
	ReasonHealthUnknown   Reason = "HealthUnknown"         // nobody can tell
	ReasonUnresolved      Reason = "HostnameUnresolved"    // the entry has a host name and no address yet
	ReasonGateNotReady    Reason = "ReadinessGateNotReady" // backends may be ready; a readiness gate is not
	ReasonEntryNotReady   Reason = "EntryNotReady"         // backends may be ready; no pod of the ingress controller or gateway at the entry is
	ReasonNotProgrammed   Reason = "NotProgrammed"         // the gateway that announces the entry says that nothing listens there
	ReasonProbesHeld      Reason = "ProbesHeld"            // most probes of the cluster failed at once and nobody confirms it: healthy as before
	ReasonDraining        Reason = "Draining"              // its object does not have it any more; it still serves, and stays for the TTL
	ReasonWithdrawn       Reason = "Withdrawn"             // its object does not have it any more, and it does not answer
	ReasonReturning       Reason = "Returning"             // healthy again, for less than the policy's delay of returns
	ReasonFlapping        Reason = "Flapping"              // healthy again after it fell several times within a minute
)

// Why an entry of another cluster does not count as it was reported.
const (
	ReasonClusterLost Reason = "ClusterLost" // silent, and nobody vouches
	ReasonClusterLeft Reason = "ClusterLeft" // it said goodbye
)

// ReasonForeignNamespace: an object of another namespace claimed the host before, so what this
// cluster offers is shown and not answered.
const ReasonForeignNamespace Reason = "ForeignNamespace"

// ReasonSharedAddress: another cluster that offers the same address can serve there.
const ReasonSharedAddress Reason = "SharedAddress"

// Why an entry that could be answered is not in the answer.
const (
	ReasonNotChosen  Reason = "NotChosen"  // another cluster comes first
	ReasonWeightZero Reason = "WeightZero" // drawn only when nothing else is left
	ReasonLowerTier  Reason = "LowerTier"  // better known entries exist
)

// Why an answer is what it is.
const (
	ReasonAllHealthy      Reason = "AllHealthyClusters" // round robin over every cluster that can serve
	ReasonWeighted        Reason = "Weighted"           // drawn by weight
	ReasonPrimary         Reason = "PrimaryHealthy"     // the primary can serve
	ReasonPrimaryDown     Reason = "PrimaryUnavailable" // it cannot: all others together
	ReasonInOrder         Reason = "FirstInOrder"       // the first of failoverOrder that can serve
	ReasonUnlisted        Reason = "OrderExhausted"     // none of failoverOrder can: those not listed
	ReasonUnknownHealth   Reason = "HealthUnknownUsed"  // nobody is known to be healthy: those whose health is unknown
	ReasonLastResort      Reason = "LostClustersUsed"   // nobody else: lost clusters as last reported
	ReasonEmpty           Reason = "NothingCanServe"    // NODATA
	ReasonLastHealthy     Reason = "LastHealthyUsed"
	ReasonAllOffered      Reason = "AllOfferedUsed"
	ReasonFallback        Reason = "FallbackUsed"
	ReasonStrategyPending Reason = "StrategyPending" // geoip: answered as round robin until it is built
)
