// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/api/istio"
)

// clusterDomain ends the host names of Services.
const clusterDomain = ".svc.cluster.local"

// maxDelegates bounds how far a VirtualService hands its routes on; Istio allows one step.
const maxDelegates = 2

// behindVirtualService gathers the destinations of all rules that a Gateway can use. One with
// weight 0 beside others gets no requests. Istio allows destinations in any namespace.
func behindVirtualService(vs *istio.VirtualService, l *Lookup, h *Host, depth int) {
	weightless := false
	for _, list := range [][]istio.Rule{vs.Spec.HTTP, vs.Spec.TLS, vs.Spec.TCP} {
		for i := range list {
			rule := &list[i]
			if meshOnly(rule) {
				continue
			}
			if d := rule.Delegate; d != nil && depth < maxDelegates {
				delegated(vs, d, l, h, depth)
			}
			for _, to := range rule.Route {
				if to.Weight == 0 && len(rule.Route) > 1 {
					weightless = true
					continue
				}
				destination(vs.Namespace, to.Destination, h)
			}
		}
	}
	for i := range vs.Spec.HTTP {
		if h.URLPath != "/" && !meshOnly(&vs.Spec.HTTP[i]) {
			h.URLPath = better(h.URLPath, matchedPath(vs.Spec.HTTP[i].Match))
		}
	}
	if weightless && len(h.Backends)+len(h.Others) == 0 {
		h.Dead = "every destination has weight 0"
	}
}

func delegated(vs *istio.VirtualService, d *istio.Delegate, l *Lookup, h *Host, depth int) {
	namespace := d.Namespace
	if namespace == "" {
		namespace = vs.Namespace
	}
	key := ByName(KindVirtualService, namespace, d.Name)
	obj, _ := l.One(key)
	if to, ok := obj.(*istio.VirtualService); ok {
		behindVirtualService(to, l, h, depth+1)
		return
	}
	h.addOther(key.String())
}

// meshOnly reports that a rule is for sidecars alone.
func meshOnly(r *istio.Rule) bool {
	if len(r.Match) == 0 {
		return false
	}
	for i := range r.Match {
		m := &r.Match[i]
		if len(m.SourceLabels) == 0 && (len(m.Gateways) == 0 || !slices.Equal(m.Gateways, []string{istio.Mesh})) {
			return false
		}
	}
	return true
}

// matchedPath gives a path that a request without special headers is taken by.
func matchedPath(matches []istio.Match) string {
	if len(matches) == 0 {
		return "/"
	}
	path := ""
	for i := range matches {
		m := &matches[i]
		switch {
		case len(m.Headers)+len(m.QueryParams) > 0 || m.Method != nil && m.Method.Exact != "GET":
		case m.URI == nil:
			path = "/"
		case strings.HasPrefix(m.URI.Exact, "/"):
			path = better(path, m.URI.Exact)
		case strings.HasPrefix(m.URI.Prefix, "/"):
			path = better(path, m.URI.Prefix)
		}
	}
	return path
}

// destination adds the Service that a host name means for a VirtualService in a namespace.
//
//	host                       | Service
//	name                       | name, in the same namespace
//	name.ns.svc                | name in ns
//	name.ns.svc.cluster.local  | name in ns
//	any other                  | none: a ServiceEntry's, whose health no object tells
func destination(namespace string, d *istio.Host, h *Host) {
	if d == nil {
		return
	}
	host := strings.ToLower(strings.TrimSuffix(d.Host, "."))
	parts := strings.Split(host, ".")
	switch {
	case host == "":
	case len(parts) == 1:
		h.addBackend(ServiceBackend(namespace, host))
	case len(parts) >= 3 && parts[2] == "svc":
		h.addBackend(ServiceBackend(parts[1], parts[0]))
	default:
		h.addOther("host " + host)
	}
}
