// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// Build translates one Gslb.
//
//  1. the object that it refers to, or its embedded Ingress
//  2. rules of the spec: a spec that breaks one offers nothing
//  3. policy, override and entries, which its hosts share
//  4. each host: its zone, its readiness, its offer
func Build(in Input) Output {
	b := builder{in: &in}
	b.out.Source = gslbSource(in.Gslb)
	l := refs.NewLookup(in.Found)
	t := targetOf(in.Gslb, l)
	b.target = &t
	if t.problem != nil {
		b.find(gslbv1beta1.ConditionResolved, t.problem.Reason, true, "spec.resourceRef", t.problem.Message)
	} else if len(t.Hosts) == 0 {
		b.find(gslbv1beta1.ConditionResolved, gslbv1beta1.ReasonNoHosts, true, "", fmt.Sprintf("%s names no host", t.names()))
	}
	for _, n := range t.notes {
		b.add([]Finding{{Condition: gslbv1beta1.ConditionResolved, Reason: n.Reason, Bad: n.Bad, On: n.On, Path: n.Path, Message: n.Message}})
	}
	if t.embedded {
		b.embedded()
	}
	wrong := specProblems(&in.Gslb.Spec)
	for _, n := range in.Notes {
		b.find(gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonAdjusted, false, n.Path, n.String())
	}
	for _, p := range wrong {
		b.find(gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonInvalidSpec, true, p.Path, p.Message)
	}
	if in.ControlPlane {
		b.find(gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonControlPlaneOnly, true, "", controlPlane)
	}
	b.entries = make([]entries, len(t.Hosts))
	for i := range t.Hosts {
		b.entries[i] = entriesOf(&in, l, &t, &t.Hosts[i])
		b.out.Private = append(b.out.Private, b.entries[i].private...)
		b.out.Refused = append(b.out.Refused, b.entries[i].refused...)
		b.out.AwaitsNodes = b.out.AwaitsNodes || b.entries[i].awaitsNodes
		b.add(b.entries[i].findings)
		b.expose(b.entries[i].list)
		b.out.Hostnames = append(b.out.Hostnames, b.entries[i].asked...)
	}
	slices.Sort(b.out.Hostnames)
	b.out.Hostnames = slices.Compact(b.out.Hostnames)
	for _, list := range []*[]netip.Addr{&b.out.Private, &b.out.Refused} {
		slices.SortFunc(*list, netip.Addr.Compare)
		*list = slices.Compact(*list)
	}
	b.hosts(l, len(wrong) == 0 && !in.ControlPlane)
	b.out.Conditions = conditions(in.Gslb, b.out.Findings)
	return b.out
}

// controlPlane is said of every Gslb where Input.ControlPlane is.
const controlPlane = "this API server has no nodes and hands objects on to member clusters (work.karmada.io): Meridian runs in those, and does nothing here"

// builder holds what the steps of one translation share.
type builder struct {
	in       *Input
	target   *target
	entries  []entries // of the hosts of target, in their order
	policy   gslb.Policy
	override gslb.Override
	out      Output
}

// find notes a finding on the Gslb.
func (b *builder) find(condition, reason string, bad bool, path, message string) {
	b.add([]Finding{{Condition: condition, Reason: reason, Bad: bad, On: b.out.Source, Path: path, Message: message}})
}

// add notes findings; those without a condition or an object are on Accepted and the
// Gslb.
func (b *builder) add(findings []Finding) {
	for _, f := range findings {
		if f.Condition == "" {
			f.Condition = gslbv1beta1.ConditionAccepted
		}
		if f.On == (gslb.Source{}) {
			f.On = b.out.Source
		}
		if slices.Contains(b.out.Findings, f) {
			continue // what hosts share is told once
		}
		b.out.Findings = append(b.out.Findings, f)
	}
}

// expose lists addresses in the status, each once.
func (b *builder) expose(list []entry) {
	for _, e := range list {
		if e.Addr.IsValid() && !slices.Contains(b.out.ExposedIPs, e.Addr) {
			b.out.ExposedIPs = append(b.out.ExposedIPs, e.Addr)
		}
	}
}

// hosts judges every host, and offers those that may be.
func (b *builder) hosts(l *refs.Lookup, valid bool) {
	var findings []Finding
	b.override, findings = overrideOf(b.in.Gslb, b.target)
	b.add(findings)
	if valid {
		b.policy = policyOf(&b.in.Gslb.Spec.Strategy)
		b.add(policyNotes(&b.policy, b.in.Self))
	}
	r := newReadiness(b.in, l)
	gates := newGates(b.in)
	b.out.Gates = gates.all
	for i := range b.target.Hosts {
		h := &b.target.Hosts[i]
		s := HostStatus{Text: h.Name, Path: b.pathOf(h)}
		b.add(b.onHost(h, r.host(h, &s)))
		b.add(b.onHost(h, gates.judge(&s, r.scope)))
		b.admit(h, &s, valid)
		b.add(b.onHost(h, b.path(r, h, &s, b.entries[i].list)))
		s.Health = healthOf(&s, b.entries[i].list)
		if s.Offered {
			b.out.Offers = append(b.out.Offers, b.offer(h, &s, b.entries[i].list))
		}
		b.out.Hosts = append(b.out.Hosts, s)
		b.out.Servers = append(b.out.Servers, server(h))
	}
}

// pathOf gives the field that names a host: of the Gslb if the Ingress is embedded.
func (b *builder) pathOf(h *refs.Host) string {
	if b.target.embedded {
		return "spec.ingress" + strings.TrimPrefix(h.Path, "spec")
	}
	return h.Path
}

// onHost says that findings are about the field that names a host.
func (b *builder) onHost(h *refs.Host, findings []Finding) []Finding {
	for i := range findings {
		findings[i].On = b.hostOn(h)
	}
	return findings
}

// hostOn is the object whose field names a host.
func (b *builder) hostOn(h *refs.Host) gslb.Source {
	if b.target.embedded {
		return b.out.Source
	}
	return h.On
}

// admit decides whether a host may be offered.
//
//	spec  | host      | longest zone that holds it      | offered, or reason
//	any   | a name    | any, in a control plane         | ControlPlaneOnly
//	wrong | any       | any                             | InvalidSpec
//	valid | no name   | –                               | InvalidSpec
//	valid | a name    | none                            | HostOutsideZones
//	valid | a name    | does not allow the namespace    | NamespaceNotAllowed
//	valid | a name    | allows the namespace            | offered
func (b *builder) admit(h *refs.Host, s *HostStatus, valid bool) {
	refuse := func(reason, format string, args ...any) {
		s.Reason, s.Message = reason, fmt.Sprintf(format, args...)
		b.add([]Finding{{Reason: reason, Bad: true, On: b.hostOn(h), Path: s.Path, Message: s.Message}})
	}
	host, err := gslb.ParseHost(s.Text)
	if err != nil {
		refuse(gslbv1beta1.ReasonInvalidSpec, "%v", err)
		return
	}
	s.Host = host
	zone := b.zoneOf(host)
	switch {
	case b.in.ControlPlane:
		s.Reason, s.Message = gslbv1beta1.ReasonControlPlaneOnly, controlPlane
	case !valid:
		s.Reason, s.Message = gslbv1beta1.ReasonInvalidSpec, "the spec breaks a rule"
	case zone == nil:
		refuse(gslbv1beta1.ReasonHostOutsideZones, "host %s lies in none of the zones (%s)", host, b.zoneNames())
	case zone.Allowed != nil && !zone.Allowed.Matches(b.namespaceLabels()):
		refuse(gslbv1beta1.ReasonNamespaceNotAllowed, "ZoneDelegation %s of zone %s does not allow namespace %s to take host %s", zone.Delegation, zone.Zone, b.in.Gslb.Namespace, host)
	default:
		s.Offered = true
	}
}

// zoneOf gives the longest zone that holds a host; nil if none does.
func (b *builder) zoneOf(host gslb.Name) *Zone {
	var best *Zone
	for i := range b.in.Zones {
		if z := &b.in.Zones[i]; host.In(z.Zone) && (best == nil || z.Zone.In(best.Zone)) {
			best = z
		}
	}
	return best
}

func (b *builder) zoneNames() string {
	var names []string
	for i := range b.in.Zones {
		names = append(names, b.in.Zones[i].Zone.String())
	}
	if len(names) == 0 {
		return "there are none; add a ZoneDelegation"
	}
	return strings.Join(names, ", ")
}

// namespaceLabels adds the label that an API server sets on every Namespace.
func (b *builder) namespaceLabels() labels.Set {
	var own labels.Set
	if found, _ := b.in.Found.Get(namespaceKey(b.in.Gslb)); len(found) > 0 {
		own = found[0].GetLabels()
	}
	return labels.Merge(own, labels.Set{corev1.LabelMetadataName: b.in.Gslb.Namespace})
}

// offer makes what this cluster says of a host.
func (b *builder) offer(h *refs.Host, s *HostStatus, list []entry) *gslb.Offer {
	spec := &b.in.Gslb.Spec
	// Where nobody can tell readiness, the probe is all there is.
	check := checkOf(spec.HealthCheck, s.Readiness == gslb.HealthUnknown)
	if s.Host.IsWildcard() && askless(spec.HealthCheck) {
		b.find(gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonInvalidSpec, true, "spec.healthCheck", fmt.Sprintf("host %s: %s; it is not checked", s.Host, wildcardCheck))
		check = nil
	}
	o := &gslb.Offer{
		Host: s.Host, Source: b.out.Source, Created: b.in.Gslb.CreationTimestamp.Time,
		Policy: b.policy, Override: b.override, Check: check, Incumbent: b.incumbent(),
		DependsOn: s.DependsOn, Bare: s.Bare,
	}
	for _, e := range list {
		e.Ask = askOf(s.Host, h, &e.at, check)
		e.Health, e.Reason = e.judge(s)
		o.Entries = append(o.Entries, e.Entry)
	}
	if len(o.Entries) == 0 {
		o.Reason = gslb.ReasonAddressUnknown
		if s.Readiness == gslb.Unhealthy {
			o.Reason = s.ReadinessReason
		}
	}
	return o
}

func server(h *refs.Host) gslbv1beta1.Server {
	s := gslbv1beta1.Server{Host: h.Name}
	for _, b := range h.Backends {
		s.Services = append(s.Services, gslbv1beta1.NamespacedName{Namespace: b.Namespace, Name: b.Name})
	}
	return s
}
