// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"maps"
	"slices"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// StatusOf gives what k8gb's definitions keep of a status, in k8gb's words. No field of
// it is nil; equal statuses give equal ones.
func StatusOf(s *gslbv1beta1.GslbStatus) GslbStatus {
	out := GslbStatus{
		ServiceHealth: make(map[string]string, len(s.ServiceHealth)), HealthyRecords: make(map[string][]string, len(s.HealthyRecords)),
		GeoTag: s.GeoTag, Hosts: s.Hosts,
		LoadBalancer: LoadBalancer{ExposedIPs: slices.Clone(s.LoadBalancer.ExposedIPs)},
		Servers:      make([]Server, 0, len(s.Servers)),
	}
	for host, health := range s.ServiceHealth {
		out.ServiceHealth[host] = string(health)
	}
	for host, records := range s.HealthyRecords {
		out.HealthyRecords[host] = append([]string{}, records...)
	}
	for i := range s.Servers {
		server := Server{Host: s.Servers[i].Host}
		for _, name := range s.Servers[i].Services {
			server.Services = append(server.Services, NamespacedName{Name: name.Name, Namespace: name.Namespace})
		}
		out.Servers = append(out.Servers, server)
	}
	return out
}

// Field is a field of a GslbStatus.
type Field uint8

// The fields.
const (
	FieldServiceHealth Field = iota
	FieldHealthyRecords
	FieldGeoTag
	FieldHosts
	FieldLoadBalancer
	FieldServers
)

// field says of one field whether it is empty, and whether it is the same in two statuses;
// empty and absent are the same.
type field struct {
	name  Field
	empty func(*GslbStatus) bool
	same  func(a, b *GslbStatus) bool
}

func fields() []field {
	return []field{
		{FieldServiceHealth, func(s *GslbStatus) bool { return len(s.ServiceHealth) == 0 },
			func(a, b *GslbStatus) bool { return maps.Equal(a.ServiceHealth, b.ServiceHealth) }},
		{FieldHealthyRecords, func(s *GslbStatus) bool { return len(s.HealthyRecords) == 0 },
			func(a, b *GslbStatus) bool {
				return maps.EqualFunc(a.HealthyRecords, b.HealthyRecords, slices.Equal[[]string])
			}},
		{FieldGeoTag, func(s *GslbStatus) bool { return s.GeoTag == "" }, func(a, b *GslbStatus) bool { return a.GeoTag == b.GeoTag }},
		{FieldHosts, func(s *GslbStatus) bool { return s.Hosts == "" }, func(a, b *GslbStatus) bool { return a.Hosts == b.Hosts }},
		{FieldLoadBalancer, func(s *GslbStatus) bool { return len(s.LoadBalancer.ExposedIPs) == 0 },
			func(a, b *GslbStatus) bool { return slices.Equal(a.LoadBalancer.ExposedIPs, b.LoadBalancer.ExposedIPs) }},
		{FieldServers, func(s *GslbStatus) bool { return len(s.Servers) == 0 },
			func(a, b *GslbStatus) bool {
				return slices.EqualFunc(a.Servers, b.Servers, func(x, y Server) bool { return x.Host == y.Host && slices.Equal(x.Services, y.Services) })
			}},
	}
}

// Pruned gives the fields of a status that a server did not keep: they were written, and
// came back empty. Definitions of older versions of k8gb have fewer of them.
func Pruned(written, kept *GslbStatus) []Field {
	var all []Field
	for _, f := range fields() {
		if !f.empty(written) && f.empty(kept) {
			all = append(all, f.name)
		}
	}
	return all
}

// Equal reports that two statuses say the same, apart from the fields that a server is
// known not to keep.
func (s *GslbStatus) Equal(o *GslbStatus, pruned ...Field) bool {
	for _, f := range fields() {
		if !slices.Contains(pruned, f.name) && !f.same(s, o) {
			return false
		}
	}
	return true
}

// ZoneStatusOf gives what k8gb's definition keeps of the status of a ZoneDelegation.
func ZoneStatusOf(s *gslbv1beta1.ZoneDelegationStatus) ZoneDelegationStatus {
	var out ZoneDelegationStatus
	for _, d := range s.DNSServers {
		out.DNSServers = append(out.DNSServers, DNSServer{Name: d.Name, Address: d.Address})
	}
	return out
}
