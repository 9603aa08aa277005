// SPDX-License-Identifier: Apache-2.0

// Package absa holds the Gslb of k8gb's older API group, k8gb.absa.oss/v1beta1: the
// same as that of package k8gb, without serviceHealthPolicy. See there who calls it and
// what it does not do.
//
// +kubebuilder:object:generate=true
// +groupName=k8gb.absa.oss
// +versionName=v1beta1
package absa

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
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
	Status k8gb.GslbStatus `json:"status,omitzero"`
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
type GslbSpec struct {
	// ingress is an Ingress of the Gslb's name that is created and owned.
	// +optional
	Ingress *k8gb.IngressSpec `json:"ingress,omitempty"`
	// resourceRef points to an object that is there already.
	// +optional
	ResourceRef *k8gb.ResourceRef `json:"resourceRef,omitempty"`
	// strategy says which clusters a client is sent to.
	Strategy k8gb.Strategy `json:"strategy"`
}

// AddToScheme registers the types of this package. It returns nil; the error is there
// because callers chain it with other packages' functions of this shape.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(k8gb.AbsaGroupVersion, &Gslb{}, &GslbList{})
	metav1.AddToGroupVersion(scheme, k8gb.AbsaGroupVersion)
	return nil
}

// K8gb gives the same object in the newer group's type, which shares nothing with g. Its
// TypeMeta says which group it is of.
func (g *Gslb) K8gb() *k8gb.Gslb {
	c := g.DeepCopy()
	return &k8gb.Gslb{
		TypeMeta:   metav1.TypeMeta{APIVersion: k8gb.AbsaGroupVersion.String(), Kind: gslbv1beta1.GslbKind},
		ObjectMeta: c.ObjectMeta,
		Spec:       k8gb.GslbSpec{Ingress: c.Spec.Ingress, ResourceRef: c.Spec.ResourceRef, Strategy: c.Spec.Strategy},
		Status:     c.Status,
	}
}

// From gives the Gslb of the older group that means the same, as far as it has words for
// it. It shares nothing with g.
func From(g *k8gb.Gslb) *Gslb {
	c := g.DeepCopy()
	return &Gslb{
		ObjectMeta: c.ObjectMeta, Status: c.Status,
		Spec: GslbSpec{Ingress: c.Spec.Ingress, ResourceRef: c.Spec.ResourceRef, Strategy: c.Spec.Strategy},
	}
}
