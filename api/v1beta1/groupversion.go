// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Names of the API.
const (
	// Group is the API group.
	Group = "gslb.meridian.dev"
	// Version is the only version of the group.
	Version = "v1beta1"
	// GslbKind is the kind of a Gslb, a namespaced object.
	GslbKind = "Gslb"
	// ZoneDelegationKind is the kind of a ZoneDelegation, a cluster-scoped object.
	ZoneDelegationKind = "ZoneDelegation"
)

// GroupVersion is the group and version of every type in this package. It is
// never changed.
var GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

// AddToScheme registers the types of this package. It returns nil; the error is
// there because callers chain it with other packages' functions of this shape.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Gslb{}, &GslbList{},
		&ZoneDelegation{}, &ZoneDelegationList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
