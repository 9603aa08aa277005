// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Note says that a value is not followed as it is written: k8gb takes more than is
// answered, and an object that it took must go on serving.
type Note struct {
	Path    string // of the field, such as "spec.strategy.primaryGeoTag"
	Message string // what is done in its place
}

// Meridian gives the Gslb of Meridian that means the same, and what is not followed as it
// is written. Name, labels, annotations, owners, UID and age are those of g; its TypeMeta
// says which group it is of. The status is empty. Nothing is shared with g.
func (g *Gslb) Meridian() (*gslbv1beta1.Gslb, []Note) {
	c := converter{}
	out := &gslbv1beta1.Gslb{TypeMeta: g.TypeMeta, ObjectMeta: *g.ObjectMeta.DeepCopy()}
	if out.APIVersion == "" {
		out.TypeMeta = metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: gslbv1beta1.GslbKind}
	}
	out.Spec = gslbv1beta1.GslbSpec{
		Strategy:            c.strategy(&g.Spec.Strategy),
		ServiceHealthPolicy: cmp.Or(gslbv1beta1.ServiceHealthPolicy(g.Spec.ServiceHealthPolicy), gslbv1beta1.ServiceHealthAny),
		// k8gb counts whatever stands behind the Services, wherever it runs.
		ServiceHealthScope: gslbv1beta1.ScopeClusterset,
	}
	if g.Spec.Ingress != nil && len(g.Spec.Ingress.Rules) > 0 { // k8gb stores an empty one beside resourceRef
		out.Spec.Ingress = c.ingress(g.Spec.Ingress)
	}
	if g.Spec.ResourceRef != nil && (out.Spec.Ingress == nil || named(g.Spec.ResourceRef)) {
		if out.Spec.Ingress != nil {
			c.note("spec.ingress", "resourceRef is set too, and it is followed")
			out.Spec.Ingress = nil
		}
		out.Spec.ResourceRef = resourceRef(g.Spec.ResourceRef)
	}
	return out, c.notes
}

type converter struct{ notes []Note }

func (c *converter) note(path, format string, args ...any) {
	c.notes = append(c.notes, Note{Path: path, Message: fmt.Sprintf(format, args...)})
}

// strategy reads spec.strategy.
//
//	type       | primaryGeoTag | weight  | becomes
//	roundRobin | dropped       | kept    | roundRobin
//	failover   | kept          | dropped | failover
//	failover   | none          | dropped | roundRobin, with a note: so k8gb answers it
//	geoip      | dropped       | dropped | geoip
func (c *converter) strategy(s *Strategy) gslbv1beta1.Strategy {
	const at = "spec.strategy."
	out := gslbv1beta1.Strategy{
		Type:                       gslbv1beta1.StrategyType(s.Type),
		DNSTTLSeconds:              c.ttl(at+"dnsTtlSeconds", s.DNSTTLSeconds),
		SplitBrainThresholdSeconds: c.number(at+"splitBrainThresholdSeconds", unlessZero(s.SplitBrainThresholdSeconds), gslbv1beta1.DefaultSplitBrainThresholdSeconds, 5, 86400),
		WhenAllUnhealthy:           gslbv1beta1.AnswerEmpty,
	}
	primary := strings.ToLower(strings.TrimSpace(s.PrimaryGeoTag))
	if out.Type == gslbv1beta1.Failover {
		out.PrimaryGeoTag = gslbv1beta1.GeoTag(primary)
		if primary == "" {
			c.note(at+"primaryGeoTag", "failover without primaryGeoTag is answered as roundRobin; name the cluster that is preferred")
			out.Type = gslbv1beta1.RoundRobin
		}
	}
	if len(s.Weight) > 0 && s.Type != string(gslbv1beta1.RoundRobin) {
		c.note(at+"weight", "weight goes with roundRobin only, and is not followed")
	} else {
		out.Weight = c.weights(s.Weight)
	}
	return out
}

func (c *converter) weights(in map[string]int) map[string]gslbv1beta1.Weight {
	var out map[string]gslbv1beta1.Weight
	for _, tag := range slices.Sorted(maps.Keys(in)) {
		if out == nil {
			out = make(map[string]gslbv1beta1.Weight, len(in))
		}
		out[strings.ToLower(tag)] = gslbv1beta1.Weight(*c.number("spec.strategy.weight["+tag+"]", new(in[tag]), 0, 0, 1000))
	}
	return out
}

// TTL gives the seconds that k8gb means by a number of them, in a Gslb or in an
// annotation, and what is not followed as it is written: 0 is the default.
func TTL(path string, seconds int) (int32, []Note) {
	c := converter{}
	ttl := c.ttl(path, &seconds)
	return *ttl, c.notes
}

func (c *converter) ttl(path string, value *int) *int32 {
	return c.number(path, unlessZero(value), gslbv1beta1.DefaultDNSTTLSeconds, 0, 86400)
}

// unlessZero gives a number of a field in which k8gb takes 0 for nothing written.
func unlessZero(value *int) *int {
	if value != nil && *value == 0 {
		return nil
	}
	return value
}

// number bounds a number as Meridian does.
func (c *converter) number(path string, value *int, otherwise, low, high int32) *int32 {
	if value == nil {
		return &otherwise
	}
	bounded := min(max(*value, int(low)), int(high))
	if bounded != *value {
		c.note(path, "%d is taken for %d: the value must be a number from %d to %d", *value, bounded, low, high)
	}
	return new(int32(bounded)) //nolint:gosec // it is bounded
}

// ingress reads the embedded Ingress. A rule without a host is nobody's balanced host.
func (c *converter) ingress(in *IngressSpec) *gslbv1beta1.IngressSpec {
	out := &gslbv1beta1.IngressSpec{}
	if in.IngressClassName != nil && *in.IngressClassName != "" {
		out.IngressClassName = new(*in.IngressClassName)
	}
	if in.Backend != nil && (in.Backend.Service != nil || in.Backend.Resource != nil) {
		out.DefaultBackend = new(backend(in.Backend))
	}
	for i := range in.TLS {
		t := gslbv1beta1.IngressTLS{SecretName: in.TLS[i].SecretName}
		for _, host := range in.TLS[i].Hosts {
			t.Hosts = append(t.Hosts, gslbv1beta1.TLSHost(strings.ToLower(host)))
		}
		out.TLS = append(out.TLS, t)
	}
	for i := range in.Rules {
		r := &in.Rules[i]
		rule := gslbv1beta1.IngressRule{Host: gslbv1beta1.Host(strings.ToLower(r.Host)), HTTP: &gslbv1beta1.HTTPIngressRuleValue{}}
		if r.HTTP != nil {
			for j := range r.HTTP.Paths {
				rule.HTTP.Paths = append(rule.HTTP.Paths, path(&r.HTTP.Paths[j]))
			}
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}

func path(p *networkingv1.HTTPIngressPath) gslbv1beta1.HTTPIngressPath {
	out := gslbv1beta1.HTTPIngressPath{Path: p.Path, Backend: backend(&p.Backend)}
	kind := gslbv1beta1.PathType(networkingv1.PathTypeImplementationSpecific)
	if p.PathType != nil {
		kind = gslbv1beta1.PathType(*p.PathType)
	}
	out.PathType = &kind
	return out
}

func backend(b *networkingv1.IngressBackend) gslbv1beta1.IngressBackend {
	var out gslbv1beta1.IngressBackend
	if b.Service != nil {
		out.Service = &gslbv1beta1.IngressServiceBackend{
			Name: b.Service.Name, Port: gslbv1beta1.ServiceBackendPort{Name: b.Service.Port.Name, Number: b.Service.Port.Number},
		}
	}
	if b.Resource != nil {
		out.Resource = &gslbv1beta1.ResourceBackend{Kind: b.Resource.Kind, Name: b.Resource.Name}
		if b.Resource.APIGroup != nil {
			out.Resource.APIGroup = new(*b.Resource.APIGroup)
		}
	}
	return out
}

func named(r *ResourceRef) bool {
	return r.Name != "" || len(r.MatchLabels) > 0 || len(r.MatchExpressions) > 0
}

// versionOf gives the apiVersion of a kind that a reference names without one.
func versionOf(kind string) string {
	switch kind {
	case "Ingress":
		return networkingv1.SchemeGroupVersion.String()
	case "Service":
		return "v1"
	}
	return ""
}

func resourceRef(r *ResourceRef) *gslbv1beta1.ResourceRef {
	out := &gslbv1beta1.ResourceRef{APIVersion: cmp.Or(r.APIVersion, versionOf(r.Kind)), Kind: r.Kind, Name: r.Name}
	if r.Name != "" {
		out.Namespace = r.Namespace
		return out
	}
	for key, value := range r.MatchLabels {
		if out.MatchLabels == nil {
			out.MatchLabels = make(map[string]gslbv1beta1.LabelValue, len(r.MatchLabels))
		}
		out.MatchLabels[key] = gslbv1beta1.LabelValue(value)
	}
	for _, e := range r.MatchExpressions {
		converted := gslbv1beta1.LabelRequirement{Key: e.Key, Operator: e.Operator}
		for _, value := range e.Values {
			converted.Values = append(converted.Values, gslbv1beta1.LabelValue(value))
		}
		out.MatchExpressions = append(out.MatchExpressions, converted)
	}
	return out
}

// Meridian gives the ZoneDelegation of Meridian that means the same. Name, labels,
// annotations, UID and age are those of z; its TypeMeta says which group it is of. The
// status is empty. Nothing is shared with z.
func (z *ZoneDelegation) Meridian() *gslbv1beta1.ZoneDelegation {
	c := converter{}
	zone := func(name string) gslbv1beta1.Zone {
		return gslbv1beta1.Zone(strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	return &gslbv1beta1.ZoneDelegation{
		TypeMeta:   metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: gslbv1beta1.ZoneDelegationKind},
		ObjectMeta: *z.ObjectMeta.DeepCopy(),
		Spec: gslbv1beta1.ZoneDelegationSpec{
			LoadBalancedZone: zone(z.Spec.LoadBalancedZone), ParentZone: zone(z.Spec.ParentZone),
			DNSZoneNegTTL:              c.number("spec.dnsZoneNegTTL", z.Spec.DNSZoneNegTTL, gslbv1beta1.DefaultDNSZoneNegTTL, 0, 86400),
			DoFinalize:                 z.Spec.DoFinalize,
			SplitBrainThresholdSeconds: new(int32(gslbv1beta1.DefaultSplitBrainThresholdSeconds)),
		},
	}
}
