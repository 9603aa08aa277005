// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceRef points to objects: to one by name, or to all of a kind with some labels in the
// namespace of the Gslb, whose hosts are then balanced together.
//
// +kubebuilder:validation:XValidation:rule="has(self.name) || has(self.matchLabels) || has(self.matchExpressions)",message="say which object: set name, or matchLabels or matchExpressions"
// +kubebuilder:validation:XValidation:rule="!has(self.name) || (!has(self.matchLabels) && !has(self.matchExpressions))",message="set name or labels (matchLabels, matchExpressions), not both"
// +kubebuilder:validation:XValidation:rule="!has(self.namespace) || has(self.name)",fieldPath=".namespace",message="namespace goes with name only: labels are looked up in the namespace of the Gslb"
// +kubebuilder:validation:XValidation:rule="self.apiVersion + ' ' + self.kind in ['networking.k8s.io/v1 Ingress', 'v1 Service', 'gateway.networking.k8s.io/v1 HTTPRoute', 'gateway.networking.k8s.io/v1beta1 HTTPRoute', 'gateway.networking.k8s.io/v1 GRPCRoute', 'gateway.networking.k8s.io/v1alpha2 GRPCRoute', 'gateway.networking.k8s.io/v1 TLSRoute', 'gateway.networking.k8s.io/v1alpha3 TLSRoute', 'gateway.networking.k8s.io/v1alpha2 TLSRoute', 'gateway.networking.k8s.io/v1 TCPRoute', 'gateway.networking.k8s.io/v1alpha2 TCPRoute', 'gateway.networking.k8s.io/v1 UDPRoute', 'gateway.networking.k8s.io/v1alpha2 UDPRoute', 'networking.istio.io/v1 VirtualService', 'networking.istio.io/v1beta1 VirtualService', 'networking.istio.io/v1alpha3 VirtualService', 'networking.gke.io/v1 MultiClusterIngress', 'networking.gke.io/v1beta1 MultiClusterIngress']",message="not a kind that can be referred to: use Ingress (networking.k8s.io/v1), Service (v1), HTTPRoute (gateway.networking.k8s.io/v1, v1beta1), GRPCRoute, TCPRoute or UDPRoute (gateway.networking.k8s.io/v1, v1alpha2), TLSRoute (gateway.networking.k8s.io/v1, v1alpha3, v1alpha2), VirtualService (networking.istio.io/v1, v1beta1, v1alpha3), or MultiClusterIngress (networking.gke.io/v1, v1beta1)"
type ResourceRef struct {
	// apiVersion of the object, such as networking.k8s.io/v1.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	APIVersion string `json:"apiVersion"`
	// kind of the object, such as Ingress.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind"`
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// namespace of the object, by default that of the Gslb. Another needs a ReferenceGrant
	// (gateway.networking.k8s.io) there, from kind Gslb of group gslb.meridian.dev.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace     string `json:"namespace,omitempty"`
	LabelSelector `json:",inline"`
}

// Selector returns the label part of the reference, nil if it is by name.
func (r *ResourceRef) Selector() *metav1.LabelSelector {
	if r.Name != "" {
		return nil
	}
	return r.ToMetaV1()
}
