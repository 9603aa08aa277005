// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meridian-gslb/meridian/api/smi"
)

// KindTrafficSplit is the kind of the Service Mesh Interface that says which Services get
// what clients in a mesh send to another.
var KindTrafficSplit = schema.GroupKind{Group: smi.Group, Kind: smi.KindTrafficSplit}

// SplitsKeys are the keys of the objects by which a mesh sends elsewhere what is for a
// Service: TrafficSplits of it, and HTTPRoutes that it is a parent of.
func SplitsKeys(root types.NamespacedName) []Key {
	return []Key{
		{Kind: KindTrafficSplit, Namespace: root.Namespace, Root: root.Name},
		{Kind: KindHTTPRoute, Namespace: root.Namespace, Root: root.Name},
	}
}

func rootPair(root string) string { return "^" + root }

// rootsOf gives the names of the Services that an object of those kinds is for, in its own
// namespace: what is said of others counts for clients of that namespace alone.
func rootsOf(obj Object) []string {
	var roots []string
	add := func(name string) {
		if name != "" && !slices.Contains(roots, name) {
			roots = append(roots, name)
		}
	}
	switch o := obj.(type) {
	case *smi.TrafficSplit:
		add(serviceIn(o.Namespace, o.Spec.Service))
	case *gatewayv1.HTTPRoute:
		for i := range o.Spec.ParentRefs {
			p := &o.Spec.ParentRefs[i]
			if or(p.Group, gatewayv1.GroupName) == "" && or(p.Kind, "") == gatewayv1.Kind(KindService.Kind) && string(or(p.Namespace, gatewayv1.Namespace(o.Namespace))) == o.Namespace {
				add(string(p.Name))
			}
		}
	}
	return roots
}

// serviceIn gives the name of a Service that is named alone, or with the namespace and
// perhaps more: "web", "web.shop", "web.shop.svc.cluster.local"; "" where the namespace is
// another.
func serviceIn(namespace, host string) string {
	name, rest, qualified := strings.Cut(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	if of, _, _ := strings.Cut(rest, "."); qualified && of != namespace {
		return ""
	}
	return name
}

// part is what becomes of requests for a Service by one object.
type part struct {
	Host         // its backends, and others
	on    string // the object, in words
	keeps bool   // some requests go to the Service as if the object were not there
}

// partOf reads an object of [SplitsKeys]; nil where it is not in force.
func partOf(obj Object, root string, l *Lookup) *part {
	p := &part{on: Word(RowOf(obj).GroupKind) + " " + obj.GetNamespace() + "/" + obj.GetName()}
	switch o := obj.(type) {
	case *smi.TrafficSplit:
		p.keeps = len(o.Spec.Matches) > 0
		for i := range o.Spec.Backends {
			to := &o.Spec.Backends[i]
			name := serviceIn(o.Namespace, to.Service)
			switch {
			case to.Weight.Sign() <= 0:
				p.Dead = "every backend of " + p.on + " has weight 0"
			case name == "":
				p.addOther("host " + to.Service)
			default:
				p.addBackend(ServiceBackend(o.Namespace, name))
			}
		}
	case *gatewayv1.HTTPRoute:
		r := httpRoute(o)
		for i := range r.parents {
			parent := &r.parents[i]
			if or(parent.Kind, "") == gatewayv1.Kind(KindService.Kind) && string(parent.Name) == root &&
				denied(r.statusFor(parent), string(gatewayv1.RouteConditionAccepted), p.on) != "" {
				return nil
			}
		}
		r.behind(l, &p.Host)
		if p.Dead != "" {
			p.Dead += " in " + p.on
		}
	}
	if len(p.Backends)+len(p.Others) == 0 && p.Dead == "" {
		return nil // it names nobody
	}
	return p
}

// follow puts in the place of each Service behind a host those that a mesh makes of it.
// Nothing of it is in force for the Services that it puts there.
//
//	objects for the Service            | in its place
//	none, or without backends          | itself
//	some                               | the backends of all with a weight above 0
//	one of them for some requests only | itself too: it gets the others
//	all backends have weight 0         | itself, with nobody behind it
func (h *Host) follow(l *Lookup) {
	named := h.Backends
	h.Backends, h.Others = nil, slices.Clone(h.Others)
	for _, b := range named {
		if b.Kind != KindService || b.Refused != "" {
			h.addBackend(b)
			continue
		}
		h.split(b, l)
	}
}

func (h *Host) split(b Backend, l *Lookup) {
	dead, moved, keeps := "", false, false
	for _, key := range SplitsKeys(b.NamespacedName) {
		objects, _ := l.Get(key)
		for _, obj := range objects {
			p := partOf(obj, b.Name, l)
			if p == nil {
				continue
			}
			keeps = keeps || p.keeps
			moved = moved || len(p.Backends)+len(p.Others) > 0
			dead = p.Dead
			for _, to := range p.Backends {
				h.addBackend(to)
			}
			for _, other := range p.Others {
				h.addOther(other)
			}
		}
	}
	if moved && !keeps {
		return
	}
	if !moved && !keeps {
		b.Dead = dead
	}
	h.addBackend(b)
}

// follow has every host of an object follow the mesh. Clients of a Service that is itself
// the object come from outside every mesh.
func (t *Target) follow(l *Lookup) {
	if t.Source.Kind == KindService.Kind {
		return
	}
	for i := range t.Hosts {
		t.Hosts[i].follow(l)
	}
}
