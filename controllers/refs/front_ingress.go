// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// LabelRelease and the labels beside it are those that Kubernetes recommends. What one
// release of a chart installs has the same, its IngressClass and its Services among it:
// ingress-nginx, Traefik, HAProxy and NGINX do so.
const (
	LabelRelease   = "app.kubernetes.io/instance"
	labelName      = "app.kubernetes.io/name"
	labelComponent = "app.kubernetes.io/component"
)

// annotationHelmNamespace is the namespace of a release that Helm installed: what others label
// alike elsewhere is not of it.
const annotationHelmNamespace = "meta.helm.sh/release-namespace"

// NamedFront reads annotation ingress-service of an object: "namespace/name", or a name in the
// object's namespace. A Service in another namespace needs a ReferenceGrant there, as a Gslb's
// reference to it does.
func NamedFront(text string, on gslb.Source, l *Lookup) (*Front, *Problem) {
	f, err := readFront(text, on.Namespace, on.String())
	if err != nil {
		return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: err.Error()}
	}
	if why := refused(l, gslbIn(on.Namespace), f.Key()); why != "" {
		return nil, &Problem{Reason: gslbv1beta1.ReasonRefNotPermitted, Message: why}
	}
	if obj, state := l.One(f.Key()); obj == nil && state == Listed {
		return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "there is no " + f.Key().String()}
	}
	return &f, nil
}

// readFront reads the value of annotation ingress-service; a name alone is one of the
// namespace, where there is one.
func readFront(text, namespace, by string) (Front, error) {
	inside, name, both := strings.Cut(text, "/")
	if !both {
		inside, name = namespace, text
	}
	if inside == "" || name == "" || strings.Contains(name, "/") {
		return Front{}, fmt.Errorf("%q does not name a Service: write namespace/name", text)
	}
	return Front{
		Backend: ServiceBackend(inside, name), Sure: true,
		By: fmt.Sprintf("named by annotation %s of %s", gslbv1beta1.AnnotationIngressService, by),
	}, nil
}

// classBehind gives the IngressClass of an entry; nil if it has none.
func classBehind(e *Entry, l *Lookup) Object {
	if e.Class == "" {
		return nil
	}
	class, _ := l.One(ByName(KindIngressClass, "", e.Class))
	return class
}

// FrontOfClass gives the Service that the IngressClass of an entry names by annotation
// ingress-service; nil if it names none, or none that there is.
func FrontOfClass(e *Entry, l *Lookup) (*Front, *Problem) {
	class := classBehind(e, l)
	if class == nil {
		return nil, nil
	}
	text := strings.TrimSpace(class.GetAnnotations()[gslbv1beta1.AnnotationIngressService])
	if text == "" {
		return nil, nil
	}
	by := "IngressClass " + class.GetName()
	f, err := readFront(text, "", by)
	if err != nil {
		return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: by + ": " + err.Error()}
	}
	if obj, state := l.One(f.Key()); obj == nil && state == Listed {
		return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "there is no " + f.Key().String() + ", which " + by + " names"}
	}
	return &f, nil
}

// listeners gives the Services with a pod that has the entry's address as its own, and takes
// clients at their port: one on the network of its node. No two processes listen at one port
// of one address, so what is not ready there is what clients would talk to.
func listeners(e *Entry, l *Lookup) []Front {
	addr, err := netip.ParseAddr(e.IP)
	if err != nil {
		return nil
	}
	found, _ := l.Get(PodAddressKey(addr))
	var all []Front
	for _, obj := range found {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok || slice.Labels[discoveryv1.LabelServiceName] == "" || !slices.ContainsFunc(slice.Ports, e.asks) {
			continue
		}
		f := Front{
			Backend: ServiceBackend(slice.Namespace, slice.Labels[discoveryv1.LabelServiceName]),
			By:      "whose pods listen at the entries", At: []string{plainAddress(e.IP)}, Sure: true,
		}
		if !slices.ContainsFunc(all, func(have Front) bool { return have.NamespacedName == f.NamespacedName }) {
			all = append(all, f)
		}
	}
	return all
}

// asks reports that clients of an entry connect to a port of its pods, where these have the
// entry's address.
func (e *Entry) asks(p discoveryv1.EndpointPort) bool {
	if p.Port == nil || p.Protocol != nil && *p.Protocol != corev1.ProtocolTCP {
		return false
	}
	return webPort(*p.Port, e.Port)
}

// webPort reports that a port is the wanted one; 0: one for http or https.
func webPort(port int32, wanted uint16) bool {
	if wanted != 0 {
		return port == int32(wanted)
	}
	return port == 80 || port == 443
}

// labelledAs gives the Services that came with an IngressClass, by their labels, for an entry
// that is a node's address. Elsewhere whoever brought the class need not carry what clients
// send, as with controllers that set up the load balancers of a cloud.
func labelledAs(class Object, e *Entry, l *Lookup) []Front {
	if class == nil {
		return nil
	}
	labels := class.GetLabels()
	if labels[LabelRelease] == "" || labels[labelName] == "" {
		return nil
	}
	inside := class.GetAnnotations()[annotationHelmNamespace]
	services, _ := l.Get(Key{Kind: KindService, Labels: LabelRelease + "=" + labels[LabelRelease]})
	var all []Front
	for _, obj := range services {
		svc, ok := obj.(*corev1.Service)
		if !ok || svc.Labels[labelName] != labels[labelName] || svc.Labels[labelComponent] != labels[labelComponent] || !carriesWeb(svc) || inside != "" && svc.Namespace != inside {
			continue
		}
		all = append(all, Front{Backend: ServiceBackend(svc.Namespace, svc.Name), By: "found by the labels of IngressClass " + class.GetName()})
	}
	if len(all) == 0 || len(nodesOf(e, l)) == 0 {
		return nil
	}
	for i := range all {
		all[i] = all[i].at(e, l)
	}
	return all
}

// carriesWeb reports that a Service stands before pods that take http or https of clients, and
// not of the API server alone.
func carriesWeb(svc *corev1.Service) bool {
	return len(svc.Spec.Selector) > 0 && slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool {
		return (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) && webPort(p.Port, 0) &&
			!strings.Contains(p.Name, "webhook") && !strings.Contains(p.TargetPort.StrVal, "webhook")
	})
}

// nodesOf gives the nodes of this cluster that have the address of an entry: several may have
// one in common, behind a router.
func nodesOf(e *Entry, l *Lookup) []*corev1.Node {
	addr, err := netip.ParseAddr(e.IP)
	if err != nil {
		return nil
	}
	var all []*corev1.Node
	found, _ := l.Get(NodeAddressKey(addr))
	for _, obj := range found {
		if node, ok := obj.(*corev1.Node); ok && node.Labels["liqo.io/type"] != "virtual-node" {
			all = append(all, node)
		}
	}
	return all
}

// at bounds a front to the node of an entry, where the address is of one node alone, and pods
// behind the front listen on their nodes: one of them has a node's address. A Service that has
// the entry's address itself takes clients there wherever its pods are.
func (f Front) at(e *Entry, l *Lookup) Front {
	nodes := nodesOf(e, l)
	if len(nodes) != 1 || slices.ContainsFunc(e.services(l), func(obj Object) bool {
		return obj.GetNamespace() == f.Namespace && obj.GetName() == f.Name
	}) {
		return f
	}
	pod, ok := firstPod(&f.Backend, l)
	if !ok {
		return f
	}
	if own, _ := l.One(NodeAddressKey(pod)); own == nil {
		return f
	}
	f.Node, f.At = nodes[0].Name, insideAddresses(nodes[0])
	return f
}

// firstPod gives the address of one pod behind a Service, always the same one.
func firstPod(b *Backend, l *Lookup) (netip.Addr, bool) {
	found, _ := l.Get(b.Slices())
	for _, obj := range found {
		for _, text := range insideAddresses(obj) {
			if addr, err := netip.ParseAddr(text); err == nil {
				return addr, true
			}
		}
	}
	return netip.Addr{}, false
}

// Takes reports that an endpoint is one of those that count: at the node of the entry, if the
// front is bounded to it.
func (f *Front) Takes(ep *discoveryv1.Endpoint) bool {
	if len(f.At) == 0 {
		return true
	}
	if f.Node != "" && ep.NodeName != nil && *ep.NodeName == f.Node {
		return true
	}
	return len(ep.Addresses) > 0 && slices.Contains(f.At, plainAddress(ep.Addresses[0]))
}
