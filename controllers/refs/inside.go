// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// KindServiceCIDR is the kind of the ranges from which Services get their cluster IPs. API
// servers before Kubernetes 1.33 do not have it.
var KindServiceCIDR = networkingv1.SchemeGroupVersion.WithKind("ServiceCIDR").GroupKind()

// ServiceCIDRsKey is the key of all ranges of cluster IPs.
func ServiceCIDRsKey() Key { return Key{Kind: KindServiceCIDR} }

// ClusterIPKey is the key of the Services that have an address as cluster IP.
func ClusterIPKey(addr netip.Addr) Key {
	return Key{Kind: KindService, Address: addr.Unmap().String(), Inside: true}
}

// PodAddressKey is the key of the EndpointSlices with a pod that has an address.
func PodAddressKey(addr netip.Addr) Key {
	return Key{Kind: KindEndpointSlice, Address: addr.Unmap().String(), Inside: true}
}

// NodeAddressKey is the key of the nodes that have an address as one of their own.
func NodeAddressKey(addr netip.Addr) Key {
	return Key{Kind: KindNode, Address: addr.Unmap().String(), Inside: true}
}

// insideAddresses gives the addresses that an object states and that mean something inside
// the cluster only: cluster IPs of a Service, the pods in an EndpointSlice. A pod on the
// network of its node has the address of that. Nodes are found by theirs in the same way.
func insideAddresses(obj Object) []string {
	var all []string
	add := func(text string) {
		if _, err := netip.ParseAddr(text); err != nil {
			return // headless
		}
		if a := plainAddress(text); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	switch o := obj.(type) {
	case *corev1.Service:
		add(o.Spec.ClusterIP)
		for _, ip := range o.Spec.ClusterIPs {
			add(ip)
		}
	case *corev1.Node:
		for _, a := range o.Status.Addresses {
			add(a.Address)
		}
	case *discoveryv1.EndpointSlice:
		for i := range o.Endpoints {
			if ep := &o.Endpoints[i]; ep.TargetRef != nil && ep.TargetRef.Kind == "Pod" && len(ep.Addresses) > 0 {
				add(ep.Addresses[0]) // the others are never used (KEP-752)
			}
		}
	}
	return all
}

func insidePair(address string) string { return "#" + address }
