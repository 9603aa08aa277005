// SPDX-License-Identifier: Apache-2.0

package v1beta1

import "time"

// Strategy says which clusters a client is sent to, among those that can serve.
//
// +kubebuilder:validation:XValidation:rule="!has(self.weight) || self.type == 'roundRobin' || self.type == 'weightedRoundRobin'",fieldPath=".weight",message="weight goes with type roundRobin or weightedRoundRobin only"
// +kubebuilder:validation:XValidation:rule="self.type != 'weightedRoundRobin' || has(self.weight)",message="weightedRoundRobin needs weight: a number from 0 to 1000 for each geo tag, such as {eu: 3, us: 1}"
// +kubebuilder:validation:XValidation:rule="!has(self.primaryGeoTag) || self.type == 'failover'",fieldPath=".primaryGeoTag",message="primaryGeoTag goes with type failover only"
// +kubebuilder:validation:XValidation:rule="!has(self.failoverOrder) || self.type == 'failover'",fieldPath=".failoverOrder",message="failoverOrder goes with type failover only"
// +kubebuilder:validation:XValidation:rule="self.type != 'failover' || has(self.primaryGeoTag) || has(self.failoverOrder)",message="failover needs primaryGeoTag (one geo tag) or failoverOrder (geo tags, the first choice first)"
// +kubebuilder:validation:XValidation:rule="!has(self.primaryGeoTag) || !has(self.failoverOrder) || size(self.failoverOrder) == 0 || self.failoverOrder[0] == self.primaryGeoTag",fieldPath=".primaryGeoTag",message="primaryGeoTag and failoverOrder disagree: make primaryGeoTag the first of failoverOrder, or leave one of them out"
// +kubebuilder:validation:XValidation:rule="!has(self.fallbackAddresses) || (has(self.whenAllUnhealthy) && self.whenAllUnhealthy == 'fallback')",fieldPath=".fallbackAddresses",message="fallbackAddresses goes with whenAllUnhealthy: fallback only"
// +kubebuilder:validation:XValidation:rule="!has(self.whenAllUnhealthy) || self.whenAllUnhealthy != 'fallback' || has(self.fallbackAddresses)",fieldPath=".whenAllUnhealthy",message="whenAllUnhealthy: fallback needs fallbackAddresses, the addresses to answer then"
type Strategy struct {
	// type is roundRobin (all addresses of all clusters that can serve, starting at a
	// different one each time), weightedRoundRobin (one cluster, drawn by weight),
	// failover (one cluster, by order) or geoip (the cluster nearest to the client).
	// +required
	Type StrategyType `json:"type"`

	// primaryGeoTag is the cluster that failover prefers. While it cannot serve, all
	// others together answer.
	// +optional
	PrimaryGeoTag GeoTag `json:"primaryGeoTag,omitempty"`

	// failoverOrder lists clusters, the first choice first. Clusters that are not listed
	// come last, together.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(tag, self.exists_one(other, other == tag))",message="each geo tag may stand in failoverOrder once"
	// +listType=atomic
	// +optional
	FailoverOrder []GeoTag `json:"failoverOrder,omitempty"`

	// weight gives each cluster, by geo tag, its share of the clients: weight divided by
	// the sum of the weights of the clusters that can serve. A cluster with weight 0, or
	// without one, is answered only when nothing else is left.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(tag, size(tag) <= 40 && tag.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",message="each key is a geo tag: at most 40 lower-case letters, digits and dashes, beginning and ending with a letter or digit, such as eu or us-east-1"
	// +mapType=granular
	// +optional
	Weight map[string]Weight `json:"weight,omitempty"`

	// dnsTtlSeconds is the TTL of the hosts' addresses.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	DNSTTLSeconds *int32 `json:"dnsTtlSeconds,omitempty"`

	// splitBrainThresholdSeconds is how long the offers of another cluster are kept for
	// these hosts on evidence that it lives but that cannot be verified, such as an
	// answer with a wrong signature.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=86400
	// +optional
	SplitBrainThresholdSeconds *int32 `json:"splitBrainThresholdSeconds,omitempty"`

	// returnDelaySeconds is how long a cluster that was lost or unhealthy for a host is
	// heard and healthy again before it counts, so that clients are not sent back to one
	// that comes and goes. It waits only while another cluster serves the host. 0, the
	// default, takes it back at once. What was taken out by hand never waits.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	ReturnDelaySeconds *int32 `json:"returnDelaySeconds,omitempty"`

	// hostnameAnswers says how an entry is answered that is known by host name, such as the
	// load balancer of a cloud provider: by the addresses that the name has (Addresses, the
	// default), or by the name itself (CNAME), for load balancers whose addresses are not to
	// be used without it. A CNAME stands alone: where clusters are answered together, one of
	// them is drawn. At the apex of a zone, beside static records of the same name, and
	// while nothing can serve, addresses are answered.
	// +optional
	HostnameAnswers HostnameAnswers `json:"hostnameAnswers,omitempty"`

	// maxAnswers is the largest number of addresses in one answer. Without it there is no
	// limit.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	MaxAnswers *int32 `json:"maxAnswers,omitempty"`

	// whenAllUnhealthy says what to answer when no cluster can serve: empty (no address:
	// NODATA), lastHealthy (what was answered while something was healthy), all (every
	// known address) or fallback (fallbackAddresses).
	// +kubebuilder:default=empty
	// +optional
	WhenAllUnhealthy WhenAllUnhealthy `json:"whenAllUnhealthy,omitempty"`

	// fallbackAddresses are answered when no cluster can serve and whenAllUnhealthy is
	// fallback.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	// +optional
	FallbackAddresses []Address `json:"fallbackAddresses,omitempty"`
}

// StrategyType names a strategy.
//
// +kubebuilder:validation:Enum=roundRobin;weightedRoundRobin;failover;geoip
type StrategyType string

// Strategies.
const (
	// RoundRobin answers all addresses of all clusters that can serve. With weights it is
	// WeightedRoundRobin.
	RoundRobin StrategyType = "roundRobin"
	// WeightedRoundRobin answers the addresses of one cluster, drawn by weight.
	WeightedRoundRobin StrategyType = "weightedRoundRobin"
	// Failover answers the addresses of the first cluster that can serve.
	Failover StrategyType = "failover"
	// GeoIP answers the addresses of the cluster nearest to the client. It is accepted, and
	// answered as RoundRobin with ReasonStrategyPending.
	GeoIP StrategyType = "geoip"
)

// Weight is a cluster's share of the clients, 0 to 1000.
//
// +kubebuilder:validation:Minimum=0
// +kubebuilder:validation:Maximum=1000
type Weight int32

// HostnameAnswers says how entries that are known by host name are answered.
//
// +kubebuilder:validation:Enum=Addresses;CNAME
type HostnameAnswers string

// The ways. The zero value means Addresses.
const (
	HostnamesAsAddresses HostnameAnswers = "Addresses"
	HostnamesAsCNAME     HostnameAnswers = "CNAME"
)

// WhenAllUnhealthy says what to answer when no cluster can serve.
//
// +kubebuilder:validation:Enum=empty;lastHealthy;all;fallback
type WhenAllUnhealthy string

// What to answer when no cluster can serve.
const (
	// AnswerEmpty answers NODATA: the name exists, without address.
	AnswerEmpty WhenAllUnhealthy = "empty"
	// AnswerLastHealthy answers what was answered while something was healthy.
	AnswerLastHealthy WhenAllUnhealthy = "lastHealthy"
	// AnswerAll answers every known address.
	AnswerAll WhenAllUnhealthy = "all"
	// AnswerFallback answers Strategy.FallbackAddresses.
	AnswerFallback WhenAllUnhealthy = "fallback"
)

// Defaults of a Strategy. The API server fills them in; the methods below use them
// for objects that no server has seen.
const (
	// DefaultDNSTTLSeconds is the TTL of a host whose Gslb gives none.
	DefaultDNSTTLSeconds = 30
	// DefaultSplitBrainThresholdSeconds is the default of both
	// splitBrainThresholdSeconds fields.
	DefaultSplitBrainThresholdSeconds = 300
)

// DNSTTL is the TTL of the hosts' addresses, DefaultDNSTTLSeconds if none is given.
func (s *Strategy) DNSTTL() time.Duration {
	return seconds(s.DNSTTLSeconds, DefaultDNSTTLSeconds)
}

// SplitBrainThreshold is SplitBrainThresholdSeconds as a duration, the default if
// none is given.
func (s *Strategy) SplitBrainThreshold() time.Duration {
	return seconds(s.SplitBrainThresholdSeconds, DefaultSplitBrainThresholdSeconds)
}

// ReturnDelay is ReturnDelaySeconds as a duration, 0 if none is given.
func (s *Strategy) ReturnDelay() time.Duration {
	return seconds(s.ReturnDelaySeconds, 0)
}

func seconds(value *int32, otherwise int32) time.Duration {
	return time.Duration(valueOr(value, otherwise)) * time.Second
}

func valueOr(value *int32, otherwise int32) int32 {
	if value == nil {
		return otherwise
	}
	return *value
}
