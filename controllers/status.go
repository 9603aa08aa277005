// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// statusInput is everything that the status of one Gslb is made of.
type statusInput struct {
	gslb    *gslbv1beta1.Gslb // with the status that it has
	out     *translate.Output
	world   *gslb.World
	peerKey bool
	refusal string // why the embedded Ingress could not be written; "" if it could
	now     time.Time
}

// current reports that the World has taken the translation in: it has an offer of ours
// for the hosts that are offered, and none of this Gslb for others.
func (in *statusInput) current() bool {
	for i := range in.out.Hosts {
		read := &in.out.Hosts[i]
		if read.Host.IsZero() {
			continue
		}
		var own *gslb.Part
		if h := in.world.Host(read.Host); h != nil {
			own = h.Part(in.world.Self)
		}
		if read.Offered && own == nil || !read.Offered && own != nil && own.Offer.Source == in.out.Source {
			return false
		}
	}
	return true
}

// hostView is one host of the Gslb as the World sees it.
type hostView struct {
	name     string
	read     *translate.HostStatus
	host     *gslb.Host          // nil: nobody offers it
	own      *gslb.Part          // what this cluster offers by this Gslb; nil: nothing
	rival    *gslb.Offer         // of another object of this cluster, which has the host; nil: none has
	decision strategies.Decision // of host; the zero one without
}

// statusOf makes the status of a Gslb. It is pure, and equal inputs give equal statuses;
// times in it move only with what they tell of.
func statusOf(in statusInput) gslbv1beta1.GslbStatus {
	views := viewsOf(in)
	s := gslbv1beta1.GslbStatus{
		ObservedGeneration: observed(in.out),
		GeoTag:             string(in.world.Self),
		Hosts:              joined(views, func(v *hostView) string { return v.name }),
		HealthyClusters:    healthyClusters(in.world, views),
		LoadBalancer:       gslbv1beta1.LoadBalancerStatus{ExposedIPs: texts(in.out.ExposedIPs)},
		Servers:            in.out.Servers,
		Conditions:         conditionsOf(in, views),
	}
	for i := range views {
		v := &views[i]
		if word := v.serviceHealth(); word != "" {
			if s.ServiceHealth == nil {
				s.ServiceHealth = make(map[string]gslbv1beta1.ServiceHealth)
			}
			s.ServiceHealth[v.name] = word
		}
		if v.host == nil {
			continue
		}
		if s.HealthyRecords == nil {
			s.HealthyRecords = make(map[string][]string)
		}
		s.HealthyRecords[v.name] = append([]string{}, texts(v.decision.Addrs())...) // never null
		s.Clusters = append(s.Clusters, clustersOf(in, v)...)
		s.Answers = append(s.Answers, answersOf(v)...)
	}
	return s
}

// observed is the generation that was translated.
func observed(out *translate.Output) int64 {
	if len(out.Conditions) == 0 {
		return 0
	}
	return out.Conditions[0].ObservedGeneration
}

// viewsOf looks every host up. A name that is no host has no view; condition Accepted
// tells of it.
func viewsOf(in statusInput) []hostView {
	var views []hostView
	for i := range in.out.Hosts {
		read := &in.out.Hosts[i]
		if read.Host.IsZero() {
			continue
		}
		v := hostView{name: read.Host.String(), read: read, host: in.world.Host(read.Host)}
		if v.host != nil {
			v.decision = strategies.Decide(v.host)
			switch p := v.host.Part(in.world.Self); {
			case p != nil && p.Offer.Source == in.out.Source:
				v.own = p
			case p != nil:
				v.rival = p.Offer
			}
		}
		views = append(views, v)
	}
	return views
}

// serviceHealth is this cluster's word for the host; "" while nothing is known, which is
// not the same as Unhealthy. The words are k8gb's, and there is none for it.
//
//	offered here | by hand        | Services        | entries, with their probes | word
//	no           | any            | as of translate.HostStatus.ServiceHealth     | –
//	yes          | –              | are not there   | any                        | NotFound
//	yes          | drain          | any             | any                        | Unhealthy
//	yes          | force          | any             | some                       | Healthy
//	yes          | –              | unhealthy       | any                        | Unhealthy
//	yes          | any, not drain | any other       | none known: AddressUnknown | ""
//	yes          | –              | any other       | all unhealthy              | Unhealthy
//	yes          | –              | any other       | some healthy               | Healthy
//	yes          | –              | any other       | unknown                    | ""
func (v *hostView) serviceHealth() gslbv1beta1.ServiceHealth {
	word := v.read.ServiceHealth()
	if v.own == nil || word == gslbv1beta1.NotFound && v.own.Offer.Override == gslb.NoOverride {
		return word
	}
	switch v.own.Offer.Health() {
	case gslb.Healthy:
		return gslbv1beta1.Healthy
	case gslb.Unhealthy:
		return gslbv1beta1.Unhealthy
	case gslb.HealthUnknown:
	}
	return ""
}

// healthyClusters gives the clusters that can serve every host.
func healthyClusters(w *gslb.World, views []hostView) string {
	var tags []string
	for i := range w.Clusters {
		tag := w.Clusters[i].Tag
		serves := len(views) > 0
		for j := range views {
			p := (*gslb.Part)(nil)
			if views[j].host != nil {
				p = views[j].host.Part(tag)
			}
			serves = serves && p != nil && p.Best() == gslb.TierHealthy
		}
		if serves {
			tags = append(tags, string(tag))
		}
	}
	return strings.Join(tags, ", ")
}

func joined(views []hostView, word func(*hostView) string) string {
	var all []string
	for i := range views {
		if w := word(&views[i]); w != "" {
			all = append(all, w)
		}
	}
	return strings.Join(all, ", ")
}

func texts(addrs []netip.Addr) []string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return all
}

func tagTexts(tags []gslb.GeoTag) []string {
	var all []string
	for _, t := range tags {
		all = append(all, string(t))
	}
	return slices.Clip(all)
}
