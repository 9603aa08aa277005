// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// observeReplicas tells where the instances behind our own Service are called, this one
// included, when one of its EndpointSlices changed.
func (c *collector) observeReplicas() {
	if c.cfg.Replicas == nil {
		return
	}
	var all discoveryv1.EndpointSliceList
	if err := c.objects.List(context.Background(), &all, client.InNamespace(c.cfg.OwnService.Namespace),
		client.MatchingFields{slicePair: discoveryv1.LabelServiceName + "=" + c.cfg.OwnService.Name}); err != nil {
		return // the cache is not filled yet; the events of the first list come after
	}
	c.cfg.Replicas(replicaAddrs(all.Items))
}

// replicaAddrs gives the address and port of DNS over TCP of each endpoint that is
// ready, sorted, each once.
func replicaAddrs(all []discoveryv1.EndpointSlice) []string {
	var out []string
	for i := range all {
		slice := &all[i]
		port := dnsPortOf(slice.Ports)
		if port == 0 || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for j := range slice.Endpoints {
			ep := &slice.Endpoints[j]
			if ep.Conditions.Ready != nil && !*ep.Conditions.Ready {
				continue
			}
			for _, addr := range ep.Addresses {
				out = append(out, net.JoinHostPort(addr, strconv.Itoa(int(port))))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dnsPortOf gives the TCP port of DNS: the one named after it, or the only one; 0 if that
// cannot be told.
func dnsPortOf(ports []discoveryv1.EndpointPort) int32 {
	var tcp []int32
	for i := range ports {
		p := &ports[i]
		if p.Port == nil || p.Protocol != nil && *p.Protocol != corev1.ProtocolTCP {
			continue
		}
		if p.Name != nil && (*p.Name == "dns" || *p.Name == "domain" || strings.HasSuffix(*p.Name, "dns-tcp")) {
			return *p.Port
		}
		tcp = append(tcp, *p.Port)
	}
	if len(tcp) != 1 {
		return 0
	}
	return tcp[0]
}
