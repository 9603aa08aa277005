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

// Front is a Service through which clients of an entry get in: the data plane of its ingress
// controller or gateway.
type Front struct {
	Backend
	By   string   // how it was found, in words; "" where the object that has the entry says it
	Node string   // the node of the entry, where only pods there count; "": all do
	At   []string // its addresses, and so those of such pods; none: all pods count
	Sure bool     // without any endpoint it takes no client, whether it ever had one or not
}

// Fronts gives the Services through which clients of an entry get in. None: it is not known in
// this cluster, as with the load balancers of cloud providers. The first row that gives some
// decides; those of a Service whose pods listen on their nodes count at the node of the entry.
//
//	the entry                         | Services                                          | sure
//	any                               | the one that somebody named                       | yes
//	of a Service                      | itself                                            | yes
//	of a Gateway                      | those labelled with its name                      | yes
//	any                               | those that have its address, and a port of it     | yes
//	of a Gateway                      | those that have its address                       | yes
//	any                               | those with a pod that listens there               | yes
//	of an Ingress, at a node          | those labelled as its IngressClass, for 80 or 443 | no
func Fronts(e *Entry, named *Front, l *Lookup) []Front {
	if named != nil {
		return []Front{named.at(e, l)}
	}
	switch e.On.Kind {
	case KindService.Kind:
		return []Front{{Backend: ServiceBackend(e.On.Namespace, e.On.Name), Sure: true}}
	case Word(KindGateway):
		labelled, _ := l.Get(Key{Kind: KindService, Namespace: e.On.Namespace, Labels: labelGatewayName + "=" + e.On.Name})
		if len(labelled) > 0 {
			return fronts(labelled)
		}
	}
	having := e.services(l)
	if web := slices.DeleteFunc(slices.Clone(having), func(obj Object) bool { return !e.talksTo(obj) }); len(web) > 0 {
		return fronts(web)
	}
	if len(having) > 0 && e.On.Kind == Word(KindGateway) {
		return fronts(having) // its listeners may be at any port
	}
	if all := listeners(e, l); len(all) > 0 {
		return all
	}
	return labelledAs(classBehind(e, l), e, l)
}

// services gives the Services that have the address of an entry.
func (e *Entry) services(l *Lookup) []Object {
	address := plainAddress(e.IP)
	if address == "" {
		address = plainAddress(e.Hostname)
	}
	if address == "" {
		return nil
	}
	having, _ := l.Get(Key{Kind: KindService, Address: address})
	return having
}

// talksTo reports that clients of an entry can mean a Service that has its address: several
// Services can have one, at other ports, as with balancers that listen on every node.
func (e *Entry) talksTo(obj Object) bool {
	svc, ok := obj.(*corev1.Service)
	return ok && slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool {
		return e.Port != 0 && p.Port == int32(e.Port) || (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) && webPort(p.Port, 0)
	})
}

// fronts leaves out Services whose pods nobody can tell.
func fronts(services []Object) []Front {
	var all []Front
	for _, obj := range services {
		if svc, ok := obj.(*corev1.Service); ok && len(svc.Spec.Selector) > 0 {
			all = append(all, Front{Backend: ServiceBackend(svc.Namespace, svc.Name), Sure: true})
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
