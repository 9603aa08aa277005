// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"embed"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Names of the API.
const (
	// Group is the API group.
	Group = "k8gb.io"
	// AbsaGroup is the older one, which package absa holds.
	AbsaGroup = "k8gb.absa.oss"
	// Version is the only version of both.
	Version = "v1beta1"
	// OperatorName is the name of the Deployment in which k8gb's operator runs.
	OperatorName = "k8gb"
	// ExternalDNSName is the name of the Deployment in which the ExternalDNS of k8gb's chart
	// runs; older charts call it otherwise.
	ExternalDNSName = "k8gb-external-dns"
)

// GroupVersion is the group and version of every kind in this package. It is never
// changed.
var GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

// AbsaGroupVersion is that of package absa. It is never changed.
var AbsaGroupVersion = schema.GroupVersion{Group: AbsaGroup, Version: Version}

// CRDs holds the generated CustomResourceDefinitions of both groups, one YAML file each,
// below crds/.
//
//go:embed crds/*.yaml
var CRDs embed.FS

// Paths in CRDs.
const (
	// GslbCRDFile is the definition of Gslb.
	GslbCRDFile = "crds/k8gb.io_gslbs.yaml"
	// ZoneDelegationCRDFile is the definition of ZoneDelegation.
	ZoneDelegationCRDFile = "crds/k8gb.io_zonedelegations.yaml"
	// AbsaGslbCRDFile is the definition of the older Gslb.
	AbsaGslbCRDFile = "crds/k8gb.absa.oss_gslbs.yaml"
)

// AddToScheme registers the types of this package. It returns nil; the error is there
// because callers chain it with other packages' functions of this shape.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Gslb{}, &GslbList{}, &ZoneDelegation{}, &ZoneDelegationList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// IsGroup reports that an API group is one of k8gb's.
func IsGroup(group string) bool { return group == Group || group == AbsaGroup }

// IsFinalizer reports that a finalizer is k8gb's: nobody removes it once k8gb is gone.
func IsFinalizer(name string) bool {
	group, _, _ := strings.Cut(name, "/")
	return IsGroup(group)
}
