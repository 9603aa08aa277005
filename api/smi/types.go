// SPDX-License-Identifier: Apache-2.0

// Package smi holds the kind TrafficSplit of the Service Mesh Interface (split.smi-spec.io),
// as far as it says which Services stand behind another; versions v1alpha1 to v1alpha4 have
// these fields. Linkerd, and tools for canary releases beside it, write such objects. The
// CustomResourceDefinition is theirs: nothing here installs it, and it may be missing.
//
// +kubebuilder:object:generate=true
package smi

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group is the API group.
const Group = "split.smi-spec.io"

// KindTrafficSplit is the kind.
const KindTrafficSplit = "TrafficSplit"

// TrafficSplit sends what clients send to a Service to others.
//
// +kubebuilder:object:root=true
type TrafficSplit struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec TrafficSplitSpec `json:"spec,omitempty"`
}

// TrafficSplitSpec is what the author wrote.
type TrafficSplitSpec struct {
	Service  string    `json:"service,omitempty"`  // that clients name, alone or with its namespace and more, in this namespace
	Backends []Backend `json:"backends,omitempty"` // the Service itself may be among them
	Matches  []Match   `json:"matches,omitempty"`  // since v1alpha3: the requests that are split; what does not match goes to the Service itself
}

// Backend is a Service in the namespace of the TrafficSplit.
type Backend struct {
	Service string `json:"service,omitempty"`
	// Weight against the other backends; with 0 nothing is sent there. A quantity such as
	// 500m in v1alpha1, a whole number since.
	Weight resource.Quantity `json:"weight,omitempty"`
}

// Match names rules for requests, which are not looked at.
type Match struct {
	APIGroup string `json:"apiGroup,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Name     string `json:"name,omitempty"`
}

// TrafficSplitList is a list of TrafficSplits.
//
// +kubebuilder:object:root=true
type TrafficSplitList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []TrafficSplit `json:"items"`
}
