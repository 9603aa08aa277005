// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// DependsOn says which objects the translation of a Gslb reads, beside the
// ZoneDelegations, as far as that is known from what was found: call it first with
// nothing, find those, and call it again, until nothing new is needed ([refs.Gather]).
func DependsOn(g *gslbv1beta1.Gslb, found *refs.Found) []refs.Key {
	l := refs.NewLookup(found)
	t := targetOf(g, l)
	l.Get(namespaceKey(g))
	for i := range t.Hosts {
		for _, b := range t.Hosts[i].Backends {
			if b.Refused == "" {
				l.Get(b.Key())
				l.Get(b.Slices())
			}
		}
	}
	for i := range t.Hosts {
		entries := t.Hosts[i].Entries
		for _, e := range entriesOf(&Input{Gslb: g, AllowLoopback: true}, l, &t, &t.Hosts[i]).list { // also those by hand
			if !slices.Contains(entries, e.at) {
				entries = append(slices.Clip(entries), e.at)
			}
		}
		for j := range entries {
			fronts, _ := frontsOf(g, &t, &entries[j], l)
			for _, f := range fronts {
				l.Get(f.Key())
				l.Get(f.Slices())
			}
		}
	}
	return l.Asked()
}

func namespaceKey(g *gslbv1beta1.Gslb) refs.Key {
	return refs.ByName(refs.KindNamespace, "", g.Namespace)
}

// target is what a Gslb refers to, found or embedded: one object, or several by labels.
type target struct {
	Hosts    []refs.Host // of all objects
	objects  []annotated // that were found, with their annotations
	notes    []refs.Note
	problem  *refs.Problem // why there is no object
	embedded bool
	foreign  bool                  // the Ingress that was found belongs to somebody else
	ingress  *networkingv1.Ingress // the one that was found, if embedded; nil if there is none
}

// names lists the objects, in words.
func (t *target) names() string {
	names := ""
	for i, o := range t.objects {
		if i > 0 {
			names += ", "
		}
		names += o.on.String()
	}
	return names
}

// first is the object that findings about no other are on; the zero Source if none was
// found.
func (t *target) first() gslb.Source {
	if len(t.objects) == 0 {
		return gslb.Source{}
	}
	return t.objects[0].on
}

func (t *target) take(targets []refs.Target) {
	t.Hosts = refs.Merge(targets)
	for i := range targets {
		t.objects = append(t.objects, annotated{targets[i].Source, targets[i].Annotations})
		t.notes = append(t.notes, targets[i].Notes...)
	}
}

// targetOf resolves the reference of a Gslb. With a problem the target has no hosts.
func targetOf(g *gslbv1beta1.Gslb, l *refs.Lookup) target {
	if g.Spec.Ingress != nil {
		return embeddedTarget(g, l)
	}
	if g.Spec.ResourceRef == nil {
		return target{problem: &refs.Problem{
			Reason:  gslbv1beta1.ReasonResourceNotFound,
			Message: "set ingress (an embedded Ingress) or resourceRef (an object that is there already)",
		}}
	}
	var t target
	var objects []refs.Object
	objects, t.problem = refs.Resolve(g.Spec.ResourceRef, g.Namespace, l)
	targets := make([]refs.Target, len(objects))
	for i, obj := range objects {
		targets[i] = readFor(g, obj, l)
	}
	t.take(targets)
	return t
}

// readFor reads an object that a Gslb refers to. Where neither the object nor an annotation
// of it names a host, the hostname annotation of the Gslb does:
//
//	spec of the object | annotation of the object | annotation of the Gslb | hosts
//	names hosts        | any                      | any                    | of the spec
//	names none         | set                      | any                    | of the object's annotation
//	names none         | –                        | set                    | of the Gslb's annotation
//	names none         | –                        | –                      | those of listeners, or none
func readFor(g *gslbv1beta1.Gslb, obj refs.Object, l *refs.Lookup) refs.Target {
	keys := []string{gslbv1beta1.AnnotationHostname, gslbv1beta1.K8gbAnnotationHostname}
	set := func(annotations map[string]string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return len(words(annotations[key])) > 0 })
	}
	if set(obj.GetAnnotations()) || !set(g.Annotations) {
		t, _ := refs.Read(obj, l)
		return t
	}
	named, ok := obj.DeepCopyObject().(refs.Object)
	if !ok {
		return refs.Target{} // an object copies to its own type
	}
	annotations := maps.Clone(obj.GetAnnotations())
	if annotations == nil {
		annotations = make(map[string]string, len(keys))
	}
	for _, key := range keys {
		annotations[key] = g.Annotations[key]
	}
	named.SetAnnotations(annotations)
	t, _ := refs.Read(named, l)
	t.Annotations = obj.GetAnnotations()
	for i := range t.Hosts {
		if h := &t.Hosts[i]; slices.ContainsFunc(keys, func(key string) bool { return h.Path == annotationPath(key) }) {
			h.On = gslbSource(g)
		}
	}
	return t
}

// embeddedTarget reads the embedded Ingress as if it were written already, with the
// status of the one that was found.
func embeddedTarget(g *gslbv1beta1.Gslb, l *refs.Lookup) target {
	t := target{embedded: true}
	written := &networkingv1.Ingress{Spec: g.Spec.Ingress.ToNetworkingV1()}
	written.Namespace, written.Name = g.Namespace, g.Name
	if obj, _ := l.One(refs.IngressKey(g.Namespace, g.Name)); obj != nil {
		t.ingress, _ = obj.(*networkingv1.Ingress)
		written.Status = t.ingress.Status
		written.Annotations = t.ingress.Annotations
	}
	read, _ := refs.Read(written, l)
	t.take([]refs.Target{read})
	return t
}
