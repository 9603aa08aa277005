// SPDX-License-Identifier: Apache-2.0

package refs

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meridian-gslb/meridian/api/gke"
)

// HasAddresses reports that the status of an object says where clients arrive; can is
// false for objects whose status never does.
func HasAddresses(obj Object) (has, can bool) {
	switch o := obj.(type) {
	case *networkingv1.Ingress:
		return len(o.Status.LoadBalancer.Ingress) > 0, true
	case *gke.MultiClusterIngress:
		return o.Status.VIP != "", true
	case *gatewayv1.Gateway:
		return len(o.Status.Addresses) > 0, true
	case *corev1.Service:
		return len(o.Status.LoadBalancer.Ingress) > 0, o.Spec.Type == corev1.ServiceTypeLoadBalancer
	}
	return false, false
}

// WithAddresses gives a copy of an object with the addresses in the status of another of
// its kind; the object itself if the kinds differ.
func WithAddresses(obj, from Object) Object {
	switch o := obj.(type) {
	case *networkingv1.Ingress:
		if f, ok := from.(*networkingv1.Ingress); ok {
			o = o.DeepCopy()
			o.Status.LoadBalancer = f.Status.LoadBalancer
			return o
		}
	case *gke.MultiClusterIngress:
		if f, ok := from.(*gke.MultiClusterIngress); ok {
			o = o.DeepCopy()
			o.Status.VIP = f.Status.VIP
			return o
		}
	case *gatewayv1.Gateway:
		if f, ok := from.(*gatewayv1.Gateway); ok {
			o = o.DeepCopy()
			o.Status.Addresses = f.Status.Addresses
			return o
		}
	case *corev1.Service:
		if f, ok := from.(*corev1.Service); ok {
			o = o.DeepCopy()
			o.Status.LoadBalancer = f.Status.LoadBalancer
			return o
		}
	}
	return obj
}
