// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Gslb asks that the hosts of one application be balanced over all clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=gslbs,singular=gslb,scope=Namespaced
// +kubebuilder:printcolumn:name="strategy",type=string,JSONPath=`.spec.strategy.type`
// +kubebuilder:printcolumn:name="geoTag",type=string,JSONPath=`.status.geoTag`
// +kubebuilder:printcolumn:name="hosts",type=string,JSONPath=`.status.hosts`,priority=1
type Gslb struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Spec GslbSpec `json:"spec,omitzero"`
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

// GslbSpec is what one Gslb asks for, in both groups.
type GslbSpec struct {
	// ingress is an Ingress of the Gslb's name that is created and owned.
	// +optional
	Ingress *IngressSpec `json:"ingress,omitempty"`
	// resourceRef points to an object that is there already.
	// +optional
	ResourceRef *ResourceRef `json:"resourceRef,omitempty"`
	// strategy says which clusters a client is sent to.
	Strategy Strategy `json:"strategy"`
	// serviceHealthPolicy says, where several Services stand behind one host, whether one
	// of them with a ready endpoint is enough (Any) or each needs one (All).
	// +kubebuilder:validation:Enum=Any;All
	// +kubebuilder:default=Any
	// +optional
	ServiceHealthPolicy string `json:"serviceHealthPolicy,omitempty"`
}

// IngressSpec is the embedded Ingress.
type IngressSpec struct {
	// ingressClassName is the class of the Ingress.
	// +optional
	IngressClassName *string `json:"ingressClassName,omitempty"`
	// backend takes requests that no rule matches.
	// +optional
	Backend *networkingv1.IngressBackend `json:"backend,omitempty"`
	// tls are the certificates of the hosts.
	// +optional
	TLS []networkingv1.IngressTLS `json:"tls,omitempty"`
	// rules say which Services stand behind which host.
	// +optional
	Rules []IngressRule `json:"rules,omitempty"`
}

// IngressRule is one host and what stands behind it.
type IngressRule struct {
	// host is balanced.
	// +optional
	Host string `json:"host,omitempty"`
	// http are the paths of the host.
	HTTP *networkingv1.HTTPIngressRuleValue `json:"http"`
}

// ResourceRef points to one object, by name or by labels in the namespace of the Gslb.
type ResourceRef struct {
	corev1.ObjectReference `json:",inline"`
	metav1.LabelSelector   `json:",inline"`
}

// Strategy says which clusters a client is sent to.
type Strategy struct {
	// type is roundRobin, failover or geoip.
	// +kubebuilder:validation:Enum=roundRobin;failover;geoip
	Type string `json:"type"`
	// weight gives each cluster, by geo tag, its share under roundRobin.
	// +optional
	Weight map[string]int `json:"weight,omitempty"`
	// primaryGeoTag is the cluster that failover prefers.
	// +optional
	PrimaryGeoTag string `json:"primaryGeoTag,omitempty"`
	// dnsTtlSeconds is the TTL of the hosts' addresses.
	// +kubebuilder:default=30
	// +optional
	DNSTTLSeconds *int `json:"dnsTtlSeconds,omitempty"`
	// splitBrainThresholdSeconds is how long a cluster that is not heard is kept.
	// +kubebuilder:default=300
	// +optional
	SplitBrainThresholdSeconds *int `json:"splitBrainThresholdSeconds,omitempty"`
}

// GslbStatus is what the definitions of k8gb keep of a status; an API server drops the
// rest. Its fields are required there, so each is written, empty or not.
type GslbStatus struct {
	// serviceHealth is this cluster's health for each host: Healthy, Unhealthy or NotFound.
	ServiceHealth map[string]string `json:"serviceHealth"`
	// healthyRecords are the addresses that each host is answered with.
	HealthyRecords map[string][]string `json:"healthyRecords"`
	// geoTag names this cluster.
	GeoTag string `json:"geoTag"`
	// hosts are the balanced hosts, joined by ", ".
	// +optional
	Hosts string `json:"hosts,omitempty"`
	// loadBalancer holds this cluster's own addresses.
	LoadBalancer LoadBalancer `json:"loadBalancer"`
	// servers are the Services behind each host.
	Servers []Server `json:"servers"`
}

// LoadBalancer holds this cluster's own addresses.
type LoadBalancer struct {
	// exposedIps are the addresses where clients reach this cluster.
	// +optional
	ExposedIPs []string `json:"exposedIps,omitempty"`
}

// Server is one host and the Services behind it.
type Server struct {
	// +optional
	Host string `json:"host,omitempty"`
	// +optional
	Services []NamespacedName `json:"services,omitempty"`
}

// NamespacedName names a Service.
type NamespacedName struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}
