// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ZoneDelegation asks that the clusters answer for a zone, and that the zone's
// parent delegate it to them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=zonedelegations,singular=zonedelegation,scope=Cluster,shortName=zd
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.loadBalancedZone`,description="the zone that the clusters answer for"
// +kubebuilder:printcolumn:name="Parent",type=string,JSONPath=`.spec.parentZone`,description="the zone that delegates it"
// +kubebuilder:printcolumn:name="Delegated",type=string,JSONPath=`.status.conditions[?(@.type=="Delegated")].status`,description="whether the parent delegates to this cluster"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Delegated")].reason`,description="why"
// +kubebuilder:printcolumn:name="Servers",type=string,JSONPath=`.status.dnsServers[*].name`,priority=1,description="the name server of this cluster"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ZoneDelegation struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is asked for. Meridian never writes it.
	// +required
	Spec ZoneDelegationSpec `json:"spec"`
	// status is what the parent zone really serves. Meridian alone writes it.
	// +optional
	Status ZoneDelegationStatus `json:"status,omitzero"`
}

// ZoneDelegationList is a list of ZoneDelegations.
//
// +kubebuilder:object:root=true
type ZoneDelegationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ZoneDelegation `json:"items"`
}

// ZoneDelegationSpec is the zone and its parent.
//
// +kubebuilder:validation:XValidation:rule="self.loadBalancedZone.endsWith('.' + self.parentZone)",fieldPath=".loadBalancedZone",message="loadBalancedZone must be a proper subdomain of parentZone, as cloud.example.com is of example.com"
type ZoneDelegationSpec struct {
	// loadBalancedZone is the zone that the clusters answer for.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="loadBalancedZone cannot be changed: the old delegation would stay behind; make a new ZoneDelegation and delete this one"
	// +required
	LoadBalancedZone Zone `json:"loadBalancedZone"`

	// parentZone is the edge zone, which delegates loadBalancedZone.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="parentZone cannot be changed: the old delegation would stay behind; make a new ZoneDelegation and delete this one"
	// +required
	ParentZone Zone `json:"parentZone"`

	// dnsZoneNegTTL is how many seconds a resolver may remember that a name does not
	// exist. The TTL of the zone's SOA equals it.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	DNSZoneNegTTL *int32 `json:"dnsZoneNegTTL,omitempty"`

	// doFinalize says whether this cluster's name server, its addresses and its heartbeat
	// are removed from the parent zone when the object is deleted.
	// +kubebuilder:default=false
	// +optional
	DoFinalize bool `json:"doFinalize,omitempty"`

	// splitBrainThresholdSeconds is how long an isolated cluster keeps its last good
	// answers, and how long another cluster must be lost before its name server is
	// removed from the parent zone.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=5
	// +kubebuilder:validation:Maximum=86400
	// +optional
	SplitBrainThresholdSeconds *int32 `json:"splitBrainThresholdSeconds,omitempty"`

	// records are static records of the zone, beside its balanced hosts. Addresses (A,
	// AAAA), CNAME and NS may not stand at a balanced host, other types may. What cannot be
	// served is left out, and condition RecordsServed says so.
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:XValidation:rule="self.all(r, r.type != 'CNAME' || self.exists_one(other, other.name == r.name))",message="a CNAME stands alone at its name: move the other records or leave the CNAME out"
	// +listType=map
	// +listMapKey=name
	// +listMapKey=type
	// +optional
	Records []Record `json:"records,omitempty"`

	// allowedNamespaces selects, by their labels, the namespaces whose Gslbs may take hosts
	// in this zone. Without it every namespace may.
	// +optional
	AllowedNamespaces *LabelSelector `json:"allowedNamespaces,omitempty"`
}

// Zone is a zone's name: a lower-case DNS name without the dot at its end.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$')",message="not a zone name: use lower-case labels of letters, digits and dashes, joined by dots, without a dot at the end, such as cloud.example.com"
type Zone string

// Record is a static record set of a zone.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'A' || self.rdata.all(r, isIP(r) && ip(r).family() == 4)",fieldPath=".rdata",message="the rdata of A records are IPv4 addresses"
// +kubebuilder:validation:XValidation:rule="self.type != 'AAAA' || self.rdata.all(r, isIP(r) && ip(r).family() == 6)",fieldPath=".rdata",message="the rdata of AAAA records are IPv6 addresses"
// +kubebuilder:validation:XValidation:rule="self.type != 'CNAME' || size(self.rdata) == 1",fieldPath=".rdata",message="a CNAME has exactly one target"
// +kubebuilder:validation:XValidation:rule="!(self.name == '@' && self.type in ['CNAME', 'NS', 'DS'])",fieldPath=".type",message="at the zone's own name (@) CNAME is not possible, NS is Meridian's, and DS stands in the parent zone"
type Record struct {
	// name of the record, relative to the zone; "@" is the zone itself.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '@' || self.matches('^([*][.])?[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?([.][a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*$') || self == '*'",message="not a name: use lower-case labels of letters, digits, dashes and underscores, joined by dots and relative to the zone, or @ for the zone itself"
	// +kubebuilder:validation:XValidation:rule="!self.split('.').exists(label, label == '_report')",message="a record may not have the label _report: clusters exchange their reports below such names"
	// +required
	Name string `json:"name"`
	// type of the record: a mnemonic, or TYPE and the number of any other type (RFC 3597),
	// whose rdata are written as \# LENGTH HEX.
	// +required
	Type RecordType `json:"type"`
	// ttl in seconds.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	// +optional
	TTL *int32 `json:"ttl,omitempty"`
	// rdata are the values, one for each record of the set, as in a zone file; names in them
	// are absolute, with or without a dot at the end. A TXT value without quotes is one string.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +required
	RData []RData `json:"rdata"`
}

// RecordType is a type of records that a zone can hold.
//
// +kubebuilder:validation:MaxLength=9
// +kubebuilder:validation:XValidation:rule="self in ['A', 'AAAA', 'CAA', 'CNAME', 'DS', 'HTTPS', 'LOC', 'MX', 'NAPTR', 'NS', 'PTR', 'SRV', 'SSHFP', 'SVCB', 'TLSA', 'TXT', 'URI'] || self.matches('^TYPE[1-9][0-9]{0,4}$')",message="not a type that can be served: use A, AAAA, CAA, CNAME, DS, HTTPS, LOC, MX, NAPTR, NS, PTR, SRV, SSHFP, SVCB, TLSA, TXT or URI, or TYPE and the number of another one, such as TYPE65280"
type RecordType string

// RData is the value of one record, as in a zone file.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=2048
type RData string

// ZoneDelegationStatus is what the parent zone serves.
type ZoneDelegationStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// dnsServers are this cluster's name servers for the zone, with their addresses.
	// +listType=atomic
	// +optional
	DNSServers []DNSServer `json:"dnsServers,omitempty"`

	// conditions are Accepted, Delegated and DelegationWorks; Connected, PeersHeard, UpToDate
	// and ClientsVisible, which tell of this cluster; and RecordsServed where the zone has
	// static records.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// DNSServer is one name server and one of its addresses.
type DNSServer struct {
	// name of the server.
	// +required
	Name string `json:"name"`
	// address of the server.
	// +required
	Address string `json:"address"`
}

// Defaults of a ZoneDelegation.
const (
	// DefaultDNSZoneNegTTL is the default of dnsZoneNegTTL, in seconds.
	DefaultDNSZoneNegTTL = 30
	// DefaultRecordTTLSeconds is the default of a static record's ttl.
	DefaultRecordTTLSeconds = 300
)

// NegativeTTL is how long a resolver may remember that a name does not exist.
func (s *ZoneDelegationSpec) NegativeTTL() time.Duration {
	return seconds(s.DNSZoneNegTTL, DefaultDNSZoneNegTTL)
}

// SplitBrainThreshold is SplitBrainThresholdSeconds as a duration.
func (s *ZoneDelegationSpec) SplitBrainThreshold() time.Duration {
	return seconds(s.SplitBrainThresholdSeconds, DefaultSplitBrainThresholdSeconds)
}

// TTLOrDefault is the TTL of the record set.
func (r *Record) TTLOrDefault() time.Duration {
	return seconds(r.TTL, DefaultRecordTTLSeconds)
}
