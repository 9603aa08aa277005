// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The server's rules for its own kinds are in no library. The checks here cover the
// fields that Meridian reads, in the server's words. One of them is left out on
// purpose: a server refuses loopback addresses in an EndpointSlice, but a cluster of
// plain machines may have its application there.

func namespaced(obj runtime.Object) bool {
	switch obj.(type) {
	case *corev1.Namespace, *corev1.Node, *networkingv1.IngressClass, *networkingv1.ServiceCIDR:
		return false
	default:
		return true
	}
}

// checkOther checks an object of a built-in kind.
func checkOther(obj runtime.Object, accessor metav1.Object) field.ErrorList {
	name := apimachineryvalidation.NameIsDNSSubdomain
	var errs field.ErrorList
	switch typed := obj.(type) {
	case *corev1.Namespace:
		name = apimachineryvalidation.NameIsDNSLabel
	case *corev1.Service:
		name = apimachineryvalidation.NameIsDNSLabel
		errs = checkIngressPoints(len(typed.Status.LoadBalancer.Ingress), func(i int) string { return typed.Status.LoadBalancer.Ingress[i].IP })
	case *networkingv1.Ingress:
		errs = checkIngress(typed)
	case *discoveryv1.EndpointSlice:
		errs = checkEndpointSlice(typed)
	}
	return append(apimachineryvalidation.ValidateObjectMetaAccessor(accessor, namespaced(obj), name, field.NewPath("metadata")), errs...)
}

func checkIngressPoints(count int, address func(i int) string) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("status", "loadBalancer", "ingress")
	for i := range count {
		if address(i) != "" {
			errs = append(errs, utilvalidation.IsValidIPForLegacyField(path.Index(i).Child("ip"), address(i), false, nil)...)
		}
	}
	return errs
}

func checkIngress(ingress *networkingv1.Ingress) field.ErrorList {
	errs := checkIngressPoints(len(ingress.Status.LoadBalancer.Ingress), func(i int) string { return ingress.Status.LoadBalancer.Ingress[i].IP })
	spec := field.NewPath("spec")
	if len(ingress.Spec.Rules) == 0 && ingress.Spec.DefaultBackend == nil {
		errs = append(errs, field.Invalid(spec, ingress.Spec.Rules, "either `defaultBackend` or `rules` must be specified"))
	}
	if ingress.Spec.DefaultBackend != nil {
		errs = append(errs, checkBackend(ingress.Spec.DefaultBackend, spec.Child("defaultBackend"))...)
	}
	for i, rule := range ingress.Spec.Rules {
		path := spec.Child("rules").Index(i)
		errs = append(errs, checkIngressHost(rule.Host, path.Child("host"))...)
		if rule.HTTP == nil {
			continue
		}
		paths := path.Child("http", "paths")
		if len(rule.HTTP.Paths) == 0 {
			errs = append(errs, field.Required(paths, ""))
		}
		for j := range rule.HTTP.Paths {
			errs = append(errs, checkIngressPath(&rule.HTTP.Paths[j], paths.Index(j))...)
		}
	}
	return errs
}

func checkIngressHost(host string, path *field.Path) field.ErrorList {
	if host == "" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return field.ErrorList{field.Invalid(path, host, "must be a DNS name, not an IP address")}
	}
	check := utilvalidation.IsDNS1123Subdomain
	if strings.Contains(host, "*") {
		check = utilvalidation.IsWildcardDNS1123Subdomain
	}
	var errs field.ErrorList
	for _, message := range check(host) {
		errs = append(errs, field.Invalid(path, host, message))
	}
	return errs
}

func checkIngressPath(path *networkingv1.HTTPIngressPath, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case path.PathType == nil:
		errs = append(errs, field.Required(at.Child("pathType"), "pathType must be specified"))
	case *path.PathType == networkingv1.PathTypeImplementationSpecific:
		if path.Path != "" && !strings.HasPrefix(path.Path, "/") {
			errs = append(errs, field.Invalid(at.Child("path"), path.Path, "must be an absolute path"))
		}
	case *path.PathType == networkingv1.PathTypeExact, *path.PathType == networkingv1.PathTypePrefix:
		if !strings.HasPrefix(path.Path, "/") {
			errs = append(errs, field.Invalid(at.Child("path"), path.Path, "must be an absolute path"))
		}
	default:
		errs = append(errs, field.NotSupported(at.Child("pathType"), *path.PathType, []networkingv1.PathType{
			networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific,
		}))
	}
	return append(errs, checkBackend(&path.Backend, at.Child("backend"))...)
}

func checkBackend(backend *networkingv1.IngressBackend, at *field.Path) field.ErrorList {
	switch {
	case backend.Service != nil && backend.Resource != nil:
		return field.ErrorList{field.Invalid(at, "", "cannot set both resource and service backends")}
	case backend.Resource != nil:
		return nil
	case backend.Service == nil:
		return field.ErrorList{field.Required(at, "service or resource must be set")}
	}
	service := at.Child("service")
	if backend.Service.Name == "" {
		return field.ErrorList{field.Required(service.Child("name"), "")}
	}
	port := backend.Service.Port
	switch {
	case port.Name != "" && port.Number != 0:
		return field.ErrorList{field.Invalid(at, "", "cannot set both port name & port number")}
	case port.Name == "" && port.Number == 0:
		return field.ErrorList{field.Required(at, "port name or number is required")}
	}
	return nil
}

func checkEndpointSlice(slice *discoveryv1.EndpointSlice) field.ErrorList {
	var errs field.ErrorList
	supported := []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN}
	switch slice.AddressType {
	case "":
		errs = append(errs, field.Required(field.NewPath("addressType"), ""))
	case discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN:
	default:
		errs = append(errs, field.NotSupported(field.NewPath("addressType"), slice.AddressType, supported))
	}
	for i, endpoint := range slice.Endpoints {
		path := field.NewPath("endpoints").Index(i).Child("addresses")
		if len(endpoint.Addresses) == 0 {
			errs = append(errs, field.Required(path, "must contain at least 1 address"))
		}
		for j, address := range endpoint.Addresses {
			errs = append(errs, checkEndpointAddress(slice.AddressType, address, path, j)...)
		}
	}
	return errs
}

func checkEndpointAddress(kind discoveryv1.AddressType, address string, path *field.Path, index int) field.ErrorList {
	if kind != discoveryv1.AddressTypeIPv4 && kind != discoveryv1.AddressTypeIPv6 {
		return nil
	}
	if errs := utilvalidation.IsValidIPForLegacyField(path.Index(index), address, false, nil); len(errs) > 0 {
		return errs
	}
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil: // one that only older rules take; its family cannot matter
	case kind == discoveryv1.AddressTypeIPv4 && !addr.Is4():
		return field.ErrorList{field.Invalid(path, address, "must be an IPv4 address")}
	case kind == discoveryv1.AddressTypeIPv6 && !addr.Is6():
		return field.ErrorList{field.Invalid(path, address, "must be an IPv6 address")}
	}
	return nil
}
