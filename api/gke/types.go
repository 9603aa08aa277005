// SPDX-License-Identifier: Apache-2.0

// Package gke holds the kind MultiClusterIngress of Google Kubernetes Engine
// (networking.gke.io), as far as hosts, backends and the address are read from it. It stands in
// the config cluster of a fleet alone. The CustomResourceDefinition is Google's: nothing here
// installs it, and it may be missing.
//
// +kubebuilder:object:generate=true
package gke

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Group is the API group.
const Group = "networking.gke.io"

// KindMultiClusterIngress is the kind.
const KindMultiClusterIngress = "MultiClusterIngress"

// MultiClusterIngress asks for a load balancer in front of several clusters.
//
// +kubebuilder:object:root=true
type MultiClusterIngress struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   Spec   `json:"spec,omitempty"`
	Status Status `json:"status,omitempty"`
}

// Spec is what the author wrote.
type Spec struct {
	Template Template `json:"template,omitempty"`
}

// Template holds an Ingress in the form of its first versions.
type Template struct {
	Spec IngressSpec `json:"spec,omitempty"`
}

// IngressSpec says which requests get to which MultiClusterServices.
type IngressSpec struct {
	Backend *Backend `json:"backend,omitempty"` // of requests that no rule takes
	Rules   []Rule   `json:"rules,omitempty"`
	TLS     []TLS    `json:"tls,omitempty"`
}

// Rule has the paths of a host; "" means every host.
type Rule struct {
	Host string `json:"host,omitempty"`
	HTTP *HTTP  `json:"http,omitempty"`
}

// HTTP has the paths of a rule.
type HTTP struct {
	Paths []Path `json:"paths,omitempty"`
}

// Path leads to a backend.
type Path struct {
	Path    string  `json:"path,omitempty"`
	Backend Backend `json:"backend,omitempty"`
}

// Backend is a MultiClusterService in the same namespace.
type Backend struct {
	ServiceName string             `json:"serviceName,omitempty"`
	ServicePort intstr.IntOrString `json:"servicePort,omitempty"`
}

// TLS says for which hosts clients use TLS; none: for all of them.
type TLS struct {
	Hosts      []string `json:"hosts,omitempty"`
	SecretName string   `json:"secretName,omitempty"`
}

// Status is what Google's controller made of it.
type Status struct {
	VIP string `json:"VIP,omitempty"` // the address; "" until there is one
}

// MultiClusterIngressList is a list of MultiClusterIngresses.
//
// +kubebuilder:object:root=true
type MultiClusterIngressList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []MultiClusterIngress `json:"items"`
}
