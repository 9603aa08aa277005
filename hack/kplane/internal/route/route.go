// SPDX-License-Identifier: Apache-2.0

// Package route decides which Service a request belongs to, by the rules of
// Ingress (networking.k8s.io/v1). It knows objects, host names and paths; it
// neither resolves a Service nor speaks HTTP. The node's ingress role calls it.
//
// For one request, in this order:
//
//	host     an exact host, then a wildcard (*.example.com is one label), then rules without a host
//	path     within that host: Exact, then the longest prefix
//	ties     the older Ingress, then by namespace and name
//	nothing  the default backend of an Ingress with a rule for that host, then of any Ingress
//	still    no backend: the caller answers 404
//
// The most specific host that has any rule decides alone: a request for it that
// no path matches does not fall through to a wildcard. ImplementationSpecific
// is treated as Prefix.
package route

import (
	"cmp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// A Backend is where a request goes. Service is empty for a backend of the kind
// "resource", which is not supported.
type Backend struct {
	Namespace, Service string
	// PortName or else PortNumber is the Service's port.
	PortName   string
	PortNumber int32
}

// A Table is the routes of all Ingresses of a cluster. It is immutable; the
// zero value routes nothing.
type Table struct {
	hosts    map[string]*host // "" for rules without a host, "*.example.com" for wildcards
	fallback *Backend
}

type host struct {
	paths    []path // best match first
	fallback *Backend
}

type path struct {
	exact   bool
	value   string // prefixes without the trailing slash; "" matches everything
	backend Backend
}

// Build makes the table. The order of ingresses does not matter; they are not changed.
func Build(ingresses []*networkingv1.Ingress) *Table {
	ordered := slices.Clone(ingresses)
	slices.SortFunc(ordered, func(a, b *networkingv1.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	t := &Table{hosts: map[string]*host{}}
	for _, ingress := range ordered {
		t.add(ingress)
	}
	for _, h := range t.hosts {
		slices.SortStableFunc(h.paths, better)
	}
	return t
}

func (t *Table) add(ingress *networkingv1.Ingress) {
	var fallback *Backend
	if ingress.Spec.DefaultBackend != nil {
		b := backendOf(ingress.Namespace, *ingress.Spec.DefaultBackend)
		fallback = &b
		if t.fallback == nil {
			t.fallback = fallback
		}
	}
	for _, rule := range ingress.Spec.Rules {
		name := canonical(rule.Host)
		h := t.hosts[name]
		if h == nil {
			h = &host{}
			t.hosts[name] = h
		}
		if h.fallback == nil {
			h.fallback = fallback
		}
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			h.paths = append(h.paths, pathOf(ingress.Namespace, p))
		}
	}
}

// Match returns the backend of a request for this host (a port and a trailing
// dot are ignored) and path, and false if no rule and no default matches.
func (t *Table) Match(hostname, requestPath string) (Backend, bool) {
	if h := t.find(canonical(withoutPort(hostname))); h != nil {
		for _, p := range h.paths {
			if p.matches(requestPath) {
				return p.backend, true
			}
		}
		if h.fallback != nil {
			return *h.fallback, true
		}
	}
	if t.fallback != nil {
		return *t.fallback, true
	}
	return Backend{}, false
}

func (t *Table) find(name string) *host {
	if h := t.hosts[name]; h != nil && name != "" {
		return h
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if h := t.hosts["*."+parent]; h != nil {
			return h
		}
	}
	return t.hosts[""]
}

func better(a, b path) int {
	if a.exact != b.exact {
		if a.exact {
			return -1
		}
		return 1
	}
	return cmp.Compare(len(b.value), len(a.value))
}

func pathOf(namespace string, p networkingv1.HTTPIngressPath) path {
	exact := p.PathType != nil && *p.PathType == networkingv1.PathTypeExact
	value := p.Path
	if !exact {
		value = strings.TrimRight(value, "/")
	}
	return path{exact: exact, value: value, backend: backendOf(namespace, p.Backend)}
}

// matches compares element by element: the prefix /a/b matches /a/b, /a/b/ and
// /a/b/c, but not /a/bc.
func (p path) matches(requestPath string) bool {
	if p.exact {
		return requestPath == p.value
	}
	rest, ok := strings.CutPrefix(requestPath, p.value)
	return ok && (rest == "" || rest[0] == '/')
}

func backendOf(namespace string, b networkingv1.IngressBackend) Backend {
	backend := Backend{Namespace: namespace}
	if b.Service != nil {
		backend.Service = b.Service.Name
		backend.PortName = b.Service.Port.Name
		backend.PortNumber = b.Service.Port.Number
	}
	return backend
}

func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func withoutPort(hostport string) string {
	if strings.HasPrefix(hostport, "[") { // an IPv6 literal is never the host of a rule
		return hostport
	}
	name, _, _ := strings.Cut(hostport, ":")
	return name
}
