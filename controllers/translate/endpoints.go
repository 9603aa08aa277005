// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// labelDelegation marks the DNSEndpoints that Meridian makes for ExternalDNS
// (controllers/externaldns); what they say is for the edge zone.
const labelDelegation = "gslb.meridian.dev/delegation"

// Serves reports that the records of a DNSEndpoint are asked to be served here.
func Serves(e *dnsendpoint.DNSEndpoint) bool {
	return e.Labels[gslbv1beta1.LabelServe] == gslbv1beta1.ServeTrue
}

// endpointSource is a DNSEndpoint as findings name it.
func endpointSource(e *dnsendpoint.DNSEndpoint) gslb.Source {
	return gslb.Source{Kind: dnsendpoint.Kind, Namespace: e.Namespace, Name: e.Name}
}

// ofEndpoints takes the records of the DNSEndpoints that ask for it, the oldest first.
//
//	a record of                                        | is
//	a name in none of our zones                        | left out
//	a namespace that the zone does not allow           | left out
//	a name and type that a ZoneDelegation states       | left out
//	a name that belongs to somebody else               | left out
//	a second CNAME                                     | left out
//	a delegation at or above a name of somebody else   | left out
//	a name below the delegation of somebody else       | left out
//
// A name belongs to the namespace of the Gslb whose host it is in this cluster, else to
// the ZoneDelegation that states records of it, else to the namespace of the oldest
// DNSEndpoint that does. The zone's own name is the operator's: of the ZoneDelegation, and
// of namespaces that are trusted. With a name go those
// below it that begin with an underscore, as _acme-challenge does, also for the wildcard.
func (b *recordBook) ofEndpoints(in *ZonesInput) []Finding {
	var findings []Finding
	for _, e := range oldestEndpoints(in.Endpoints) {
		note := func(reason, path, message string, bad bool) {
			findings = append(findings, Finding{
				Condition: gslbv1beta1.ConditionAccepted, Reason: reason, Bad: bad, On: endpointSource(e), Path: path, Message: message,
			})
		}
		if _, ours := e.Labels[labelDelegation]; ours {
			note(gslbv1beta1.ReasonInvalidSpec, "metadata.labels", "this object is Meridian's own, for the edge zone: take the label "+gslbv1beta1.LabelServe+" off", true)
			continue
		}
		for i := range e.Spec.Endpoints {
			p := &e.Spec.Endpoints[i]
			path := fmt.Sprintf("spec.endpoints[%d]", i)
			if reason, err := b.ofEndpoint(in, e, p, path); err != nil {
				note(reason, path, fmt.Sprintf("%v; the record is left out", err), true)
				continue
			}
			if p.SetIdentifier != "" || len(p.ProviderSpecific) > 0 {
				note(gslbv1beta1.ReasonAccepted, path, "setIdentifier and providerSpecific are for DNS providers, and are ignored here", false)
			}
		}
	}
	return findings
}

func oldestEndpoints(all []*dnsendpoint.DNSEndpoint) []*dnsendpoint.DNSEndpoint {
	sorted := slices.DeleteFunc(slices.Clone(all), func(e *dnsendpoint.DNSEndpoint) bool { return !Serves(e) })
	slices.SortFunc(sorted, func(a, b *dnsendpoint.DNSEndpoint) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return sorted
}

func (b *recordBook) ofEndpoint(in *ZonesInput, e *dnsendpoint.DNSEndpoint, p *dnsendpoint.Endpoint, path string) (reason string, err error) {
	s := recordSet{typ: p.RecordType, ttl: gslbv1beta1.DefaultRecordTTLSeconds, data: p.Targets, on: endpointSource(e), path: path}
	if s.name, err = gslb.ParseHost(p.DNSName); err != nil {
		return gslbv1beta1.ReasonInvalidSpec, err
	}
	switch {
	case p.RecordType == "":
		return gslbv1beta1.ReasonInvalidSpec, errors.New("recordType is missing: write one like A, CNAME or TXT")
	case p.RecordTTL < 0 || p.RecordTTL > math.MaxInt32:
		return gslbv1beta1.ReasonInvalidSpec, fmt.Errorf("recordTTL is %d: it must be from 1 to %d, or 0 for %d seconds", p.RecordTTL, math.MaxInt32, s.ttl)
	case p.RecordTTL > 0:
		s.ttl = uint32(p.RecordTTL)
	}
	z := b.zoneOf(s.name)
	if z == nil {
		return gslbv1beta1.ReasonHostOutsideZones, fmt.Errorf("%s lies in none of the zones of this cluster (%s)", s.name, b.zoneNames())
	}
	if z.Allowed != nil && !z.Allowed.Matches(labels.Merge(in.namespaceLabels(e.Namespace), labels.Set{corev1.LabelMetadataName: e.Namespace})) {
		return gslbv1beta1.ReasonNamespaceNotAllowed, fmt.Errorf("ZoneDelegation %s of zone %s does not allow namespace %s to state records", z.Delegation, z.Zone, e.Namespace)
	}
	if err := b.mayState(in, z, &s); err != nil {
		return gslbv1beta1.ReasonConflicted, err
	}
	if reason, err := b.take(z, &s); err != nil {
		return reason, err
	}
	return "", nil
}

func (b *recordBook) zoneOf(n gslb.Name) *Zone {
	var best *Zone
	for i := range b.zones {
		if z := &b.zones[i]; n.In(z.Zone) && (best == nil || z.Zone.Below(best.Zone)) {
			best = z
		}
	}
	return best
}

func (b *recordBook) zoneNames() string {
	var names []string
	for i := range b.zones {
		names = append(names, b.zones[i].Zone.String())
	}
	if len(names) == 0 {
		return "there are none"
	}
	return strings.Join(names, ", ")
}

// baseOf gives the name to which a name belongs: itself without the labels in front that
// begin with an underscore (RFC 8552).
func baseOf(n gslb.Name) gslb.Name {
	for strings.HasPrefix(n.String(), "_") && !n.Parent().IsZero() {
		n = n.Parent()
	}
	return n
}

// mayState says why a namespace may not state a set; nil if it may.
func (b *recordBook) mayState(in *ZonesInput, z *Zone, s *recordSet) error {
	typ, err := rdata.ParseType(s.typ)
	if err != nil {
		return nil //nolint:nilerr // take says it
	}
	if on, known := b.sets[setKey{s.name, typ}]; known && (on.Kind != dnsendpoint.Kind || typ == typeCNAME) {
		return fmt.Errorf("%s states %s %s already", on, s.name, rdata.TypeName(typ))
	}
	if who, has := b.ownerOf(in, z, s.name, s.on.Namespace); has != "" && who != s.on.Namespace {
		return fmt.Errorf("%s belongs to %s", s.name, has)
	}
	return b.mayCut(z, s, typ)
}

// ownerOf gives the namespace that a name belongs to, "" for a ZoneDelegation, and who
// has it in words; "" where nobody does.
func (b *recordBook) ownerOf(in *ZonesInput, z *Zone, name gslb.Name, asker string) (namespace, who string) {
	names := []gslb.Name{baseOf(name)}
	if names[0] != name {
		if star, err := gslb.ParseName("*." + names[0].String()); err == nil {
			names = append(names, star)
		}
	}
	for _, n := range names {
		if ns := in.hostOwner(n); ns != "" {
			return ns, fmt.Sprintf("namespace %s, which has the host %s", ns, n)
		}
		if on, known := b.owners[n]; known {
			return on.Namespace, on.String()
		}
		if n == z.Zone && (in.Trusted == nil || !in.Trusted(asker)) {
			return "", "the zone itself: state it in its ZoneDelegation, or in Meridian's own namespace"
		}
	}
	return "", ""
}

// mayCut holds delegations and names of different owners apart.
func (b *recordBook) mayCut(z *Zone, s *recordSet, typ uint16) error {
	for n := s.name; n.Below(z.Zone); n = n.Parent() {
		if on, cut := b.sets[setKey{n, typeNS}]; cut && on.Namespace != s.on.Namespace {
			return fmt.Errorf("%s delegates %s to others", on, n)
		}
	}
	if typ != typeNS {
		return nil
	}
	for k, on := range b.sets {
		if k.name.In(s.name) && on.Namespace != s.on.Namespace {
			return fmt.Errorf("a delegation of %s would hide records of others at the name or below", s.name)
		}
	}
	return nil
}

// ClaimsBefore reports that one offer has a host before another, as the Store decides it.
func ClaimsBefore(a, b *gslb.Offer) bool {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c < 0
	}
	return a.Source.String() < b.Source.String()
}
