// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// labelGatewayName is on the Services that a controller of the Gateway API makes for a
// Gateway (GEP-1762).
const labelGatewayName = "gateway.networking.k8s.io/gateway-name"

// Fronts gives the Services through which clients of an entry get in: the data plane of
// its ingress controller or gateway. None: it is not known in this cluster, as with the
// load balancers of cloud providers, or with pods that listen on their nodes.
//
//	the entry is of    | Services
//	a Service          | itself
//	a Gateway          | those labelled with its name, else as below
//	anything else      | those that have the entry's address in their status
func Fronts(e *Entry, l *Lookup) []Backend {
	switch e.On.Kind {
	case KindService.Kind:
		return []Backend{ServiceBackend(e.On.Namespace, e.On.Name)}
	case Word(KindGateway):
		labelled, _ := l.Get(Key{Kind: KindService, Namespace: e.On.Namespace, Labels: labelGatewayName + "=" + e.On.Name})
		if len(labelled) > 0 {
			return fronts(labelled)
		}
	}
	address := plainAddress(e.IP)
	if address == "" {
		address = plainAddress(e.Hostname)
	}
	if address == "" {
		return nil
	}
	having, _ := l.Get(Key{Kind: KindService, Address: address})
	return fronts(having)
}

// fronts leaves out Services whose pods nobody can tell.
func fronts(services []Object) []Backend {
	var all []Backend
	for _, obj := range services {
		if svc, ok := obj.(*corev1.Service); ok && len(svc.Spec.Selector) > 0 {
			all = append(all, ServiceBackend(svc.Namespace, svc.Name))
		}
	}
	return all
}

// serviceAddresses gives the addresses of a Service from outside, in one form; none for
// other objects.
func serviceAddresses(obj Object) []string {
	svc, ok := obj.(*corev1.Service)
	if !ok {
		return nil
	}
	var all []string
	add := func(text string) {
		if a := plainAddress(text); a != "" && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	for _, point := range svc.Status.LoadBalancer.Ingress {
		add(point.IP)
		add(point.Hostname)
	}
	for _, ip := range svc.Spec.ExternalIPs {
		add(ip)
	}
	return all
}

// plainAddress gives one form of an address or host name.
func plainAddress(text string) string {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(text, "."))
}

func addressPair(address string) string { return "@" + address }

// AddressPairs gives the pairs of [Key.Pair] that keys by address lead to an object by.
func AddressPairs(obj Object) []string {
	all := serviceAddresses(obj)
	for i := range all {
		all[i] = addressPair(all[i])
	}
	for _, a := range insideAddresses(obj) {
		all = append(all, insidePair(a))
	}
	return all
}
