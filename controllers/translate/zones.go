// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// Zone is a zone that this cluster serves, and who may take hosts in it.
type Zone struct {
	gslb.ZoneIntent

	// Configured: the configuration gives the zone.
	Configured bool
	// Delegation is the name of the ZoneDelegation that asks for it, or, of a zone of the
	// configuration, that belongs to it; "" where there is none.
	Delegation string

	// Allowed selects the namespaces whose Gslbs may take hosts in the zone, by their
	// labels; nil allows all.
	Allowed labels.Selector
}

// ZonesInput is everything that the zones of a cluster come from.
type ZonesInput struct {
	Delegations []*gslbv1beta1.ZoneDelegation // in any order; each counts, also one that is being deleted
	Flags       []gslb.ZoneIntent             // of the configuration; they win
	Self        gslb.GeoTag
	Addrs       []netip.Addr // of this cluster's name server, for zones that have none of their own

	// Endpoints are DNSEndpoints, in any order; those without our label do not count.
	Endpoints []*dnsendpoint.DNSEndpoint
	// NamespaceLabels gives the labels of a namespace; nil: no namespace has any.
	NamespaceLabels func(namespace string) map[string]string
	// HostOwner gives the namespace of the Gslb that has a host in this cluster, "" if
	// none has; nil: nobody has hosts.
	HostOwner func(gslb.Name) string
	// Trusted says whether DNSEndpoints of a namespace may state records of a zone's own
	// name, as its ZoneDelegation may; nil: no namespace.
	Trusted func(namespace string) bool
}

func (in *ZonesInput) namespaceLabels(namespace string) map[string]string {
	if in.NamespaceLabels == nil {
		return nil
	}
	return in.NamespaceLabels(namespace)
}

func (in *ZonesInput) hostOwner(host gslb.Name) string {
	if in.HostOwner == nil {
		return ""
	}
	return in.HostOwner(host)
}

// ZonesOutput is what the zones of a cluster are.
type ZonesOutput struct {
	Zones []Zone // by name

	// Conditions holds condition Accepted for each ZoneDelegation, by its name.
	Conditions map[string]metav1.Condition
	Findings   []Finding

	// Stated says which objects state the static records of the zones.
	Stated []Stated
	// Endpoints counts the DNSEndpoints with our label.
	Endpoints int
}

// Intents gives the zones in the form that gslb.Store.SetZones takes.
func (o *ZonesOutput) Intents() []gslb.ZoneIntent {
	all := make([]gslb.ZoneIntent, len(o.Zones))
	for i := range o.Zones {
		all[i] = o.Zones[i].ZoneIntent
	}
	return all
}

// Zones gathers the zones. One zone belongs to the configuration, else to the oldest
// ZoneDelegation that asks for it, so that a newcomer never takes a zone.
//
//	the zone is         | a ZoneDelegation for it        | gets
//	of nobody           | the oldest                     | the zone
//	of the configuration| the oldest of that parent zone | to tell of the zone, and to add to it
//	either              | any other                      | ZoneConflicted
func Zones(in ZonesInput) ZonesOutput {
	out := ZonesOutput{Conditions: make(map[string]metav1.Condition, len(in.Delegations))}
	for _, intent := range in.Flags {
		out.Zones = append(out.Zones, Zone{ZoneIntent: intent, Configured: true})
	}
	accepted := make(map[string][]Finding)
	for _, zd := range oldestFirst(in.Delegations) {
		z, findings := zoneOf(zd, in.Self)
		held := out.find(z.Zone)
		switch {
		case z.Zone.IsZero():
		case held == nil:
			out.Zones = append(out.Zones, z)
		case held.Configured && held.Delegation == "" && held.EdgeZone == z.EdgeZone:
			held.adopt(&z)
		default:
			findings = append(findings, zoneFinding(zd, gslbv1beta1.ReasonZoneConflicted, true, "spec.loadBalancedZone",
				fmt.Sprintf("zone %s is served already, by %s", z.Zone, held.holder(z.EdgeZone))))
		}
		accepted[zd.Name] = findings
	}
	out.records(&in, accepted)
	for _, zd := range oldestFirst(in.Delegations) {
		findings := accepted[zd.Name]
		out.Findings = append(out.Findings, findings...)
		message := fmt.Sprintf("zone %s is served", zd.Spec.LoadBalancedZone)
		if z := out.of(zd.Name); z != nil && z.Configured {
			message += "; the flags (--zone) give it, and this object tells of it"
		}
		out.Conditions[zd.Name] = condition(zoneSource(zd), gslbv1beta1.ConditionAccepted, gslbv1beta1.ReasonAccepted,
			message, zd.Generation, findings)
	}
	for i := range out.Zones {
		if len(out.Zones[i].Addrs) == 0 {
			out.Zones[i].Addrs = slices.Compact(slices.SortedFunc(slices.Values(in.Addrs), netip.Addr.Compare))
		}
	}
	slices.SortFunc(out.Zones, func(a, b Zone) int { return a.Zone.Compare(b.Zone) })
	return out
}

// records gives the zones their static records: those of the ZoneDelegations, and after
// them those of DNSEndpoints. accepted takes the findings about ZoneDelegations.
func (o *ZonesOutput) records(in *ZonesInput, accepted map[string][]Finding) {
	book := newRecordBook(o.Zones)
	for _, zd := range oldestFirst(in.Delegations) {
		for i := range o.Zones {
			if z := &o.Zones[i]; z.Delegation == zd.Name {
				accepted[zd.Name] = append(accepted[zd.Name], book.ofDelegation(z, zd)...)
			}
		}
	}
	o.Findings = append(o.Findings, book.ofEndpoints(in)...)
	o.Stated = book.stated
	for _, e := range in.Endpoints {
		if Serves(e) {
			o.Endpoints++
		}
	}
}

// find gives the zone of a name; nil if nobody has it.
func (o *ZonesOutput) find(zone gslb.Name) *Zone {
	return o.first(func(z *Zone) bool { return z.Zone == zone })
}

// of gives the zone of a ZoneDelegation; nil if it has none.
func (o *ZonesOutput) of(delegation string) *Zone {
	return o.first(func(z *Zone) bool { return z.Delegation == delegation })
}

func (o *ZonesOutput) first(is func(*Zone) bool) *Zone {
	for i := range o.Zones {
		if is(&o.Zones[i]) {
			return &o.Zones[i]
		}
	}
	return nil
}

// adopt lets a ZoneDelegation, read as d, tell of a zone of the configuration and add to
// it. Of what both say the configuration wins, unless it says the default: the API server
// fills defaults into every object, so that there a default says nothing.
func (z *Zone) adopt(d *Zone) {
	z.Delegation, z.Allowed, z.AllowRemoval = d.Delegation, d.Allowed, d.AllowRemoval
	if z.NegTTL == gslbv1beta1.DefaultDNSZoneNegTTL {
		z.NegTTL = d.NegTTL
	}
	if d.SplitBrain != gslbv1beta1.DefaultSplitBrainThresholdSeconds*time.Second {
		z.SplitBrain = d.SplitBrain
	}
}

// holder says in words who has a zone, to one who asks for it under edge.
func (z *Zone) holder(edge gslb.Name) string {
	switch {
	case !z.Configured:
		return "ZoneDelegation " + z.Delegation
	case z.EdgeZone != edge:
		return fmt.Sprintf("the configuration, under %s", z.EdgeZone)
	default:
		return fmt.Sprintf("the configuration, and ZoneDelegation %s tells of it", z.Delegation)
	}
}

func oldestFirst(delegations []*gslbv1beta1.ZoneDelegation) []*gslbv1beta1.ZoneDelegation {
	sorted := slices.Clone(delegations)
	slices.SortFunc(sorted, func(a, b *gslbv1beta1.ZoneDelegation) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return sorted
}

func zoneFinding(zd *gslbv1beta1.ZoneDelegation, reason string, bad bool, path, message string) Finding {
	return Finding{
		Condition: gslbv1beta1.ConditionAccepted, Reason: reason, Bad: bad,
		On: zoneSource(zd), Path: path, Message: message,
	}
}

func zoneSource(zd *gslbv1beta1.ZoneDelegation) gslb.Source {
	return gslb.Source{Kind: "ZoneDelegation", Name: zd.Name}
}

// zoneOf reads one ZoneDelegation. A spec that breaks a rule gives the zero Zone.
func zoneOf(zd *gslbv1beta1.ZoneDelegation, self gslb.GeoTag) (Zone, []Finding) {
	invalid := func(path string, err error) (Zone, []Finding) {
		return Zone{}, []Finding{zoneFinding(zd, gslbv1beta1.ReasonInvalidSpec, true, path, err.Error())}
	}
	zone, err := gslb.ParseName(string(zd.Spec.LoadBalancedZone))
	if err != nil {
		return invalid("spec.loadBalancedZone", err)
	}
	edge, err := gslb.ParseName(string(zd.Spec.ParentZone))
	if err != nil {
		return invalid("spec.parentZone", err)
	}
	if _, err := gslb.NameServerName(self, zone, edge); err != nil {
		return invalid("spec.loadBalancedZone", err)
	}
	z := Zone{Delegation: zd.Name, ZoneIntent: gslb.ZoneIntent{
		Zone: zone, EdgeZone: edge,
		NegTTL:       ttlSeconds(zd.Spec.NegativeTTL()),
		SplitBrain:   zd.Spec.SplitBrainThreshold(),
		AllowRemoval: zd.Annotations[gslbv1beta1.AnnotationAllowMassRemoval] == "true",
	}}
	var findings []Finding
	if zd.Spec.AllowedNamespaces != nil {
		z.Allowed, err = metav1.LabelSelectorAsSelector(zd.Spec.AllowedNamespaces.ToMetaV1())
		if err != nil { // nobody rather than everybody
			z.Allowed = labels.Nothing()
			findings = append(findings, zoneFinding(zd, gslbv1beta1.ReasonInvalidSpec, true, "spec.allowedNamespaces",
				err.Error()+"; until it is corrected no namespace may take hosts in the zone"))
		}
	}
	return z, findings
}

func ttlSeconds(d time.Duration) uint32 { return uint32(max(d/time.Second, 0)) }
