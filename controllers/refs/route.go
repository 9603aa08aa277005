// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

// Routes of the Gateway API.
var (
	KindHTTPRoute = gatewayKind("HTTPRoute")
	KindGRPCRoute = gatewayKind("GRPCRoute")
	KindTLSRoute  = gatewayKind("TLSRoute")
	KindTCPRoute  = gatewayKind("TCPRoute")
	KindUDPRoute  = gatewayKind("UDPRoute")
)

// route is a route of any kind.
type route struct {
	Object
	kind      schema.GroupKind
	parents   []gatewayv1.ParentReference
	status    []gatewayv1.RouteParentStatus
	hostnames []gatewayv1.Hostname
	rules     []routeRule
	// schemes says through listeners of which protocols the route can go, and how clients
	// speak there.
	schemes map[gatewayv1.ProtocolType]string
	// unnamed says that the protocol carries no host name, so that those of listeners do not
	// matter.
	unnamed bool
}

// routeRule is what of a rule matters.
type routeRule struct {
	backends []gatewayv1.BackendRef
	path     string // that it surely takes; "" if none is known
}

func readHTTPRoute(r *gatewayv1.HTTPRoute, l *Lookup) Target {
	all := httpRoute(r)
	return all.read(l)
}

func httpRoute(r *gatewayv1.HTTPRoute) route {
	all := route{
		Object: r, kind: KindHTTPRoute, parents: r.Spec.ParentRefs, status: r.Status.Parents, hostnames: r.Spec.Hostnames,
		schemes: map[gatewayv1.ProtocolType]string{gatewayv1.HTTPSProtocolType: "https", gatewayv1.HTTPProtocolType: "http"},
	}
	for i := range r.Spec.Rules {
		rule := routeRule{path: httpPath(r.Spec.Rules[i].Matches)}
		for _, b := range r.Spec.Rules[i].BackendRefs {
			rule.backends = append(rule.backends, b.BackendRef)
		}
		all.rules = append(all.rules, rule)
	}
	return all
}

// httpPath gives a path that a request without special headers is taken by.
func httpPath(matches []gatewayv1.HTTPRouteMatch) string {
	if len(matches) == 0 {
		return "/"
	}
	path := ""
	for i := range matches {
		m := &matches[i]
		switch {
		case len(m.Headers)+len(m.QueryParams) > 0 || m.Method != nil && *m.Method != gatewayv1.HTTPMethodGet:
		case m.Path == nil || m.Path.Value == nil:
			path = "/"
		case m.Path.Type == nil || *m.Path.Type == gatewayv1.PathMatchPathPrefix || *m.Path.Type == gatewayv1.PathMatchExact:
			path = better(path, *m.Path.Value)
		}
	}
	return path
}

func readGRPCRoute(r *gatewayv1.GRPCRoute, l *Lookup) Target {
	all := route{
		Object: r, kind: KindGRPCRoute, parents: r.Spec.ParentRefs, status: r.Status.Parents, hostnames: r.Spec.Hostnames,
		schemes: map[gatewayv1.ProtocolType]string{gatewayv1.HTTPSProtocolType: "tls", gatewayv1.HTTPProtocolType: "tcp"},
	}
	for i := range r.Spec.Rules {
		var rule routeRule
		for _, b := range r.Spec.Rules[i].BackendRefs {
			rule.backends = append(rule.backends, b.BackendRef)
		}
		all.rules = append(all.rules, rule)
	}
	return all.read(l)
}

func readTLSRoute(r *gatewayv1.TLSRoute, l *Lookup) Target {
	all := route{
		Object: r, kind: KindTLSRoute, parents: r.Spec.ParentRefs, status: r.Status.Parents, hostnames: r.Spec.Hostnames,
		schemes: map[gatewayv1.ProtocolType]string{gatewayv1.TLSProtocolType: "tls"},
	}
	for i := range r.Spec.Rules {
		all.rules = append(all.rules, routeRule{backends: r.Spec.Rules[i].BackendRefs})
	}
	return all.read(l)
}

func readTCPRoute(r *gatewayv1.TCPRoute, l *Lookup) Target {
	all := route{
		Object: r, kind: KindTCPRoute, parents: r.Spec.ParentRefs, status: r.Status.Parents, unnamed: true,
		schemes: map[gatewayv1.ProtocolType]string{gatewayv1.TCPProtocolType: "tcp", gatewayv1.TLSProtocolType: "tls"},
	}
	for i := range r.Spec.Rules {
		all.rules = append(all.rules, routeRule{backends: r.Spec.Rules[i].BackendRefs})
	}
	return all.read(l)
}

func readUDPRoute(r *gatewayv1.UDPRoute, l *Lookup) Target {
	all := route{
		Object: r, kind: KindUDPRoute, parents: r.Spec.ParentRefs, status: r.Status.Parents, unnamed: true,
		schemes: map[gatewayv1.ProtocolType]string{gatewayv1.UDPProtocolType: "udp"},
	}
	for i := range r.Spec.Rules {
		all.rules = append(all.rules, routeRule{backends: r.Spec.Rules[i].BackendRefs})
	}
	return all.read(l)
}

// read says what the route means. Its hosts are those of spec.hostnames; where there are
// none, those of the hostname annotation; where there is none either, those of the
// listeners that it goes through. Each arrives at the Gateways with a listener that takes it.
func (r *route) read(l *Lookup) Target {
	t := Target{
		Source:      gslb.Source{Kind: Word(r.kind), Namespace: r.GetNamespace(), Name: r.GetName()},
		Annotations: r.GetAnnotations(),
	}
	var names []named
	for i, h := range r.hostnames {
		names = append(names, named{string(h), fmt.Sprintf("spec.hostnames[%d]", i)})
	}
	if len(names) == 0 {
		for _, h := range annotatedHosts(r.GetAnnotations()) {
			names = append(names, named{h.Name, h.Path})
		}
	}
	ways := r.ways(l, &t)
	if len(names) == 0 && !r.unnamed {
		names = listened(ways)
	}
	for _, n := range names {
		for _, h := range r.through(n, ways) {
			h.On = t.Source
			if !t.names(h.Name) {
				t.Hosts = append(t.Hosts, h)
			}
		}
	}
	var behind Host
	r.behind(l, &behind)
	for i := range t.Hosts {
		h := &t.Hosts[i]
		h.Backends, h.Others, h.Dead, h.URLPath = behind.Backends, behind.Others, behind.Dead, behind.URLPath
	}
	return t
}

// behind gathers the backends of all rules. One with weight 0 gets no requests.
func (r *route) behind(l *Lookup, h *Host) {
	weightless := false
	for i := range r.rules {
		for _, b := range r.rules[i].backends {
			if b.Weight != nil && *b.Weight == 0 {
				weightless = true
				continue
			}
			r.backend(l, h, &b)
		}
		if h.URLPath != "/" {
			h.URLPath = better(h.URLPath, r.rules[i].path)
		}
	}
	if weightless && len(h.Backends)+len(h.Others) == 0 {
		h.Dead = "every backend has weight 0"
	}
}

func (r *route) backend(l *Lookup, h *Host, b *gatewayv1.BackendRef) {
	to := ByName(KindService, r.GetNamespace(), string(b.Name))
	if b.Group != nil {
		to.Kind.Group = string(*b.Group)
	}
	if b.Kind != nil {
		to.Kind.Kind = string(*b.Kind)
	}
	if b.Namespace != nil {
		to.Namespace = string(*b.Namespace)
	}
	if !slices.Contains([]schema.GroupKind{KindService, KindServiceImport}, to.Kind) {
		h.addOther(to.Kind.Kind + " " + to.Namespace + "/" + to.Name)
		return
	}
	backend := Backend{Kind: to.Kind}
	backend.Namespace, backend.Name = to.Namespace, to.Name
	backend.Refused = refused(l, referrer{r.kind.Kind, []string{r.kind.Group}, r.GetNamespace()}, to)
	h.addBackend(backend)
}
