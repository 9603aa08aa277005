// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// FromMeridian gives the Gslb of k8gb that means the same as far as k8gb has words for
// it, and the fields that it has none for. Name, labels, annotations and owners are those
// of g. Nothing is shared with g.
func FromMeridian(g *gslbv1beta1.Gslb) (*Gslb, []Note) {
	c := converter{}
	out := &Gslb{
		TypeMeta:   metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: gslbv1beta1.GslbKind},
		ObjectMeta: *g.ObjectMeta.DeepCopy(),
		Spec:       GslbSpec{Strategy: c.back(&g.Spec.Strategy), ServiceHealthPolicy: string(g.Spec.ServiceHealthPolicy)},
	}
	out.Spec.Ingress = ingressBack(g.Spec.Ingress)
	out.Spec.ResourceRef = referenceBack(g.Spec.ResourceRef)
	c.none("spec.healthCheck", g.Spec.HealthCheck != nil)
	c.none("spec.override", g.Spec.Override != "")
	c.none("spec.entryAddresses", len(g.Spec.EntryAddresses) > 0)
	return out, c.notes
}

func (c *converter) none(path string, set bool) {
	if set {
		c.note(path, "k8gb has no such field")
	}
}

func (c *converter) back(s *gslbv1beta1.Strategy) Strategy {
	out := Strategy{Type: string(s.Type), PrimaryGeoTag: string(s.PrimaryGeoTag)}
	if s.DNSTTLSeconds != nil {
		out.DNSTTLSeconds = new(int(*s.DNSTTLSeconds))
	}
	if s.SplitBrainThresholdSeconds != nil {
		out.SplitBrainThresholdSeconds = new(int(*s.SplitBrainThresholdSeconds))
	}
	if s.Type == gslbv1beta1.WeightedRoundRobin {
		out.Type = string(gslbv1beta1.RoundRobin)
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Weight)) {
		if out.Weight == nil {
			out.Weight = make(map[string]int, len(s.Weight))
		}
		out.Weight[tag] = int(s.Weight[tag])
	}
	if out.PrimaryGeoTag == "" && len(s.FailoverOrder) > 0 {
		out.PrimaryGeoTag = string(s.FailoverOrder[0])
	}
	c.none("spec.strategy.failoverOrder", len(s.FailoverOrder) > 1)
	c.none("spec.strategy.maxAnswers", s.MaxAnswers != nil)
	c.none("spec.strategy.whenAllUnhealthy", s.WhenAllUnhealthy != "" && s.WhenAllUnhealthy != gslbv1beta1.AnswerEmpty)
	return out
}

func ingressBack(in *gslbv1beta1.IngressSpec) *IngressSpec {
	if in == nil {
		return nil
	}
	spec := in.ToNetworkingV1()
	out := &IngressSpec{IngressClassName: spec.IngressClassName, Backend: spec.DefaultBackend, TLS: spec.TLS}
	for i := range spec.Rules {
		out.Rules = append(out.Rules, IngressRule{Host: spec.Rules[i].Host, HTTP: spec.Rules[i].HTTP})
	}
	return out
}

func referenceBack(r *gslbv1beta1.ResourceRef) *ResourceRef {
	if r == nil {
		return nil
	}
	return &ResourceRef{
		ObjectReference: corev1.ObjectReference{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
		LabelSelector:   *r.ToMetaV1(),
	}
}
