// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// NewScheme gives a scheme with the types that the controllers read and write, our own
// included.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, discoveryv1.AddToScheme, networkingv1.AddToScheme, gslbv1beta1.AddToScheme, dnsendpoint.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
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
	} {
		m.Add(kind, meta.RESTScopeNamespace)
	}
	for _, kind := range []schema.GroupVersionKind{
		gslbv1beta1.GroupVersion.WithKind(gslbv1beta1.ZoneDelegationKind),
		corev1.SchemeGroupVersion.WithKind("Namespace"),
		corev1.SchemeGroupVersion.WithKind("Node"),
	} {
		m.Add(kind, meta.RESTScopeRoot)
	}
	return m
}
