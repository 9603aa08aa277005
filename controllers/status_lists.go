// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// clustersOf says what each cluster offers for a host.
func clustersOf(in statusInput, v *hostView) []gslbv1beta1.ClusterStatus {
	var all []gslbv1beta1.ClusterStatus
	for i := range v.host.Parts {
		p := &v.host.Parts[i]
		s := gslbv1beta1.ClusterStatus{
			Host: v.name, GeoTag: string(p.Cluster), Liveness: gslbv1beta1.Liveness(p.Liveness.String()),
			Health: clusterHealth(p.Offer.Health()),
		}
		for j := range p.Entries {
			s.Addresses = append(s.Addresses, p.Entries[j].Addr.String())
		}
		if w, ok := v.host.Policy.WeightOf(p.Cluster); ok && v.host.Policy.Weighted() {
			share := int32(w)
			s.Weight = &share
		}
		if s.DependsOn = in.world.Needs(p); len(p.Entries) > 0 {
			s.FailureDomain = in.world.FailureDomain(p)
		}
		why := partReason(p)
		s.Reason, s.Message = string(why), partMessage(in.world.Cluster(p.Cluster), p, why)
		s.Since = since(in, p, &s)
		all = append(all, s)
	}
	return all
}

func clusterHealth(h gslb.Health) gslbv1beta1.ClusterHealth {
	switch h {
	case gslb.Healthy:
		return gslbv1beta1.ClusterHealthy
	case gslb.Unhealthy:
		return gslbv1beta1.ClusterUnhealthy
	case gslb.HealthUnknown:
	}
	return gslbv1beta1.ClusterUnknown
}

// partReason is the reason of the entry that counts most; without entries that of the
// offer.
func partReason(p *gslb.Part) gslb.Reason {
	best := p.Best()
	for i := range p.Entries {
		if p.Entries[i].Tier == best {
			return p.Entries[i].Reason
		}
	}
	if p.Offer.Reason != "" {
		return p.Offer.Reason
	}
	return gslb.ReasonAddressUnknown
}

// since is when health or liveness became what they are. What the status says already
// stays while both are the same, so that another writer does not rewrite it by its own
// clock.
func since(in statusInput, p *gslb.Part, s *gslbv1beta1.ClusterStatus) *metav1.Time {
	for i := range in.gslb.Status.Clusters {
		old := &in.gslb.Status.Clusters[i]
		if old.Host == s.Host && old.GeoTag == s.GeoTag && old.Liveness == s.Liveness && old.Health == s.Health && old.Since != nil {
			return old.Since
		}
	}
	var at time.Time
	for i := range p.Offer.Entries {
		if e := &p.Offer.Entries[i]; p.Liveness == gslb.Self && e.Since.After(at) {
			at = e.Since
		}
	}
	if c := in.world.Cluster(p.Cluster); c != nil && p.Liveness != gslb.Self && c.Since.After(at) {
		at = c.Since
	}
	if at.IsZero() {
		at = in.now
	}
	stamp := metav1.NewTime(at.Truncate(time.Second))
	return &stamp
}

// answersOf says what is answered for a host: for each family that a cluster has
// addresses of, an element for each possible answer. Without any address it is one
// element: NODATA.
func answersOf(v *hostView) []gslbv1beta1.AnswerStatus {
	var all []gslbv1beta1.AnswerStatus
	for _, family := range []struct {
		name string
		v4   bool
	}{{"A", true}, {"AAAA", false}} {
		shares := v.decision.Shares(family.v4)
		var sum uint32
		for _, s := range shares {
			sum += s.Weight
		}
		for _, s := range shares {
			a := v.answer(family.name)
			if s.Target != "" {
				if !family.v4 {
					continue // told already: it answers questions of every type
				}
				a.Type, a.Target = "CNAME", s.Target
			}
			a.Addresses = texts(s.Addrs)
			a.Clusters = tagTexts(v.decision.Answers[s.Answer].Clusters)
			if len(shares) > 1 {
				percent := int32((200*s.Weight + sum) / (2 * sum)) // rounded
				a.SharePercent = &percent
			}
			all = append(all, a)
		}
		if len(shares) == 0 && offers(v.host, family.v4) {
			all = append(all, v.answer(family.name))
		}
	}
	if len(all) == 0 {
		all = append(all, v.answer("A"))
	}
	return all
}

// answer is an answer of the host, without addresses yet.
func (v *hostView) answer(family string) gslbv1beta1.AnswerStatus {
	return gslbv1beta1.AnswerStatus{
		Host: v.name, Type: family, Strategy: string(v.host.Policy.Strategy),
		Reason: string(v.decision.Reason), Message: answerMessage(v.host, &v.decision),
	}
}

// offers reports that some cluster has an entry of the family.
func offers(h *gslb.Host, v4 bool) bool {
	for i := range h.Parts {
		for j := range h.Parts[i].Entries {
			if h.Parts[i].Entries[j].Addr.Is4() == v4 {
				return true
			}
		}
	}
	return false
}
