// SPDX-License-Identifier: Apache-2.0

package files

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// settleZones translates the zones, and reports whether they changed.
func (m *model) settleZones() bool {
	next := translate.Zones(translate.ZonesInput{
		Delegations: m.delegations(), Flags: m.cfg.zones, Self: m.cfg.self, Addrs: m.cfg.addrs,
		Endpoints: m.endpoints(),
		NamespaceLabels: func(namespace string) map[string]string {
			if ns := valueOf[*corev1.Namespace](m.inventory, key{kindNamespace, "", namespace}); ns != nil {
				return ns.Labels
			}
			return nil
		},
		HostOwner: m.hostOwners(),
		Trusted:   func(string) bool { return true }, // the folder is the operator's
	})
	changed := !reflect.DeepEqual(next, m.zones)
	m.zones, m.zonesDirty = next, false
	m.unzoned = m.locate(nil, next.Findings)
	return changed
}

// terms are what of the zones matters to hosts.
func (m *model) terms() []translate.Zone {
	all := slices.Clone(m.zones.Zones)
	for i := range all {
		all[i].Records = nil
	}
	return all
}

func (m *model) endpoints() []*dnsendpoint.DNSEndpoint {
	var all []*dnsendpoint.DNSEndpoint
	for _, place := range m.inventory.placesOf(kindEndpoint) {
		for _, h := range m.inventory.in(kindEndpoint, place.namespace) {
			if e, ok := h.value.(*dnsendpoint.DNSEndpoint); ok {
				all = append(all, e)
			}
		}
	}
	return all
}

// hostOwners gives, for each host, the namespace of the oldest Gslb that offers it.
func (m *model) hostOwners() func(gslb.Name) string {
	if len(m.inventory.placesOf(kindEndpoint)) == 0 {
		return nil
	}
	oldest := make(map[gslb.Name]*gslb.Offer)
	for _, state := range m.gslbs {
		for _, o := range state.output.Offers {
			if old := oldest[o.Host]; old == nil || translate.ClaimsBefore(o, old) {
				oldest[o.Host] = o
			}
		}
	}
	return func(host gslb.Name) string {
		if o := oldest[host]; o != nil {
			return o.Source.Namespace
		}
		return ""
	}
}

func (m *model) delegations() []*gslbv1beta1.ZoneDelegation {
	var all []*gslbv1beta1.ZoneDelegation
	for _, h := range m.inventory.in(kindZone, "") {
		if zd, ok := h.value.(*gslbv1beta1.ZoneDelegation); ok {
			all = append(all, zd)
		}
	}
	var old []*k8gb.ZoneDelegation
	for _, h := range m.inventory.in(kindK8gbZone, "") {
		if zd, ok := h.value.(*k8gb.ZoneDelegation); ok {
			old = append(old, zd)
		}
	}
	return translate.Delegations(all, old)
}
