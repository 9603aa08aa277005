// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// path judges the way to the backends of a host: the pods of the ingress controller or
// gateway at each entry, where it is known which Services these are ([refs.Fronts]). It marks
// the entries at which no client gets in, and gives notes.
//
//	scope | Services at the entry                               | the entry
//	probe | any                                                 | as the probe says
//	other | none known, or backends themselves                  | as the backends say
//	other | one that is open                                    | as the backends say
//	other | all are closed                                      | unhealthy, EntryNotReady
//
// A Service is open or closed by its endpoints; only those at the entry's node count where its
// pods listen on their nodes.
//
//	EndpointSlices        | endpoints that count | the Service                     | it is
//	none, or not readable | any                  | any                             | open
//	there                 | one is ready         | any                             | open
//	there                 | some, none is ready  | any                             | closed
//	there                 | none, but elsewhere  | bounded to the node             | closed
//	there                 | none anywhere        | surely that of the entry        | closed
//	there                 | none anywhere        | found by labels, had one before | closed
//	there                 | none anywhere        | found by labels, never had one  | open
func (b *builder) path(r *readiness, h *refs.Host, s *HostStatus, list []entry) []Finding {
	if r.scope == gslbv1beta1.ScopeProbe {
		return nil
	}
	var findings []Finding
	note := func(path, message string) {
		f := Finding{Condition: gslbv1beta1.ConditionResolved, Reason: gslbv1beta1.ReasonResolved, Path: path, Message: message}
		if !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	for i := range list {
		e := &list[i]
		fronts, wrong := frontsOf(b.in.Gslb, b.target, &e.at, r.look)
		if wrong != nil {
			b.add([]Finding{*wrong})
		}
		var closed []string
		for j := range fronts {
			f := &fronts[j]
			if f.By != "" && !slices.Contains(h.Backends, f.Backend) {
				note("", fmt.Sprintf("clients get in by %s, %s", f, f.By))
			}
			if r.closed(h, f) {
				closed = append(closed, f.String())
			}
		}
		if len(closed) == 0 || len(closed) < len(fronts) {
			continue
		}
		where := ""
		if len(fronts[0].At) > 0 {
			where = " at that address"
		}
		e.closed = fmt.Sprintf("no client gets in at %s: no pod behind %s is ready%s", e.text(), strings.Join(closed, ", "), where)
		note(s.Path, fmt.Sprintf("host %s: %s", s.Text, e.closed))
	}
	return findings
}

// frontsOf gives the Services through which clients of an entry get in: the one that an
// annotation names, the Gslb's first and that of an IngressClass last, else those that are
// found. An annotation that names none is told, and counts as absent.
func frontsOf(g *gslbv1beta1.Gslb, t *target, e *refs.Entry, l *refs.Lookup) ([]refs.Front, *Finding) {
	wrong := func(on gslb.Source, problem *refs.Problem) *Finding {
		if problem == nil {
			return nil
		}
		return &Finding{
			Condition: gslbv1beta1.ConditionResolved, Reason: problem.Reason, Bad: true, On: on,
			Path: annotationPath(gslbv1beta1.AnnotationIngressService), Message: problem.Message + "; it is ignored",
		}
	}
	for _, at := range annotatedBy(g, t) {
		text := strings.TrimSpace(at.annotations[gslbv1beta1.AnnotationIngressService])
		if text == "" {
			continue
		}
		named, problem := refs.NamedFront(text, at.on, l)
		return refs.Fronts(e, named, l), wrong(at.on, problem)
	}
	named, problem := refs.FrontOfClass(e, l)
	return refs.Fronts(e, named, l), wrong(gslb.Source{Kind: refs.KindIngressClass.Kind, Name: e.Class}, problem)
}

// closed reports that no pod behind the Service of an entry takes clients.
func (r *readiness) closed(h *refs.Host, f *refs.Front) bool {
	if slices.Contains(h.Backends, f.Backend) {
		return false // judged already
	}
	found, state := r.look.Get(f.Slices())
	if len(found) == 0 || state != refs.Listed {
		return false // whatever makes its endpoints known has not done so
	}
	if !f.Sure && !r.had(f.NamespacedName) && !anyEndpoint(found) {
		return false
	}
	if len(f.At) > 0 {
		return !readyAt(f, found)
	}
	return r.backend(gslb.Name{}, &f.Backend).reason == gslb.ReasonNotReady // reports speak of backends, and not of this
}

func anyEndpoint(found []refs.Object) bool {
	return slices.ContainsFunc(found, func(obj refs.Object) bool {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		return ok && len(slice.Endpoints) > 0
	})
}

// readyAt reports that an endpoint is ready where the front is bounded to.
func readyAt(f *refs.Front, found []refs.Object) bool {
	for _, obj := range found {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok {
			continue
		}
		for i := range slice.Endpoints {
			if ep := &slice.Endpoints[i]; f.Takes(ep) && ready(ep) {
				return true
			}
		}
	}
	return false
}

// text is the entry as it was found.
func (e *entry) text() string {
	if e.at.IP != "" {
		return e.at.IP
	}
	return e.at.Hostname
}
