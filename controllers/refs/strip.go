// SPDX-License-Identifier: Apache-2.0

package refs

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// Strip takes from an object what no read function looks at, so that a cache of many keeps
// little. The object is changed in place; it must never be written back.
func Strip(obj Object) {
	if annotations := obj.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		obj.SetAnnotations(annotations)
	}
	switch o := obj.(type) {
	case *gatewayv1.HTTPRoute:
		for i := range o.Spec.Rules {
			r := &o.Spec.Rules[i]
			*r = gatewayv1.HTTPRouteRule{Matches: r.Matches, BackendRefs: r.BackendRefs}
			for j := range r.BackendRefs {
				r.BackendRefs[j].Filters = nil
			}
		}
	case *gatewayv1.GRPCRoute:
		for i := range o.Spec.Rules {
			r := &o.Spec.Rules[i]
			*r = gatewayv1.GRPCRouteRule{BackendRefs: r.BackendRefs}
			for j := range r.BackendRefs {
				r.BackendRefs[j].Filters = nil
			}
		}
	case *gatewayv1.Gateway:
		o.Spec.Infrastructure, o.Spec.TLS = nil, nil
		for i := range o.Spec.Listeners {
			l := &o.Spec.Listeners[i]
			*l = gatewayv1.Listener{Name: l.Name, Hostname: l.Hostname, Port: l.Port, Protocol: l.Protocol, AllowedRoutes: l.AllowedRoutes}
		}
	case *gatewayv1.ListenerSet:
		for i := range o.Spec.Listeners {
			l := &o.Spec.Listeners[i]
			*l = gatewayv1.ListenerEntry{Name: l.Name, Hostname: l.Hostname, Port: l.Port, Protocol: l.Protocol, AllowedRoutes: l.AllowedRoutes}
		}
	case *mcsv1beta1.ServiceImport:
		o.Spec, o.Status = mcsv1beta1.ServiceImportSpec{}, mcsv1beta1.ServiceImportStatus{}
	case *networkingv1.IngressClass:
		o.Spec = networkingv1.IngressClassSpec{}
	case *networkingv1.ServiceCIDR:
		o.Status = networkingv1.ServiceCIDRStatus{}
	case *corev1.Node:
		o.Spec = corev1.NodeSpec{PodCIDR: o.Spec.PodCIDR, PodCIDRs: o.Spec.PodCIDRs}
		status := corev1.NodeStatus{Addresses: o.Status.Addresses}
		for _, c := range o.Status.Conditions {
			if c.Type == corev1.NodeReady {
				status.Conditions = []corev1.NodeCondition{{Type: c.Type, Status: c.Status}}
			}
		}
		o.Status = status
		o.SetAnnotations(nil)
	}
}
