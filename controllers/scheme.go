// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
)

// definitionKind is the kind of CustomResourceDefinitions, of which metadata alone are read.
var definitionKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// NewScheme gives a scheme with the types that the controllers read and write, our own
// included.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, discoveryv1.AddToScheme, networkingv1.AddToScheme, gslbv1beta1.AddToScheme, dnsendpoint.AddToScheme,
		k8gb.AddToScheme, absa.AddToScheme, appsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	for _, row := range refs.Kinds() {
		if gvk := row.GVK(); row.Optional { // the others are there already
			scheme.AddKnownTypes(gvk.GroupVersion(), row.New(), row.List())
			metav1.AddToGroupVersion(scheme, gvk.GroupVersion())
		}
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return scheme, nil
}

// newMapper maps the kinds that we use to their resources. They are known beforehand, so
// nothing is discovered: a start needs no API server, and no right to ask for its groups.
func newMapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		gslbv1beta1.GroupVersion.WithKind(gslbv1beta1.GslbKind),
		networkingv1.SchemeGroupVersion.WithKind("Ingress"),
		corev1.SchemeGroupVersion.WithKind("Service"),
		discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"),
		dnsendpoint.GroupVersion.WithKind(dnsendpoint.Kind),
		k8gb.GroupVersion.WithKind(gslbv1beta1.GslbKind),
		k8gb.AbsaGroupVersion.WithKind(gslbv1beta1.GslbKind),
		appsv1.SchemeGroupVersion.WithKind("Deployment"),
	} {
		m.Add(kind, meta.RESTScopeNamespace)
	}
	for _, row := range refs.Kinds() {
		for _, version := range row.Versions {
			scope := meta.RESTScopeNamespace
			if row.GroupKind == refs.KindServiceCIDR || row.GroupKind == refs.KindIngressClass {
				scope = meta.RESTScopeRoot
			}
			if gv := (schema.GroupVersion{Group: row.Group, Version: version}); row.Optional {
				m.AddSpecific(gv.WithKind(row.Kind), gv.WithResource(row.Plural), gv.WithResource(row.Plural), scope)
			}
		}
	}
	for _, kind := range []schema.GroupVersionKind{
		definitionKind,
		gslbv1beta1.GroupVersion.WithKind(gslbv1beta1.ZoneDelegationKind),
		k8gb.GroupVersion.WithKind(gslbv1beta1.ZoneDelegationKind),
		corev1.SchemeGroupVersion.WithKind("Namespace"),
		corev1.SchemeGroupVersion.WithKind("Node"),
	} {
		m.Add(kind, meta.RESTScopeRoot)
	}
	return m
}
