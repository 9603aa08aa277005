// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// Labels by which Liqo marks a copy of an object from another cluster.
const (
	liqoOrigin      = "offloading.liqo.io/origin"
	liqoDestination = "offloading.liqo.io/destination"
)

// FromAnnotations makes the Gslb that an annotated object asks for: of the same name,
// owned by it, pointing to it, with every default filled in as an API server would.
// It is nil without problems where the object is not annotated, or was made for a
// Gslb itself. With problems it is nil too: what is there stays as it is.
//
// Annotations of gslb.meridian.dev win over those of k8gb.io, one by one. What k8gb takes in
// one of its own is taken there: any letters in a geo tag, a primary that the strategy has no
// use for, 0 for the default TTL.
func FromAnnotations(obj refs.Object) (*gslbv1beta1.Gslb, []Problem) {
	g, problems, _ := fromAnnotations(obj)
	return g, problems
}

// AnnotationNotes says what of the annotations that [FromAnnotations] accepts is not followed
// as it is written.
func AnnotationNotes(obj refs.Object) []Problem {
	_, _, notes := fromAnnotations(obj)
	return notes
}

func fromAnnotations(obj refs.Object) (_ *gslbv1beta1.Gslb, problems, notes []Problem) {
	r := annotationReader{annotations: obj.GetAnnotations()}
	strategy := r.value("type", gslbv1beta1.AnnotationStrategy, gslbv1beta1.K8gbAnnotationStrategy)
	gvk := refs.KindOf(obj)
	if strategy == "" || gvk.Empty() || madeForGslb(obj) {
		return nil, nil, nil
	}
	owner := metav1.NewControllerRef(obj, gvk)
	if gvk.GroupKind() != refs.KindIngress { // to hold its owner back needs a right on that, which is asked for Ingresses alone
		owner.BlockOwnerDeletion = nil
	}
	g := &gslbv1beta1.Gslb{
		TypeMeta: metav1.TypeMeta{APIVersion: gslbv1beta1.GroupVersion.String(), Kind: "Gslb"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: obj.GetNamespace(), Name: obj.GetName(),
			Labels:          map[string]string{gslbv1beta1.LabelOrigin: originOf(obj)},
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Spec: gslbv1beta1.GslbSpec{
			ResourceRef:         &gslbv1beta1.ResourceRef{APIVersion: owner.APIVersion, Kind: owner.Kind, Name: obj.GetName()},
			ServiceHealthPolicy: gslbv1beta1.ServiceHealthAny,
			ServiceHealthScope:  gslbv1beta1.ScopeClusterset,
			EntryAddresses:      r.addresses(),
			Strategy: gslbv1beta1.Strategy{
				Type:                       gslbv1beta1.StrategyType(strategy),
				PrimaryGeoTag:              r.primary(strategy),
				FailoverOrder:              r.order(),
				Weight:                     r.weights(),
				DNSTTLSeconds:              r.ttl(),
				SplitBrainThresholdSeconds: pointer[int32](gslbv1beta1.DefaultSplitBrainThresholdSeconds),
				WhenAllUnhealthy:           gslbv1beta1.AnswerEmpty,
				HostnameAnswers:            gslbv1beta1.HostnameAnswers(r.value("hostnameAnswers", gslbv1beta1.AnnotationHostnameAnswers)),
			},
		},
	}
	for _, p := range specProblems(&g.Spec) {
		r.problem(p)
	}
	if len(r.problems) > 0 {
		return nil, r.problems, nil
	}
	return g, nil, r.notes
}

// UpdateAnnotated gives what is to be written of a Gslb that annotations ask for: the
// desired one where none exists; the existing one, updated, where the same object owns
// it; nil where nothing differs, or where the existing one is somebody's own, which
// keeps its spec.
func UpdateAnnotated(existing, desired *gslbv1beta1.Gslb) *gslbv1beta1.Gslb {
	if existing == nil {
		return desired
	}
	have, want := metav1.GetControllerOf(existing), metav1.GetControllerOf(desired)
	if have == nil || want == nil || have.UID != want.UID || have.Kind != want.Kind || have.Name != want.Name {
		return nil
	}
	updated := existing.DeepCopy()
	updated.Spec = *desired.Spec.DeepCopy()
	updated.Labels = merged(existing.Labels, desired.Labels)
	if equality.Semantic.DeepEqual(existing, updated) {
		return nil
	}
	return updated
}

// KeepWeights gives a Gslb that annotations ask for the weights that the existing one has, where
// the annotations are those of k8gb: it has none for weights, and leaves those that people
// wrote into the Gslb.
func KeepWeights(obj refs.Object, desired, existing *gslbv1beta1.Gslb) {
	a := obj.GetAnnotations()
	s := &desired.Spec.Strategy
	if existing != nil && a[gslbv1beta1.AnnotationStrategy] == "" && a[gslbv1beta1.AnnotationWeights] == "" && s.Type == gslbv1beta1.RoundRobin {
		s.Weight = maps.Clone(existing.Spec.Strategy.Weight)
	}
}

// madeForGslb reports that a Gslb, of Meridian or k8gb, owns the object.
func madeForGslb(obj metav1.Object) bool {
	return slices.ContainsFunc(obj.GetOwnerReferences(), func(o metav1.OwnerReference) bool {
		group, _, _ := strings.Cut(o.APIVersion, "/")
		return o.Kind == gslbv1beta1.GslbKind && (group == gslbv1beta1.Group || k8gb.IsGroup(group))
	})
}

func originOf(obj metav1.Object) string {
	labels := obj.GetLabels()
	if labels[liqoOrigin] != "" || labels[liqoDestination] != "" {
		return gslbv1beta1.OriginReflected
	}
	return gslbv1beta1.OriginAnnotation
}

func pointer[T any](v T) *T { return &v }

// annotationReader reads annotations and remembers which one gave which field of
// spec.strategy, so that problems are told where the value stands.
type annotationReader struct {
	annotations map[string]string
	from        map[string]string // field of spec, such as "strategy.weight": annotation
	problems    []Problem
	notes       []Problem
}

// value gives the first annotation that is set, for a field of spec.strategy.
func (r *annotationReader) value(field string, keys ...string) string {
	return r.valueFor("spec.strategy."+field, keys...)
}

func (r *annotationReader) valueFor(field string, keys ...string) string {
	for _, key := range keys {
		if value := strings.TrimSpace(r.annotations[key]); value != "" {
			if r.from == nil {
				r.from = make(map[string]string)
			}
			r.from[field] = key
			return value
		}
	}
	return ""
}

// problem takes over a problem of the spec, on the annotation that it came from.
func (r *annotationReader) problem(p Problem) {
	field, _, _ := strings.Cut(p.Path, "[")
	key, known := r.from[field]
	if !known {
		key = r.from["spec.strategy.type"]
	}
	r.wrong(key, p.Message)
}

func (r *annotationReader) wrong(key, message string) {
	r.problems = append(r.problems, Problem{Path: annotationPath(key), Message: message})
}

func (r *annotationReader) primary(strategy string) gslbv1beta1.GeoTag {
	const field = "primaryGeoTag"
	tag := r.value(field, gslbv1beta1.AnnotationPrimaryGeoTag, gslbv1beta1.K8gbAnnotationPrimaryGeoTag)
	if r.from["spec.strategy."+field] == gslbv1beta1.K8gbAnnotationPrimaryGeoTag {
		if strategy != string(gslbv1beta1.Failover) {
			return ""
		}
		if known, err := gslb.ParseGeoTag(tag); err == nil {
			tag = string(known)
		}
	}
	return gslbv1beta1.GeoTag(tag)
}

func (r *annotationReader) ttl() *int32 {
	const field = "dnsTtlSeconds"
	text := r.value(field, gslbv1beta1.AnnotationDNSTTLSeconds, gslbv1beta1.K8gbAnnotationDNSTTLSeconds)
	if text == "" {
		return pointer[int32](gslbv1beta1.DefaultDNSTTLSeconds)
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		r.wrong(r.from["spec.strategy."+field], fmt.Sprintf("%q is not a number of seconds, such as \"30\"", text))
	} else if key := r.from["spec.strategy."+field]; key == gslbv1beta1.K8gbAnnotationDNSTTLSeconds {
		bounded, notes := k8gb.TTL(annotationPath(key), int(seconds))
		for _, n := range notes {
			r.notes = append(r.notes, Problem(n))
		}
		return &bounded
	}
	return pointer(int32(seconds))
}

func (r *annotationReader) order() []gslbv1beta1.GeoTag {
	var tags []gslbv1beta1.GeoTag
	for _, tag := range words(r.value("failoverOrder", gslbv1beta1.AnnotationFailoverOrder)) {
		tags = append(tags, gslbv1beta1.GeoTag(tag))
	}
	return tags
}

// weights reads "eu=3,us=1".
func (r *annotationReader) weights() map[string]gslbv1beta1.Weight {
	var weights map[string]gslbv1beta1.Weight
	for _, word := range words(r.value("weight", gslbv1beta1.AnnotationWeights)) {
		tag, number, found := strings.Cut(word, "=")
		tag = strings.TrimSpace(tag)
		weight, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
		_, twice := weights[tag]
		switch {
		case !found || err != nil:
			r.wrong(gslbv1beta1.AnnotationWeights, fmt.Sprintf("%q is not a geo tag with a weight: write it like \"eu=3,us=1\"", word))
			continue
		case twice:
			r.wrong(gslbv1beta1.AnnotationWeights, fmt.Sprintf("geo tag %q has two weights", tag))
			continue
		case weights == nil:
			weights = make(map[string]gslbv1beta1.Weight)
		}
		weights[tag] = gslbv1beta1.Weight(weight)
	}
	return weights
}

func (r *annotationReader) addresses() []gslbv1beta1.Address {
	var addresses []gslbv1beta1.Address
	for _, word := range words(r.valueFor("spec.entryAddresses", gslbv1beta1.AnnotationEntryAddresses, gslbv1beta1.K8gbAnnotationExposedIPAddresses)) {
		if address := gslbv1beta1.Address(word); !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}
