// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/istio"
	"github.com/meridian-gslb/meridian/gslb"
)

// Kinds of Istio.
var (
	KindVirtualService = schema.GroupKind{Group: istio.Group, Kind: istio.KindVirtualService}
	KindIstioGateway   = schema.GroupKind{Group: istio.Group, Kind: istio.KindGateway}
)

// allHosts is the host of servers and VirtualServices that take any.
const allHosts = "*"

// readVirtualService reads a VirtualService. Its hosts are those of spec.hosts that have a
// dot; where there is none, those of the hostname annotation; where there is none either and
// spec.hosts has a star, those of the servers that it goes through. They arrive
// at the Services of type LoadBalancer in front of the pods of its Gateways, as far as a
// server of the Gateway takes the host. What is for the mesh alone has no entries.
func readVirtualService(vs *istio.VirtualService, l *Lookup) Target {
	t := Target{
		Source:      gslb.Source{Kind: Word(KindVirtualService), Namespace: vs.Namespace, Name: vs.Name},
		Annotations: vs.Annotations,
	}
	var names []named
	for i, h := range vs.Spec.Hosts {
		if h = strings.ToLower(h); strings.Contains(h, ".") && !strings.HasSuffix(h, clusterDomain) {
			names = append(names, named{h, fmt.Sprintf("spec.hosts[%d]", i)})
		}
	}
	if len(names) == 0 {
		for _, h := range annotatedHosts(vs.Annotations) {
			names = append(names, named{h.Name, h.Path})
		}
	}
	if i := slices.Index(vs.Spec.Hosts, allHosts); len(names) == 0 && i >= 0 {
		names = []named{{allHosts, fmt.Sprintf("spec.hosts[%d]", i)}}
	}
	gateways, missing := istioGateways(vs, l)
	for _, n := range names {
		found := istioHosts(n, vs.Namespace, gateways)
		for _, h := range found {
			h.Missing = append(h.Missing, missing...)
			h.On = t.Source
			if !t.names(h.Name) {
				t.Hosts = append(t.Hosts, h)
			}
		}
	}
	var behind Host
	behindVirtualService(vs, l, &behind, 0)
	for i := range t.Hosts {
		h := &t.Hosts[i]
		h.Backends, h.Others, h.Dead, h.URLPath = behind.Backends, behind.Others, behind.Dead, behind.URLPath
	}
	return t
}

// istioGateway is a Gateway of Istio, and where its clients arrive.
type istioGateway struct {
	on        gslb.Source
	namespace string
	servers   []istio.Server
	via       []gslb.Source
	addresses []Entry
	missing   []string
}

// istioGateways finds the Gateways of a VirtualService, each as NAMESPACE/NAME or NAME.
func istioGateways(vs *istio.VirtualService, l *Lookup) (all []istioGateway, missing []string) {
	for _, name := range vs.Spec.Gateways {
		if name == istio.Mesh {
			continue
		}
		namespace, name, qualified := strings.Cut(name, "/")
		if !qualified {
			namespace, name = vs.Namespace, namespace
		}
		key := ByName(KindIstioGateway, namespace, name)
		obj, _ := l.One(key)
		gw, ok := obj.(*istio.Gateway)
		if !ok {
			missing = append(missing, key.String()+" does not exist")
			continue
		}
		all = append(all, arriveAtPods(gw, l))
	}
	if len(all)+len(missing) == 0 {
		missing = append(missing, "spec.gateways names no Gateway, so that the mesh alone is meant")
	}
	return all, missing
}

// arriveAtPods finds the Services of type LoadBalancer in front of the pods of a Gateway,
// in any namespace, as Istio looks for pods.
func arriveAtPods(gw *istio.Gateway, l *Lookup) istioGateway {
	g := istioGateway{
		on: gslb.Source{Kind: Word(KindIstioGateway), Namespace: gw.Namespace, Name: gw.Name}, namespace: gw.Namespace, servers: gw.Spec.Servers,
	}
	if len(gw.Spec.Selector) == 0 {
		g.missing = []string{g.on.String() + " has no selector, so that its Services are not known"}
		return g
	}
	selector := labels.SelectorFromSet(gw.Spec.Selector).String()
	services, _ := l.Get(Key{Kind: KindService, Labels: selector, Pods: true})
	for _, obj := range services {
		svc, ok := obj.(*corev1.Service)
		if !ok || svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		on := serviceSource(svc)
		if why := betweenClusters(svc); why != "" {
			g.missing = append(g.missing, fmt.Sprintf("%s %s", on, why))
			continue
		}
		g.via = append(g.via, on)
		g.addresses = append(g.addresses, balancerEntries(svc)...)
	}
	if len(g.via) == 0 {
		g.missing = append(g.missing, fmt.Sprintf("no Service of type LoadBalancer stands in front of the pods of %s (%s)", g.on, selector))
	}
	return g
}

// istioHosts gives the hosts that a name becomes at the servers that take it. One that no
// server takes has no entries.
func istioHosts(n named, namespace string, gateways []istioGateway) []Host {
	var t Target
	var missing []string
	for i := range gateways {
		g := &gateways[i]
		missing = append(missing, g.missing...)
		taken := false
		for _, s := range secureServersFirst(g.servers) {
			for _, pattern := range s.Hosts {
				name, both := intersect(n.name, g.pattern(pattern, namespace))
				if !both || !strings.Contains(name, ".") { // what all hosts meet where any is taken is no name
					continue
				}
				taken = true
				if !t.names(name) {
					t.Hosts = append(t.Hosts, Host{Name: name, Path: n.path})
				}
				at := slices.IndexFunc(t.Hosts, func(h Host) bool { return h.Name == name })
				g.arrive(&t.Hosts[at], &s)
			}
		}
		if !taken {
			missing = append(missing, fmt.Sprintf("no server of %s takes %s", g.on, n.name))
		}
	}
	if len(t.Hosts) == 0 && n.name != allHosts {
		t.Hosts = []Host{{Name: n.name, Path: n.path}}
	}
	for i := range t.Hosts {
		t.Hosts[i].Missing = slices.Clone(missing)
	}
	return t.Hosts
}

// pattern gives the host of a server as it counts for VirtualServices in a namespace, which
// the part before a slash can bound; one that does not count fits no name.
func (g *istioGateway) pattern(host, namespace string) string {
	from, name, bounded := strings.Cut(host, "/")
	switch {
	case !bounded:
		return host
	case from == "*", from == namespace, from == "." && namespace == g.namespace:
		return name
	}
	return "/"
}

func secureServersFirst(servers []istio.Server) []istio.Server {
	all := slices.Clone(servers)
	slices.SortStableFunc(all, func(a, b istio.Server) int {
		switch x, y := serverScheme(&a), serverScheme(&b); {
		case x == y:
			return 0
		case x == "https" || x == "tls" && y != "https":
			return -1
		}
		return 1
	})
	return all
}

// serverScheme says how clients speak with a server.
func serverScheme(s *istio.Server) string {
	protocol := ""
	if s.Port != nil {
		protocol = strings.ToUpper(s.Port.Protocol)
	}
	switch protocol {
	case "HTTPS":
		if s.TLS != nil && (s.TLS.Mode == "" || strings.EqualFold(s.TLS.Mode, "PASSTHROUGH")) { // Istio writes its zero value as nothing
			return "tls"
		}
		return "https"
	case "TLS":
		return "tls"
	case "TCP", "MONGO", "MYSQL", "REDIS", "GRPC", "GRPC-WEB", "HTTP2":
		return "tcp"
	}
	return "http"
}

func (g *istioGateway) arrive(h *Host, s *istio.Server) {
	scheme := serverScheme(s)
	h.TLS = h.TLS || scheme == "https" || scheme == "tls"
	for _, v := range g.via {
		h.addVia(v)
	}
	for _, e := range g.addresses {
		e.Scheme = scheme
		if s.Port != nil {
			e.Port = uint16(s.Port.Number) //nolint:gosec // a port
		}
		h.addEntry(e)
	}
}
