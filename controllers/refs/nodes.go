// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

// NodesKey is the key of all nodes. They are looked at only where a Service asks for their
// addresses.
func NodesKey() Key { return Key{Kind: KindNode} }

// nodeEntries gives the addresses of the nodes that take requests for a Service: the external
// ones, or the internal ones where no node has others. Nodes that are not ready, or are
// taken out of load balancing, do not count, unless none else is left; with
// externalTrafficPolicy Local those count that have a ready endpoint. Of a node with addresses
// of both families those count in which the Service is open.
func nodeEntries(svc *corev1.Service, l *Lookup) (entries []Entry, missing []string) {
	objects, _ := l.Get(NodesKey())
	with := nodesWithEndpoints(svc, l)
	local := svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	var good, rest []*corev1.Node
	for _, obj := range objects {
		node, ok := obj.(*corev1.Node)
		switch {
		case !ok || excluded(node):
		case local && !with[node.Name]:
		case nodeReady(node):
			good = append(good, node)
		default:
			rest = append(rest, node)
		}
	}
	if len(good) == 0 {
		good = rest
	}
	scheme, port := servicePort(svc, true)
	for _, kind := range []corev1.NodeAddressType{corev1.NodeExternalIP, corev1.NodeInternalIP} {
		for _, node := range good {
			on := gslb.Source{Kind: KindNode.Kind, Name: node.Name}
			for _, a := range node.Status.Addresses {
				if a.Type == kind && a.Address != "" && openAt(svc, a.Address) {
					entries = append(entries, Entry{IP: a.Address, On: on, Path: "status.addresses", Scheme: scheme, Port: port})
				}
			}
		}
		if len(entries) > 0 {
			break
		}
	}
	if len(entries) == 0 {
		missing = []string{fmt.Sprintf("no node takes requests for %s", serviceSource(svc))}
	}
	return entries, missing
}

// openAt reports that a Service takes requests at an address from outside: it is of one of the
// Service's families. Where an API server wrote none, or the text is no address, it may be.
func openAt(svc *corev1.Service, address string) bool {
	addr, err := netip.ParseAddr(address)
	if err != nil || len(svc.Spec.IPFamilies) == 0 {
		return true
	}
	family := corev1.IPv6Protocol
	if addr.Unmap().Is4() {
		family = corev1.IPv4Protocol
	}
	return slices.Contains(svc.Spec.IPFamilies, family)
}

// excluded reports that a node takes no requests from outside. The label counts with any
// value: kubeadm writes it with none.
func excluded(node *corev1.Node) bool {
	_, labelled := node.Labels[corev1.LabelNodeExcludeBalancers]
	return labelled || node.Labels["liqo.io/type"] == "virtual-node"
}

func nodeReady(node *corev1.Node) bool {
	for i := range node.Status.Conditions {
		if c := &node.Status.Conditions[i]; c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// nodesWithEndpoints names the nodes on which a Service has a ready endpoint.
func nodesWithEndpoints(svc *corev1.Service, l *Lookup) map[string]bool {
	backend := ServiceBackend(svc.Namespace, svc.Name)
	objects, _ := l.Get(backend.Slices())
	with := make(map[string]bool)
	for _, obj := range objects {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok {
			continue
		}
		for i := range slice.Endpoints {
			ep := &slice.Endpoints[i]
			if ep.NodeName != nil && (ep.Conditions.Ready == nil || *ep.Conditions.Ready) {
				with[*ep.NodeName] = true
			}
		}
	}
	return with
}
