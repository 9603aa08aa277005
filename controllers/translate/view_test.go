// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// The views are how goldens show values: few words, nothing left out that matters.

type view struct {
	Zones     []zoneView          `json:"zones"`
	Endpoints []string            `json:"endpoints,omitempty"` // findings about DNSEndpoints
	Stated    []string            `json:"stated,omitempty"`
	Problems  []string            `json:"problems,omitempty"`
	Annotated []*gslbv1beta1.Gslb `json:"annotated,omitempty"`
	Gslbs     []gslbView          `json:"gslbs"`
}

type zoneView struct {
	Zone      string   `json:"zone,omitempty"`
	Of        string   `json:"of,omitempty"`
	NegTTL    uint32   `json:"negTTL,omitempty"`
	Addresses string   `json:"addresses,omitempty"`
	Records   []string `json:"records,omitempty"`
	Accepted  string   `json:"accepted,omitempty"`
}

func viewZones(z translate.ZonesOutput) []zoneView {
	var all []zoneView
	for _, zone := range z.Zones {
		v := zoneView{
			Zone: zone.Zone.String() + " under " + zone.EdgeZone.String(), Of: zone.Delegation,
			NegTTL: zone.NegTTL, Addresses: fmt.Sprint(zone.Addrs),
		}
		for _, r := range zone.Records {
			v.Records = append(v.Records, fmt.Sprintf("%s %d TYPE%d %s", r.Name, r.TTL, r.Type, r.Data))
		}
		if c, ok := z.Conditions[zone.Delegation]; ok {
			v.Accepted = viewCondition(c)
		}
		all = append(all, v)
	}
	for _, name := range slices.Sorted(maps.Keys(z.Conditions)) {
		c := z.Conditions[name]
		if !slices.ContainsFunc(z.Zones, func(z translate.Zone) bool { return z.Delegation == name }) {
			all = append(all, zoneView{Of: name, Accepted: viewCondition(c)})
		}
	}
	return all
}

type gslbView struct {
	Source     string                `json:"source"`
	Conditions []string              `json:"conditions"`
	Hosts      []string              `json:"hosts,omitempty"`
	Offers     []offerView           `json:"offers,omitempty"`
	ExposedIPs string                `json:"exposedIPs,omitempty"`
	Awaits     string                `json:"awaits,omitempty"`
	Servers    []string              `json:"servers,omitempty"`
	Write      *networkingv1.Ingress `json:"write,omitempty"`
}

type offerView struct {
	Host     string   `json:"host"`
	Created  string   `json:"created,omitempty"`
	Policy   string   `json:"policy"`
	Override string   `json:"override,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Entries  []string `json:"entries,omitempty"`
	Check    string   `json:"check,omitempty"`
}

func viewOf(o translate.Output) gslbView {
	v := gslbView{Source: o.Source.String(), Write: o.Ingress}
	if len(o.ExposedIPs) > 0 {
		v.ExposedIPs = fmt.Sprint(o.ExposedIPs)
	}
	for _, c := range o.Conditions {
		v.Conditions = append(v.Conditions, viewCondition(c))
	}
	if o.AwaitsNodes {
		v.Awaits = "all nodes"
	}
	for i := range o.Hosts {
		v.Hosts = append(v.Hosts, viewHost(&o.Hosts[i]))
	}
	for _, offer := range o.Offers {
		v.Offers = append(v.Offers, viewOffer(offer))
	}
	for _, s := range o.Servers {
		var names []string
		for _, svc := range s.Services {
			names = append(names, svc.Namespace+"/"+svc.Name)
		}
		v.Servers = append(v.Servers, s.Host+": "+strings.Join(names, ", "))
	}
	return v
}

func viewCondition(c metav1.Condition) string {
	return fmt.Sprintf("%s=%s %s @%d: %s", c.Type, c.Status, c.Reason, c.ObservedGeneration, c.Message)
}

func viewHost(h *translate.HostStatus) string {
	text := fmt.Sprintf("%s at %s: %s (%s), status %q, ready here %d, elsewhere %d", h.Text, h.Path, h.Readiness, h.ReadinessReason, h.ServiceHealth(), h.Local, h.Remote)
	if len(h.DependsOn) > 0 {
		text += ", depends on " + strings.Join(h.DependsOn, ", ")
	}
	if h.Weightless {
		text += ", all weights 0"
	}
	if !h.Offered {
		text += "; not offered: " + h.Reason
	}
	return text
}

func viewOffer(o *gslb.Offer) offerView {
	p := o.Policy
	v := offerView{Host: o.Host.String(), Override: string(o.Override), Reason: string(o.Reason)}
	if !o.Created.IsZero() {
		v.Created = o.Created.UTC().String()
	}
	v.Policy = fmt.Sprintf("%s ttl=%d splitBrain=%s empty=%s", p.Strategy, p.TTL, p.SplitBrain, p.WhenAllUnhealthy)
	for _, field := range []struct {
		name string
		set  bool
		is   any
	}{
		{"primary", p.Primary != "", p.Primary},
		{"order", len(p.FailoverOrder) > 0, p.FailoverOrder},
		{"weights", len(p.Weights) > 0, p.Weights},
		{"max", p.MaxAnswers > 0, p.MaxAnswers},
		{"fallback", len(p.Fallback) > 0, p.Fallback},
		{"returnDelay", p.ReturnDelay > 0, p.ReturnDelay},
		{"cname", p.CNAME, true},
	} {
		if field.set {
			v.Policy += fmt.Sprintf(" %s=%v", field.name, field.is)
		}
	}
	for _, e := range o.Entries {
		at := "-"
		if e.Addr.IsValid() {
			at = e.Addr.String()
		}
		if e.Hostname != "" {
			at += " " + e.Hostname
		}
		v.Entries = append(v.Entries, fmt.Sprintf("%s: %s (%s), ask %s:%d%s sni=%q", at, e.Health, e.Reason, e.Ask.Scheme, e.Ask.Port, e.Ask.Path, e.Ask.SNI))
	}
	if c := o.Check; c != nil {
		v.Check = fmt.Sprintf("%s :%d%s host=%q every %s timeout %s rise %d fall %d status %v insecure=%t alone=%t",
			c.Kind, c.Port, c.Path, c.Host, c.Interval, c.Timeout, c.Rise, c.Fall, c.Statuses, c.InsecureSkipVerify, c.Alone)
	}
	return v
}
