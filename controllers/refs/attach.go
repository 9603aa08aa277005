// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// way is one parentRef of a route: the Gateway and the listeners that it means.
type way struct {
	*gateway
	why     string   // that there is no Gateway, in words
	refused []string // listeners that would take the route and may not, in words
}

// ways looks up every parentRef. What a parent says about the route counts: one that does
// not accept it sends no requests.
//
//	listener's allowedRoutes | route's status for the parent | Gateway, listener          | entries
//	do not allow it          | any, or none                  | any                        | none
//	allow it                 | Accepted False, of any age    | any                        | unhealthy
//	allow it                 | else                          | Accepted, Programmed False | unhealthy
//	allow it                 | else                          | else                       | as the backends say
//
// A status that says False of an older generation stays in force: until its controller has
// looked again, nothing has changed for clients.
func (r *route) ways(l *Lookup, t *Target) []way {
	var all []way
	for i := range r.parents {
		p := &r.parents[i]
		g, why := gatewayOf(l, p, r.GetNamespace())
		if g == nil {
			if why != "" {
				all = append(all, way{why: why})
			}
			continue
		}
		g.listeners = slices.DeleteFunc(g.listeners, func(open listener) bool {
			return r.schemes[open.protocol] == "" || p.SectionName != nil && string(*p.SectionName) != open.name ||
				p.Port != nil && uint16(*p.Port) != open.port //nolint:gosec // the schema bounds it
		})
		w := way{gateway: g}
		g.listeners = slices.DeleteFunc(g.listeners, func(open listener) bool {
			why := open.refuses(l, r)
			if why != "" {
				w.refused = append(w.refused, why)
			}
			return why != ""
		})
		conditions := r.statusFor(p)
		if down := denied(conditions, string(gatewayv1.RouteConditionAccepted), fmt.Sprintf("%s at %s", t.Source, g.on)); down != "" {
			g.down = down
		}
		if g.down != "" {
			t.Notes = append(t.Notes, Note{Reason: gslbv1beta1.ReasonNotProgrammed, Bad: true, On: g.on, Message: g.down})
		}
		for _, open := range g.listeners {
			if open.down != "" {
				t.Notes = append(t.Notes, Note{Reason: gslbv1beta1.ReasonNotProgrammed, On: g.on, Message: open.down})
			}
		}
		if c := meta.FindStatusCondition(conditions, string(gatewayv1.RouteConditionResolvedRefs)); c != nil && c.Status == metav1.ConditionFalse {
			t.Notes = append(t.Notes, Note{Reason: gslbv1beta1.ReasonResolved, On: t.Source, Path: "status.parents",
				Message: fmt.Sprintf("%s says of the backends of %s: %s %s", g.on, t.Source, c.Reason, c.Message)})
		}
		all = append(all, w)
	}
	return all
}

// statusFor gives the conditions that the controller of a parent wrote for it. Where several
// controllers did, as after a Gateway went from one to another, those count that tell of
// the newest generation of the route; of these, those that do not refuse it.
func (r *route) statusFor(p *gatewayv1.ParentReference) []metav1.Condition {
	var best []metav1.Condition
	for i := range r.status {
		st := &r.status[i]
		if r.sameParent(&st.ParentRef, p) && (best == nil || tellsMore(st.Conditions, best)) {
			best = st.Conditions
		}
	}
	return best
}

func tellsMore(a, b []metav1.Condition) bool {
	const accepted = string(gatewayv1.RouteConditionAccepted)
	generation := func(all []metav1.Condition) int64 {
		if c := meta.FindStatusCondition(all, accepted); c != nil {
			return c.ObservedGeneration
		}
		return 0
	}
	if x, y := generation(a), generation(b); x != y {
		return x > y
	}
	return meta.IsStatusConditionFalse(b, accepted) && !meta.IsStatusConditionFalse(a, accepted)
}

func (r *route) sameParent(a, b *gatewayv1.ParentReference) bool {
	own := gatewayv1.Namespace(r.GetNamespace())
	return a.Name == b.Name && or(a.Namespace, own) == or(b.Namespace, own) &&
		or(a.Group, gatewayv1.GroupName) == or(b.Group, gatewayv1.GroupName) && or(a.Kind, "Gateway") == or(b.Kind, "Gateway") &&
		or(a.SectionName, "") == or(b.SectionName, "") && or(a.Port, 0) == or(b.Port, 0)
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// listened gives the host names of listeners.
func listened(ways []way) []named {
	var names []named
	for _, w := range ways {
		if w.gateway == nil {
			continue
		}
		for _, open := range w.listeners {
			n := named{open.hostname, "spec.parentRefs"}
			if open.hostname != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// through gives the hosts that a name becomes at the listeners that take it: itself, or for
// a wildcard the narrower names of listeners. One that no listener takes has no entries.
func (r *route) through(n named, ways []way) []Host {
	var t Target
	var missing []string
	for _, w := range ways {
		if w.gateway == nil {
			missing = append(missing, w.why)
			continue
		}
		taken := false
		for i := range w.listeners {
			open := &w.listeners[i]
			name, both := intersect(n.name, open.hostname)
			if r.unnamed {
				name, both = n.name, true
			}
			if !both {
				continue
			}
			taken = true
			if !t.names(name) {
				t.Hosts = append(t.Hosts, Host{Name: name, Path: n.path})
			}
			i := slices.IndexFunc(t.Hosts, func(h Host) bool { return h.Name == name })
			r.arrive(&t.Hosts[i], w.gateway, open)
		}
		if !taken && len(w.refused) > 0 {
			missing = append(missing, w.refused...)
		} else if !taken {
			missing = append(missing, fmt.Sprintf("no listener of %s takes %s from kind %s", w.on, n.name, r.kind.Kind))
		}
		missing = append(missing, w.odd...)
	}
	if len(t.Hosts) == 0 {
		t.Hosts = []Host{{Name: n.name, Path: n.path}}
		if len(ways) == 0 {
			missing = append(missing, "no parentRef names a Gateway")
		}
	}
	for i := range t.Hosts {
		t.Hosts[i].Missing = missing
	}
	return t.Hosts
}

// arrive adds the addresses of a Gateway behind one of its listeners.
func (r *route) arrive(h *Host, g *gateway, open *listener) {
	h.addVia(g.on)
	h.TLS = h.TLS || open.secure()
	for _, e := range g.addresses {
		e.Scheme, e.Port, e.Down = r.schemes[open.protocol], open.port, g.down
		if e.Down == "" {
			e.Down = open.down
		}
		h.addEntry(e)
	}
}
