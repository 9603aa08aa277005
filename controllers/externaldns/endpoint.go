// SPDX-License-Identifier: Apache-2.0

package externaldns

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Kind is the kind of the objects. It is used without Go types of its own: the module of
// ExternalDNS brings those of every cloud provider with it.
var Kind = schema.GroupVersionKind{Group: "externaldns.k8s.io", Version: "v1alpha1", Kind: "DNSEndpoint"}

// What Meridian writes beside the records, and what it reads.
const (
	// LabelDelegation marks the DNSEndpoints of delegations, for --label-filter of
	// ExternalDNS; its value is LabelValue.
	LabelDelegation = "gslb.meridian.dev/delegation"
	// LabelValue is the value of LabelDelegation.
	LabelValue = "externaldns"
	// AnnotationZone and AnnotationEdgeZone say which delegation it is.
	AnnotationZone     = "gslb.meridian.dev/zone"
	AnnotationEdgeZone = "gslb.meridian.dev/edge-zone"
	// AnnotationWithout is an operator's: geo tags of clusters, separated by commas, that
	// are taken out of the delegation by hand.
	AnnotationWithout = "gslb.meridian.dev/without"
)

// recordTTL is the same in every cluster: ExternalDNS compares TTLs, and clusters that
// differed would repair each other's records for ever.
const recordTTL = int64(edge.DefaultTTL)

// ObjectName gives the name of the DNSEndpoint of a zone: "meridian-cloud.example.com", or
// one with a hash where the zone cannot be part of an object's name.
func ObjectName(zone gslb.Name) string {
	name := "meridian-" + zone.String()
	if len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(zone.String()))
	return "meridian-" + hex.EncodeToString(sum[:8])
}

// encode makes the DNSEndpoint that says what a delegation does, complete as server-side
// apply wants it.
func encode(d edge.FullDelegation, namespace string) *unstructured.Unstructured {
	var names []string
	var glue []any
	for _, ns := range d.NameServers {
		names = append(names, ns.Name.String())
		var v4, v6 []string
		for _, a := range ns.Addrs {
			if a.Is4() {
				v4 = append(v4, a.String())
			} else {
				v6 = append(v6, a.String())
			}
		}
		glue = append(glue, records(ns.Name, "A", v4)...)
		glue = append(glue, records(ns.Name, "AAAA", v6)...)
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(Kind)
	u.SetNamespace(namespace)
	u.SetName(ObjectName(d.Zone))
	u.SetLabels(map[string]string{gslbv1beta1.LabelManagedBy: gslbv1beta1.ManagedByMeridian, LabelDelegation: LabelValue})
	u.SetAnnotations(map[string]string{AnnotationZone: d.Zone.String(), AnnotationEdgeZone: d.EdgeZone.String()})
	u.Object["spec"] = map[string]any{"endpoints": append(records(d.Zone, "NS", names), glue...)}
	return u
}

// records gives one endpoint, ExternalDNS's word for an RRset; none without data. Targets
// have no trailing dot: ExternalDNS refuses those.
func records(name gslb.Name, kind string, data []string) []any {
	if len(data) == 0 {
		return nil
	}
	targets := make([]any, 0, len(data))
	for _, d := range data {
		targets = append(targets, d)
	}
	return []any{map[string]any{"dnsName": name.String(), "recordType": kind, "recordTTL": recordTTL, "targets": targets}}
}

// says reports that an object says all that another asks for, and no other records.
func says(have, want *unstructured.Unstructured) bool {
	if have == nil || !reflect.DeepEqual(have.Object["spec"], want.Object["spec"]) {
		return false
	}
	return holds(have.GetLabels(), want.GetLabels()) && holds(have.GetAnnotations(), want.GetAnnotations())
}

func holds(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// decode reads what a DNSEndpoint says of a zone. What does not belong to a delegation is
// passed over.
func decode(u *unstructured.Unstructured, zone gslb.Name) edge.Object {
	o := edge.Object{Where: whereOf(u.GetNamespace(), u.GetName()), Exists: true}
	glue := make(map[gslb.Name][]netip.Addr)
	var names []gslb.Name
	all, _, _ := unstructured.NestedSlice(u.Object, "spec", "endpoints")
	for _, one := range all {
		endpoint, _ := one.(map[string]any)
		dnsName, _, _ := unstructured.NestedString(endpoint, "dnsName")
		kind, _, _ := unstructured.NestedString(endpoint, "recordType")
		targets, _, _ := unstructured.NestedStringSlice(endpoint, "targets")
		name, err := gslb.ParseName(dnsName)
		if err != nil {
			continue
		}
		for _, t := range targets {
			if addr, err := netip.ParseAddr(t); err == nil && (kind == "A" || kind == "AAAA") {
				glue[name] = append(glue[name], addr)
			} else if ns, err := gslb.ParseName(t); err == nil && kind == "NS" && name == zone {
				names = append(names, ns)
			}
		}
	}
	for _, n := range names {
		o.NameServers = append(o.NameServers, gslb.NameServer{Name: n, Addrs: glue[n]})
	}
	seen, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	o.Observed = seen > 0 && seen == u.GetGeneration()
	o.Without = tagsOf(u.GetAnnotations()[AnnotationWithout])
	return o
}

func tagsOf(list string) []gslb.GeoTag {
	var out []gslb.GeoTag
	for part := range strings.SplitSeq(list, ",") {
		if tag, err := gslb.ParseGeoTag(strings.TrimSpace(part)); err == nil {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func whereOf(namespace, name string) string { return Kind.Kind + " " + namespace + "/" + name }
