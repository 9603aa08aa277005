// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Types of conditions. All are positive: True is the good state.
const (
	// ConditionAccepted of a Gslb or ZoneDelegation says that its spec is valid and may take
	// what it asks for.
	ConditionAccepted = "Accepted"
	// ConditionResolved of a Gslb says that the objects it names were found, and this
	// cluster's entries with them.
	ConditionResolved = "Resolved"
	// ConditionServing of a Gslb says that every host has an answer that holds at least one
	// address.
	ConditionServing = "Serving"
	// ConditionDelegated of a ZoneDelegation says that the parent zone, read back, holds
	// this cluster's name server and its addresses, or is one of this cluster's zones itself.
	ConditionDelegated = "Delegated"
	// ConditionDelegationWorks of a ZoneDelegation says that the delegation, asked from the
	// parent zone down as a resolver would, leads to name servers that answer for the zone.
	ConditionDelegationWorks = "DelegationWorks"
	// ConditionConnected of a ZoneDelegation says that this cluster is not cut off.
	ConditionConnected = "Connected"
	// ConditionUpToDate of a ZoneDelegation says that what is answered is what is known: no
	// guard keeps something older on purpose.
	ConditionUpToDate = "UpToDate"
	// ConditionPeersHeard of a ZoneDelegation says that every other cluster is heard.
	ConditionPeersHeard = "PeersHeard"
	// ConditionClientsVisible of a ZoneDelegation says that messages come from the addresses
	// of clients, so that limits by address can be kept. It is there once that is known.
	ConditionClientsVisible = "ClientsVisible"
	// ConditionRecordsServed of a ZoneDelegation says that every static record that a
	// cluster states for the zone is served. It is there while the zone has any.
	ConditionRecordsServed = "RecordsServed"
)

// Reasons of condition Accepted.
const (
	// ReasonAccepted (True): nothing is wrong.
	ReasonAccepted = "Accepted"
	// ReasonStrategyPending (True): the strategy is accepted and not built yet; geoip is
	// answered as roundRobin.
	ReasonStrategyPending = "StrategyPending"
	// ReasonAdjusted (True), of a Gslb of k8gb: a value is not followed as it is written; the
	// message says what is done in its place.
	ReasonAdjusted = "Adjusted"
	// ReasonUnknownGeoTag (True): the strategy names a geo tag that is no cluster of the
	// zone; the message lists those that are.
	ReasonUnknownGeoTag = "UnknownGeoTag"
	// ReasonNoWeight (True): a cluster of the zone has no weight, so it has 0.
	ReasonNoWeight = "NoWeight"
	// ReasonSpecDiverged (True): another cluster's Gslb for the host asks for a different
	// policy; each cluster answers by its own.
	ReasonSpecDiverged = "SpecDiverged"
	// ReasonClaimedElsewhere (True): an object of another namespace, in another cluster,
	// claims a host too and came later; what it offers is shown and not answered.
	ReasonClaimedElsewhere = "ClaimedElsewhere"
	// ReasonInvalidSpec (False): the spec breaks a rule; the message has the field's path.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonHostOutsideZones (False): a host is below none of the zones, which the message
	// lists.
	ReasonHostOutsideZones = "HostOutsideZones"
	// ReasonConflicted (False): another object claimed the host before: one in this cluster, or
	// one of another namespace in another cluster; the message names it, and since when it does.
	ReasonConflicted = "Conflicted"
	// ReasonNamespaceNotAllowed (False): the ZoneDelegation's allowedNamespaces does not
	// select this namespace.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonControlPlaneOnly (False): this API server has no nodes and only distributes
	// objects to member clusters; Meridian runs in those.
	ReasonControlPlaneOnly = "ControlPlaneOnly"
)

// Reasons of condition Resolved.
const (
	// ReasonResolved (True): everything was found.
	ReasonResolved = "Resolved"
	// ReasonIngressManagedElsewhere (True): an Ingress of the Gslb's name exists that
	// somebody else owns; it is read and never written.
	ReasonIngressManagedElsewhere = "IngressManagedElsewhere"
	// ReasonResourceNotFound (False): resourceRef names no object.
	ReasonResourceNotFound = "ResourceNotFound"
	// ReasonRefNotPermitted (False): a reference into another namespace, of resourceRef or of
	// a route, is allowed by no ReferenceGrant there.
	ReasonRefNotPermitted = "RefNotPermitted"
	// ReasonNotProgrammed (False): a Gateway, or its listener, does not accept the route or
	// has not opened its ports; its entries count as unhealthy.
	ReasonNotProgrammed = "NotProgrammed"
	// ReasonResourceKindUnsupported (False): this version cannot read the kind, or its
	// CustomResourceDefinition is not installed.
	ReasonResourceKindUnsupported = "ResourceKindUnsupported"
	// ReasonNoHosts (False): the object that was found names no host.
	ReasonNoHosts = "NoHosts"
	// ReasonEntryIgnored (True, or False where no other is left): an address in the status of
	// an object is none for clients: loopback, link-local, of a pod or a Service inside this
	// cluster, or the name of a cluster. It is left out; the message names it.
	ReasonEntryIgnored = "EntryIgnored"
	// ReasonInternalEntry (True): an address that was given by hand lies among the pods or
	// Services of this cluster. It counts, because somebody asked for it.
	ReasonInternalEntry = "InternalEntry"
	// ReasonAddressUnknown (False): the object that was found has no address yet; give
	// entryAddresses where it never will.
	ReasonAddressUnknown = "AddressUnknown"
	// ReasonServiceNotFound (False): a Service behind a host does not exist.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonIngressNotWritten (False): the embedded Ingress could not be written.
	ReasonIngressNotWritten = "IngressNotWritten"
)

// Reasons of condition Serving.
const (
	// ReasonServing (True): every host is answered, and this cluster can serve it.
	ReasonServing = "Serving"
	// ReasonServedElsewhere (True): every host is answered, one of them by other clusters
	// only.
	ReasonServedElsewhere = "ServedElsewhere"
	// ReasonSharedFate (True): every host is answered, and several of the clusters that serve
	// one need the same cluster for it: they fail together.
	ReasonSharedFate = "SharedFate"
	// ReasonNoLocalReadyEndpoints (True or False): no backend in this cluster is ready, or
	// none gets requests, since the weight of each is 0.
	ReasonNoLocalReadyEndpoints = "NoLocalReadyEndpoints"
	// ReasonDrained (True or False): this cluster was taken out by hand.
	ReasonDrained = "Drained"
	// ReasonForced (True): this cluster counts as healthy by hand.
	ReasonForced = "Forced"
	// ReasonLastResort (True): nothing is known to be healthy; clusters of unknown health,
	// or lost ones as last reported, are answered.
	ReasonLastResort = "LastResort"
	// ReasonAllUnhealthy (True or False): nothing can serve; whenAllUnhealthy decides.
	ReasonAllUnhealthy = "AllUnhealthy"
	// ReasonNoPeerKey (True or False): there is no peer key, so nothing is exchanged with
	// other clusters.
	ReasonNoPeerKey = "NoPeerKey"
	// ReasonIsolated (True): this cluster is probably cut off and keeps its last good
	// answers.
	ReasonIsolated = "Isolated"
	// ReasonBlind (True or False): this cluster cannot read its own objects and keeps what
	// it knew.
	ReasonBlind = "Blind"
	// ReasonRemovalsHeld (True or False): another cluster, or this one, does not offer a host
	// any more; many vanished together, so what was offered is kept for a while.
	ReasonRemovalsHeld = "RemovalsHeld"
	// ReasonProbesHeld (True or False): the probes of most hosts of this cluster failed
	// together and nobody confirms it, so hosts stay healthy for a while.
	ReasonProbesHeld = "ProbesHeld"
	// ReasonSavedWorldLost (True): the world of before the last start could not be used and
	// was set aside, so that this process began without it.
	ReasonSavedWorldLost = "SavedWorldLost"
	// ReasonReturning (True): this cluster is healthy again and waits for
	// returnDelaySeconds before it counts.
	ReasonReturning = "Returning"
	// ReasonFlapping (True): this cluster was unhealthy several times within a minute, and
	// waits before it counts again.
	ReasonFlapping = "Flapping"
	// ReasonNotAccepted (False): condition Accepted says why.
	ReasonNotAccepted = "NotAccepted"
	// ReasonNotResolved (False): condition Resolved says why.
	ReasonNotResolved = "NotResolved"
)

// Reasons of condition Accepted of a ZoneDelegation, beside ReasonAccepted and
// ReasonInvalidSpec.
const (
	// ReasonZoneConflicted (False): an older ZoneDelegation, or the configuration, has the
	// zone already.
	ReasonZoneConflicted = "ZoneConflicted"
	// ReasonGeoTagConflicted (False): another cluster uses the same geo tag.
	ReasonGeoTagConflicted = "GeoTagConflicted"
	// ReasonTooManyRecords (False): this cluster states more static records than it may; the
	// message says which are left out.
	ReasonTooManyRecords = "TooManyRecords"
)

// Reasons of condition RecordsServed.
const (
	// ReasonRecordsServed (True): all of them.
	ReasonRecordsServed = "RecordsServed"
	// ReasonRecordConflicted (False): some break a rule of the zone, or another cluster's
	// say otherwise; the message has which and why.
	ReasonRecordConflicted = "RecordConflicted"
)

// Reasons of condition Delegated.
const (
	// ReasonDelegated (True): the parent zone, read back, is as it should be.
	ReasonDelegated = "Delegated"
	// ReasonServedByOwnZone (True): the parent zone is one of this cluster's too, so its name
	// servers answer for the zone themselves and nothing is kept at an edge for it.
	ReasonServedByOwnZone = "ServedByOwnZone"
	// ReasonNoEdge (False): no way to the parent zone is configured.
	ReasonNoEdge = "NoEdge"
	// ReasonEdgeUnreachable (False): no server of the parent zone answers.
	ReasonEdgeUnreachable = "EdgeUnreachable"
	// ReasonUpdateRefused (False): a server of the parent zone refused the update; the
	// message has the RCODE.
	ReasonUpdateRefused = "UpdateRefused"
	// ReasonUpdateIgnored (False): a server said that it took the update, and serves
	// something else.
	ReasonUpdateIgnored = "UpdateIgnored"
	// ReasonNameServerAddressUnknown (False): this cluster's DNS service has no address yet.
	ReasonNameServerAddressUnknown = "NameServerAddressUnknown"
	// ReasonDNSEndpointUnavailable (False): the DNSEndpoint for ExternalDNS cannot be read
	// or written; its CustomResourceDefinition is not installed, say.
	ReasonDNSEndpointUnavailable = "DNSEndpointUnavailable"
	// ReasonDNSEndpointPending (False): ExternalDNS has not carried the DNSEndpoint into the
	// parent zone yet.
	ReasonDNSEndpointPending = "DNSEndpointPending"
	// ReasonEdgeDrifted (False): ExternalDNS has read the DNSEndpoint, and the parent zone
	// serves something else.
	ReasonEdgeDrifted = "EdgeDrifted"
)

// Reasons of condition DelegationWorks. The message names the cluster, the address, what
// was asked and what came; the reason is that of the worst of it.
const (
	// ReasonAnswering (True): every name server answers as it should.
	ReasonAnswering = "Answering"
	// ReasonNotDelegated (False): the parent zone delegates the zone to nobody.
	ReasonNotDelegated = "NotDelegated"
	// ReasonNameServerSilent (False): an address answers neither over UDP nor over TCP.
	ReasonNameServerSilent = "NameServerSilent"
	// ReasonLameDelegation (False): a name server answers, and not with authority for the
	// zone.
	ReasonLameDelegation = "LameDelegation"
	// ReasonGlueMissing (False): a name server has no address in the parent zone.
	ReasonGlueMissing = "GlueMissing"
	// ReasonSilentOverUDP (False): an address answers over TCP alone.
	ReasonSilentOverUDP = "SilentOverUDP"
	// ReasonSilentOverTCP (False): an address answers over UDP alone.
	ReasonSilentOverTCP = "SilentOverTCP"
	// ReasonNameServersDiffer (False): the NS records of the parent zone are not the zone's
	// own.
	ReasonNameServersDiffer = "NameServersDiffer"
	// ReasonGlueDiffers (False): the parent zone has other addresses than a cluster states.
	ReasonGlueDiffers = "GlueDiffers"
	// ReasonEdgeServersDiffer (False): servers of the parent zone do not say the same.
	ReasonEdgeServersDiffer = "EdgeServersDiffer"
	// ReasonSerialBehind (False): a secondary has not followed for an hour.
	ReasonSerialBehind = "SerialBehind"
	// ReasonEdgeServersUnknown (Unknown): nobody said where the parent zone is served; the
	// message says how to.
	ReasonEdgeServersUnknown = "EdgeServersUnknown"
	// ReasonNoRoute (Unknown): no name server of the zone can be asked from this Pod.
	ReasonNoRoute = "NoRoute"
)

// Reasons of condition Connected, beside ReasonIsolated (False).
const (
	// ReasonConnected (True): a peer, the parent zone or an anchor is heard.
	ReasonConnected = "Connected"
	// ReasonPeersUnknown (False): the parent zone could not be read since the start and no
	// cluster called, so nobody could say which others there are; names that this cluster does
	// not know get SERVFAIL.
	ReasonPeersUnknown = "PeersUnknown"
)

// Reasons of condition UpToDate, beside ReasonBlind, ReasonRemovalsHeld and
// ReasonProbesHeld (False).
const (
	// ReasonUpToDate (True): no guard holds anything.
	ReasonUpToDate = "UpToDate"
)

// Reasons of condition PeersHeard.
const (
	// ReasonPeersHeard (True): every other cluster is heard.
	ReasonPeersHeard = "PeersHeard"
	// ReasonNoPeers (True): no other cluster is known.
	ReasonNoPeers = "NoPeers"
	// ReasonPeerLost (False): one is silent and nobody vouches for it; the message says
	// which, and since when.
	ReasonPeerLost = "PeerLost"
	// ReasonPeerVouched (False): one is silent and a witness holds; the message says which.
	ReasonPeerVouched = "PeerVouched"
	// ReasonPeerUnread (False): one is heard, since it calls, and its report is not read;
	// what it said last counts. The message says which, and since when.
	ReasonPeerUnread = "PeerUnread"
)

// Reasons of condition ClientsVisible.
const (
	// ReasonClientsVisible (True): limits by the address of a client are in force.
	ReasonClientsVisible = "ClientsVisible"
	// ReasonClientsHidden (False): a load balancer or node hides clients, so they are off.
	ReasonClientsHidden = "ClientsHidden"
)
