// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// serviceState is what the objects say of one Service.
type serviceState struct {
	health  gslb.Health
	reason  gslb.Reason
	why     string // of an unknown health, in words
	local   int    // ready endpoints in this cluster
	remote  int    // elsewhere
	from    []string
	down    []string // clusters whose ready endpoints do not count, since they are lost
	bare    []string // and those that say themselves that none is ready there
	foreign []string // managers of slices that are not known
}

// readiness judges Services for one Gslb.
type readiness struct {
	look  *refs.Lookup
	class classifier
	scope gslbv1beta1.ServiceHealthScope
	all   bool // every Service is needed
	down  func(cluster string) bool
	bare  func(host gslb.Name, cluster string) bool
	had   func(service types.NamespacedName) bool
}

func newReadiness(in *Input, look *refs.Lookup) *readiness {
	down := in.Down
	if down == nil {
		down = func(string) bool { return false }
	}
	bare := in.Bare
	if bare == nil {
		bare = func(gslb.Name, string) bool { return false }
	}
	had := in.Had
	if had == nil {
		had = func(types.NamespacedName) bool { return false }
	}
	return &readiness{
		had:   had,
		down:  down,
		bare:  bare,
		look:  look,
		class: classifier{self: in.Self, names: in.Names, virtualNodes: in.VirtualNodes},
		scope: cmp.Or(in.Gslb.Spec.ServiceHealthScope, gslbv1beta1.ScopeLocal),
		all:   in.Gslb.Spec.ServiceHealthPolicy == gslbv1beta1.ServiceHealthAll,
	}
}

// backend judges one Service.
//
//	Service          | slices     | ready endpoints that count | health    | reason
//	may not be used  | –          | –                          | unhealthy | ServiceNotFound
//	gets no request  | –          | –                          | unhealthy | NoLocalReadyEndpoints
//	could not be read | any       | –                          | unknown   | HealthUnknown
//	does not exist   | any        | –                          | unhealthy | ServiceNotFound
//	has none by kind | any        | –                          | unknown   | HealthUnknown
//	exists           | unreadable | –                          | unknown   | HealthUnknown
//	exists           | read       | some                       | healthy   | Ready
//	exists           | read       | none                       | unhealthy | NoLocalReadyEndpoints
//	has a selector   | none there | –                          | unhealthy | NoEndpointSlices
//
// A Service with a selector keeps an EndpointSlice while it has no pods, so one without any
// has lost it.
// Ready endpoints in a cluster that is known to be lost never count: nobody takes them out of
// the objects here while it is. Nor do those in a cluster that reports of the host that none of
// its own is ready: Karmada leaves the slices of a provider that is not.
func (r *readiness) backend(host gslb.Name, b *refs.Backend) serviceState {
	if b.Refused != "" {
		return serviceState{health: gslb.Unhealthy, reason: gslb.ReasonServiceNotFound}
	}
	if b.Dead != "" {
		return serviceState{health: gslb.Unhealthy, reason: gslb.ReasonNotReady}
	}
	obj, state := r.look.One(b.Key())
	if obj == nil && state == refs.Unread {
		return serviceState{reason: gslb.ReasonHealthUnknown, why: fmt.Sprintf("%s could not be read", b)}
	}
	if obj == nil {
		return serviceState{health: gslb.Unhealthy, reason: gslb.ReasonServiceNotFound}
	}
	svc, isService := obj.(*corev1.Service)
	if !isService { // a ServiceImport has no markers but those of its slices
		svc = &corev1.Service{}
		svc.Namespace, svc.Name = b.Namespace, b.Name
	}
	if why := opaque(svc); why != "" {
		return serviceState{reason: gslb.ReasonHealthUnknown, why: fmt.Sprintf("%s %s", b, why)}
	}
	endpointSlices, state := r.look.Get(b.Slices())
	if state == refs.Unread {
		return serviceState{reason: gslb.ReasonHealthUnknown, why: fmt.Sprintf("the EndpointSlices of %s could not be read", b)}
	}
	s := serviceState{health: gslb.Unhealthy, reason: gslb.ReasonNotReady}
	if len(endpointSlices) == 0 && len(svc.Spec.Selector) > 0 {
		s.reason = gslb.ReasonNoSlices
	}
	var here, there families
	for _, obj := range endpointSlices {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok {
			continue
		}
		for i := range slice.Endpoints {
			ep := &slice.Endpoints[i]
			if !ready(ep) {
				continue
			}
			b := r.class.classify(svc, slice, ep)
			if b.cluster == "" {
				here.add(slice.AddressType)
				continue
			}
			if r.down(b.cluster) {
				s.down = append(s.down, b.cluster)
				continue
			}
			if r.bare(host, b.cluster) {
				s.bare = append(s.bare, b.cluster)
				continue
			}
			there.add(slice.AddressType)
			s.from = append(s.from, b.cluster)
			if b.foreign {
				s.foreign = append(s.foreign, slice.Labels[discoveryv1.LabelManagedBy])
			}
		}
	}
	s.local, s.remote = here.most(), there.most()
	// Who names a ServiceImport means the whole clusterset (GEP-1748).
	if s.local > 0 || s.remote > 0 && (r.scope == gslbv1beta1.ScopeClusterset || b.Kind == refs.KindServiceImport) {
		s.health, s.reason = gslb.Healthy, gslb.ReasonReady
	}
	return s
}

// ready reports that new clients may be sent to an endpoint. A missing condition
// ready means true. An endpoint that is terminating gets no new clients, even where
// publishNotReadyAddresses calls it ready; nor does one that says itself that it does
// not serve.
func ready(ep *discoveryv1.Endpoint) bool {
	is := func(value *bool, otherwise bool) bool {
		if value == nil {
			return otherwise
		}
		return *value
	}
	c := &ep.Conditions
	return is(c.Ready, true) && is(c.Serving, true) && !is(c.Terminating, false)
}

// families counts endpoints by address type. A Service of both families has each pod
// in a slice of each.
type families struct{ v4, v6, names int }

func (f *families) add(t discoveryv1.AddressType) {
	switch t {
	case discoveryv1.AddressTypeIPv6:
		f.v6++
	case discoveryv1.AddressTypeFQDN:
		f.names++
	default:
		f.v4++
	}
}

func (f *families) most() int { return max(f.v4, f.v6) + f.names }

// host sums up the Services behind one host, into status, and gives notes.
//
//	scope             | what counts
//	local, clusterset | the table below, over the Services; a backend that is no Service is unknown
//	gateway           | no backends: the data plane that announced the entry is taken for ready
//	probe             | no backends: unknown, the probe decides
//
//	policy | some healthy | some unknown | some unhealthy | health
//	Any    | yes          | any          | any            | healthy
//	Any    | no           | yes          | any            | unknown
//	Any    | no           | no           | yes            | unhealthy
//	All    | any          | any          | yes            | unhealthy
//	All    | any          | yes          | no             | unknown
//	All    | yes          | no           | no             | healthy
//
// Without any backend health is unknown. Of several reasons for unhealthy,
// ServiceNotFound is told where every one of those Services is missing, or All needs
// it.
func (r *readiness) host(h *refs.Host, s *HostStatus) []Finding {
	switch r.scope {
	case gslbv1beta1.ScopeGateway:
		s.Readiness, s.ReadinessReason = gslb.Healthy, gslb.ReasonReady
		return nil
	case gslbv1beta1.ScopeProbe:
		s.Readiness, s.ReadinessReason = gslb.HealthUnknown, gslb.ReasonProbePending
		return nil
	case gslbv1beta1.ScopeLocal, gslbv1beta1.ScopeClusterset:
	}
	var sum tally
	name, _ := gslb.ParseHost(h.Name) // what is no name has no reports
	for i := range h.Backends {
		state := r.backend(name, &h.Backends[i])
		sum.add(state)
		s.Local += state.local
		s.Remote += state.remote
		s.DependsOn = append(s.DependsOn, state.from...)
		s.Elsewhere = slices.Concat(s.Elsewhere, state.from, state.down, state.bare)
	}
	for range h.Others {
		sum.add(serviceState{reason: gslb.ReasonHealthUnknown})
	}
	s.Readiness, s.ReadinessReason = sum.health(r.all)
	s.Weightless = h.Dead != "" || len(h.Backends) > 0 && len(h.Others) == 0 &&
		!slices.ContainsFunc(h.Backends, func(b refs.Backend) bool { return b.Dead == "" })
	if h.Dead != "" {
		s.Readiness, s.ReadinessReason = gslb.Unhealthy, gslb.ReasonNotReady
	}
	s.DependsOn, s.Elsewhere = distinct(s.DependsOn), distinct(s.Elsewhere)
	sum.down, sum.bare = distinct(sum.down), distinct(sum.bare)
	s.Bare = isBare(h, s, &sum)
	from := s.DependsOn
	if s.Local > 0 || s.Readiness != gslb.Healthy {
		s.DependsOn = nil
	}
	return r.notes(h, s, &sum, from)
}

// isBare reports that this cluster can say for sure that no backend of a host is ready in it.
// It depends on objects here alone, never on what others report (see lost.go of controllers).
//
//	backends | one whose endpoints nobody looks at or can tell | ready here | bare
//	none     | any                                             | any        | no
//	some     | yes                                             | any        | no
//	some     | no                                              | some       | no
//	some     | no                                              | none       | yes
func isBare(h *refs.Host, s *HostStatus, sum *tally) bool {
	unseen := func(b refs.Backend) bool { return b.Dead != "" || b.Refused != "" }
	return len(h.Backends) > 0 && sum.unknown == 0 && !slices.ContainsFunc(h.Backends, unseen) && s.Local == 0
}

// tally counts the Services of a host by health.
type tally struct {
	healthy, unknown, notReady, missing int // unlisted Services are not ready too
	unlisted                            int
	why                                 []string
	foreign                             []string
	down, bare                          []string
}

func (t *tally) add(s serviceState) {
	switch {
	case s.health == gslb.Healthy:
		t.healthy++
	case s.reason == gslb.ReasonServiceNotFound:
		t.missing++
	case s.health == gslb.Unhealthy:
		t.notReady++
		if s.reason == gslb.ReasonNoSlices {
			t.unlisted++
		}
	default:
		t.unknown++
	}
	if s.why != "" {
		t.why = append(t.why, s.why)
	}
	t.foreign = append(t.foreign, s.foreign...)
	t.down, t.bare = append(t.down, s.down...), append(t.bare, s.bare...)
}

// distinct sorts words, and leaves each once.
func distinct(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}

func (t *tally) health(all bool) (gslb.Health, gslb.Reason) {
	unhealthy := t.missing + t.notReady
	switch {
	case all && t.missing > 0, t.healthy+t.unknown+t.notReady == 0 && t.missing > 0:
		return gslb.Unhealthy, gslb.ReasonServiceNotFound
	case all && unhealthy > 0, t.healthy+t.unknown == 0 && unhealthy > 0:
		if t.unlisted == t.notReady {
			return gslb.Unhealthy, gslb.ReasonNoSlices
		}
		return gslb.Unhealthy, gslb.ReasonNotReady
	case t.healthy > 0 && (!all || t.unknown == 0):
		return gslb.Healthy, gslb.ReasonReady
	}
	return gslb.HealthUnknown, gslb.ReasonHealthUnknown
}
