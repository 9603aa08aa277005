// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func TestReplicaAddrs(t *testing.T) {
	port := func(name string, protocol corev1.Protocol, n int32) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &n}
	}
	endpoint := func(ready *bool, addrs ...string) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: addrs, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	chart := []discoveryv1.EndpointPort{port("dns-udp", corev1.ProtocolUDP, 5353), port("dns-tls", corev1.ProtocolTCP, 8853), port("dns-tcp", corev1.ProtocolTCP, 5353)}
	for _, c := range []struct {
		why    string
		slices []discoveryv1.EndpointSlice
		want   []string
	}{
		{"as the chart makes it, in two slices and both families",
			[]discoveryv1.EndpointSlice{
				{AddressType: discoveryv1.AddressTypeIPv4, Ports: chart, Endpoints: []discoveryv1.Endpoint{endpoint(new(true), "10.0.0.2"), endpoint(nil, "10.0.0.1")}},
				{AddressType: discoveryv1.AddressTypeIPv6, Ports: chart, Endpoints: []discoveryv1.Endpoint{endpoint(new(true), "fd00::1"), endpoint(new(true), "fd00::1")}},
			}, []string{"10.0.0.1:5353", "10.0.0.2:5353", "[fd00::1]:5353"}},
		{"one that is not ready is not called",
			[]discoveryv1.EndpointSlice{{Ports: chart, Endpoints: []discoveryv1.Endpoint{endpoint(new(false), "10.0.0.2")}}}, nil},
		{"a single TCP port of any name",
			[]discoveryv1.EndpointSlice{{Ports: []discoveryv1.EndpointPort{port("x", corev1.ProtocolTCP, 53), port("x", corev1.ProtocolUDP, 53)},
				Endpoints: []discoveryv1.Endpoint{endpoint(nil, "10.0.0.2")}}}, []string{"10.0.0.2:53"}},
		{"two TCP ports of other names: nobody knows",
			[]discoveryv1.EndpointSlice{{Ports: []discoveryv1.EndpointPort{port("a", corev1.ProtocolTCP, 53), port("b", corev1.ProtocolTCP, 54)},
				Endpoints: []discoveryv1.Endpoint{endpoint(nil, "10.0.0.2")}}}, nil},
		{"host names are no addresses",
			[]discoveryv1.EndpointSlice{{AddressType: discoveryv1.AddressTypeFQDN, Ports: chart, Endpoints: []discoveryv1.Endpoint{endpoint(nil, "x.example")}}}, nil},
		{"no slices", nil, nil},
	} {
		t.Run(c.why, func(t *testing.T) { assert.Equal(t, c.want, replicaAddrs(c.slices)) })
	}
}
