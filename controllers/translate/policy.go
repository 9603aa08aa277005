// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// policyOf reads a strategy that breaks no rule. Defaults are written out, so that
// clusters whose objects say the same, one of them by silence, have equal policies.
func policyOf(s *gslbv1beta1.Strategy) gslb.Policy {
	p := gslb.Policy{
		Strategy:         gslb.Strategy(s.Type),
		Primary:          gslb.GeoTag(s.PrimaryGeoTag),
		TTL:              ttlSeconds(s.DNSTTL()),
		SplitBrain:       s.SplitBrainThreshold(),
		ReturnDelay:      s.ReturnDelay(),
		CNAME:            s.HostnameAnswers == gslbv1beta1.HostnamesAsCNAME,
		WhenAllUnhealthy: gslb.WhenAllUnhealthy(cmp.Or(s.WhenAllUnhealthy, gslbv1beta1.AnswerEmpty)),
	}
	for _, tag := range s.FailoverOrder {
		p.FailoverOrder = append(p.FailoverOrder, gslb.GeoTag(tag))
	}
	for tag, weight := range s.Weight {
		p.Weights = append(p.Weights, gslb.Weight{Cluster: gslb.GeoTag(tag), Weight: uint16(weight)}) //nolint:gosec // the rules bound it to 0..1000
	}
	slices.SortFunc(p.Weights, func(a, b gslb.Weight) int { return cmp.Compare(a.Cluster, b.Cluster) })
	if s.MaxAnswers != nil {
		p.MaxAnswers = uint16(*s.MaxAnswers) //nolint:gosec // the rules bound it to 1..100
	}
	for _, a := range s.FallbackAddresses {
		if addr, err := parseAddress(string(a), true); err == nil {
			p.Fallback = append(p.Fallback, addr)
		}
	}
	slices.SortFunc(p.Fallback, netip.Addr.Compare)
	p.Fallback = slices.Compact(p.Fallback)
	return p
}

// policyNotes says what is accepted and may surprise.
func policyNotes(p *gslb.Policy, self gslb.GeoTag) []Finding {
	var notes []Finding
	if p.Strategy == gslb.GeoIP {
		notes = append(notes, Finding{
			Reason: gslbv1beta1.ReasonStrategyPending, Path: "spec.strategy.type",
			Message: "strategy geoip is accepted and not built yet: the host is answered as with roundRobin",
		})
	}
	if _, listed := p.WeightOf(self); p.Weighted() && !listed {
		notes = append(notes, Finding{
			Reason: gslbv1beta1.ReasonNoWeight, Path: "spec.strategy.weight",
			Message: fmt.Sprintf("cluster %s has no weight in spec.strategy.weight, so it has 0: it is answered only when nothing else is left", self),
		})
	}
	return notes
}

// overrideOf gives the health set by hand: the annotation of the Gslb, else that of
// the source, else the field. An annotation that is neither drain nor force counts
// as absent, and is said.
func overrideOf(g *gslbv1beta1.Gslb, t *target) (gslb.Override, []Finding) {
	var findings []Finding
	for _, at := range annotatedBy(g, t) {
		switch value := at.annotations[gslbv1beta1.AnnotationOverride]; {
		case value == "":
		case knownOverride(value):
			return gslb.Override(value), findings
		default:
			findings = append(findings, Finding{
				Reason: gslbv1beta1.ReasonInvalidSpec, Bad: true, On: at.on, Path: annotationPath(gslbv1beta1.AnnotationOverride),
				Message: fmt.Sprintf("%q is not drain or force; it is ignored", value),
			})
		}
	}
	return gslb.Override(g.Spec.Override), findings
}

// annotatedBy lists whose annotations count, the Gslb first.
func annotatedBy(g *gslbv1beta1.Gslb, t *target) []annotated {
	return append([]annotated{{gslbSource(g), g.Annotations}}, t.objects...)
}

// annotated is an object that annotations are read from.
type annotated struct {
	on          gslb.Source
	annotations map[string]string
}

func annotationPath(key string) string { return "metadata.annotations[" + key + "]" }

func gslbSource(g *gslbv1beta1.Gslb) gslb.Source {
	return gslb.Source{Kind: "Gslb", Namespace: g.Namespace, Name: g.Name}
}
