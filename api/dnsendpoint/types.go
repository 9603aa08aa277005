// SPDX-License-Identifier: Apache-2.0

// Package dnsendpoint holds the kind DNSEndpoint of ExternalDNS
// (externaldns.k8s.io/v1alpha1), as far as records are read from it. The module of
// ExternalDNS has it too, and brings those of every cloud provider with it. The
// CustomResourceDefinition is ExternalDNS's: nothing here installs it, and it may be
// missing.
package dnsendpoint

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is the kind of the objects.
const Kind = "DNSEndpoint"

// GroupVersion is the group and version that is read.
var GroupVersion = schema.GroupVersion{Group: "externaldns.k8s.io", Version: "v1alpha1"}

// DNSEndpoint is a list of record sets.
type DNSEndpoint struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   Spec   `json:"spec,omitempty"`
	Status Status `json:"status,omitempty"`
}

// Spec is what the author wrote.
type Spec struct {
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Endpoint is one record set.
type Endpoint struct {
	DNSName    string   `json:"dnsName,omitempty"`
	Targets    []string `json:"targets,omitempty"`
	RecordType string   `json:"recordType,omitempty"`
	RecordTTL  int64    `json:"recordTTL,omitempty"` // seconds; 0: a default

	SetIdentifier    string             `json:"setIdentifier,omitempty"` // of several sets of one name, for providers with policies
	Labels           map[string]string  `json:"labels,omitempty"`        // of ExternalDNS
	ProviderSpecific []ProviderProperty `json:"providerSpecific,omitempty"`
}

// ProviderProperty is something that one provider understands.
type ProviderProperty struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// Status is ExternalDNS's.
type Status struct {
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// List is a list of DNSEndpoints.
type List struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DNSEndpoint `json:"items"`
}

// AddToScheme makes a scheme know the kind.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypeWithName(GroupVersion.WithKind(Kind), &DNSEndpoint{})
	s.AddKnownTypeWithName(GroupVersion.WithKind(Kind+"List"), &List{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// DeepCopyObject implements runtime.Object.
func (e *DNSEndpoint) DeepCopyObject() runtime.Object { return e.DeepCopy() }

// DeepCopy gives a copy that shares nothing.
func (e *DNSEndpoint) DeepCopy() *DNSEndpoint {
	if e == nil {
		return nil
	}
	c := *e
	e.DeepCopyInto(&c.ObjectMeta)
	c.Spec.Endpoints = slices.Clone(e.Spec.Endpoints)
	for i := range c.Spec.Endpoints {
		p := &c.Spec.Endpoints[i]
		p.Targets, p.ProviderSpecific, p.Labels = slices.Clone(p.Targets), slices.Clone(p.ProviderSpecific), maps.Clone(p.Labels)
	}
	return &c
}

// DeepCopyObject implements runtime.Object.
func (l *List) DeepCopyObject() runtime.Object {
	if l == nil {
		return nil
	}
	c := *l
	l.DeepCopyInto(&c.ListMeta)
	c.Items = make([]DNSEndpoint, len(l.Items))
	for i := range l.Items {
		c.Items[i] = *l.Items[i].DeepCopy()
	}
	return &c
}
