// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Gslb asks that the hosts of one application be balanced over all clusters that
// have a Gslb for them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=gslbs,singular=gslb,scope=Namespaced
// +kubebuilder:printcolumn:name="Strategy",type=string,JSONPath=`.spec.strategy.type`,description="how clients are spread over the clusters"
// +kubebuilder:printcolumn:name="GeoTag",type=string,JSONPath=`.status.geoTag`,description="the cluster that this object is in"
// +kubebuilder:printcolumn:name="Healthy",type=string,JSONPath=`.status.healthyClusters`,description="clusters that can serve every host"
// +kubebuilder:printcolumn:name="Serving",type=string,JSONPath=`.status.conditions[?(@.type=="Serving")].status`,description="whether every host has an answer"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Serving")].reason`,description="why"
// +kubebuilder:printcolumn:name="Hosts",type=string,JSONPath=`.status.hosts`,priority=1,description="the balanced hosts"
// +kubebuilder:printcolumn:name="Answer",type=string,JSONPath=`.status.answers[0].addresses`,priority=1,description="addresses answered for the first host"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Gslb struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is asked for. Meridian never writes it.
	// +required
	Spec GslbSpec `json:"spec"`
	// status is what this cluster knows and answers. Meridian alone writes it.
	// +optional
	Status GslbStatus `json:"status,omitzero"`
}

// GslbList is a list of Gslbs.
//
// +kubebuilder:object:root=true
type GslbList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Gslb `json:"items"`
}

// GslbSpec is what one Gslb asks for.
//
// +kubebuilder:validation:XValidation:rule="has(self.ingress) || has(self.resourceRef)",message="say which hosts to balance: set ingress (an embedded Ingress) or resourceRef (an object that is there already)"
// +kubebuilder:validation:XValidation:rule="!(has(self.ingress) && has(self.resourceRef))",message="set ingress or resourceRef, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.serviceHealthScope) || self.serviceHealthScope != 'probe' || has(self.healthCheck)",fieldPath=".serviceHealthScope",message="serviceHealthScope probe takes the probe's word alone, so healthCheck must be set"
// +kubebuilder:validation:XValidation:rule="!has(self.ingress) || !has(self.healthCheck) || self.healthCheck.kind == 'TCP' || has(self.healthCheck.host) || self.ingress.rules.all(r, !r.host.startsWith('*.'))",fieldPath=".healthCheck",message="a wildcard host cannot be asked for: set healthCheck.host to a name below it"
type GslbSpec struct {
	// ingress is an Ingress that Meridian creates and owns, under the name of the
	// Gslb; its hosts are balanced. Exactly one of ingress and resourceRef is set.
	// +optional
	Ingress *IngressSpec `json:"ingress,omitempty"`

	// resourceRef names an object that is there already, or several by their labels; their
	// hosts are balanced, the objects are never written.
	// +optional
	ResourceRef *ResourceRef `json:"resourceRef,omitempty"`

	// strategy says which clusters a client is sent to.
	// +required
	Strategy Strategy `json:"strategy"`

	// serviceHealthPolicy says, where several Services stand behind one host, whether
	// one of them with a ready endpoint is enough (Any) or each needs one (All).
	// +kubebuilder:default=Any
	// +optional
	ServiceHealthPolicy ServiceHealthPolicy `json:"serviceHealthPolicy,omitempty"`

	// serviceHealthScope says which backends count for this cluster's health: local
	// (only those really in this cluster), clusterset (those that run in another
	// healthy cluster and are reached through this one too), gateway (readiness of the
	// entry's own data plane and the probe), probe (the probe alone).
	// +kubebuilder:default=local
	// +optional
	ServiceHealthScope ServiceHealthScope `json:"serviceHealthScope,omitempty"`

	// entryAddresses replaces the addresses found in the status of the Ingress, Gateway
	// or Service: IPv4 and IPv6 addresses where clients reach this cluster.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	// +optional
	EntryAddresses []Address `json:"entryAddresses,omitempty"`

	// healthCheck asks each of this cluster's own entries as a client would. Without
	// it the readiness of the Services decides alone.
	// +optional
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`

	// readinessGates name conditions of other objects in this cluster. Each has to be True
	// for the hosts to be healthy here; an object or condition that is not there is not
	// True, one that cannot be read leaves health unknown. They do not count with
	// serviceHealthScope probe. Meridian needs the right to get, list and watch the objects.
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	// +optional
	ReadinessGates []ReadinessGate `json:"readinessGates,omitempty"`

	// override sets this cluster's health by hand, and wins over everything else: drain
	// takes the cluster's entries out of the answers while anything else can serve,
	// force counts them as healthy. The annotation gslb.meridian.dev/override wins over
	// this field.
	// +optional
	Override Override `json:"override,omitempty"`
}

// ServiceHealthPolicy combines several Services behind one host.
//
// +kubebuilder:validation:Enum=Any;All
type ServiceHealthPolicy string

// Policies for several Services behind one host.
const (
	// ServiceHealthAny needs one Service with a ready endpoint.
	ServiceHealthAny ServiceHealthPolicy = "Any"
	// ServiceHealthAll needs a ready endpoint in every Service.
	ServiceHealthAll ServiceHealthPolicy = "All"
)

// ServiceHealthScope says which backends count for this cluster's health.
//
// +kubebuilder:validation:Enum=local;clusterset;gateway;probe
type ServiceHealthScope string

// Scopes of health.
const (
	// ScopeLocal counts backends that really run in this cluster.
	ScopeLocal ServiceHealthScope = "local"
	// ScopeClusterset counts any ready backend, here or in another healthy cluster. It is
	// what a Gslb made from an annotation gets.
	ScopeClusterset ServiceHealthScope = "clusterset"
	// ScopeGateway counts the entry's own data plane and the probe, no backends.
	ScopeGateway ServiceHealthScope = "gateway"
	// ScopeProbe takes the probe's word alone.
	ScopeProbe ServiceHealthScope = "probe"
)

// Override is a health set by hand.
//
// +kubebuilder:validation:Enum=drain;force
type Override string

// Healths set by hand. The empty Override leaves the decision to readiness and probes.
const (
	// OverrideDrain takes this cluster's entries out of the answers.
	OverrideDrain Override = "drain"
	// OverrideForce counts this cluster's entries as healthy, whatever is seen.
	OverrideForce Override = "force"
)

// Address is an IPv4 or IPv6 address in its usual text form, one that a client can
// connect to.
//
// +kubebuilder:validation:MaxLength=45
// +kubebuilder:validation:XValidation:rule="isIP(self)",message="not an IP address: give an IPv4 address such as 192.0.2.10 or an IPv6 address such as 2001:db8::10, without port, prefix length or zone"
// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLoopback()",message="no client can connect to this address: unspecified, broadcast, multicast and link-local addresses are not allowed"
type Address string

// GeoTag names a cluster: 1 to 40 lower-case letters, digits and dashes, a letter or
// digit at both ends.
//
// +kubebuilder:validation:MaxLength=40
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="not a geo tag: use lower-case letters, digits and dashes, beginning and ending with a letter or digit, such as eu or us-east-1"
type GeoTag string
