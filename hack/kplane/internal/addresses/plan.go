// SPDX-License-Identifier: Apache-2.0

// Package addresses says which address is whose: the addresses of one cluster
// (Plan) and the ones that are handed out and taken back (Pool).
//
// A cluster has one /24. Control planes listen on the same ports everywhere and
// differ by address, so any number of clusters fit beside each other. Nothing
// here opens a socket. The launcher and the node call it.
//
// Kubernetes refuses loopback addresses in EndpointSlices, and a machine has no
// others that are free to use. So in a loopback network a pod listens on
// 127.y.z.w and is reported as 10.y.z.w; the node translates when it dials.
package addresses

import (
	"fmt"
	"net/netip"
)

// The last octets of a cluster's /24. What is not listed (.2 to .10 and .13 to
// .63) is left to whoever runs the cluster, for a DNS server say.
const (
	apiOctet      = 1
	ingressOctetA = 11
	ingressOctetB = 12
)

// A Plan is the addresses of one cluster. Make it with NewPlan.
type Plan struct {
	network       netip.Prefix
	externalNodes bool
}

// NewPlan returns the plan of the cluster with this index (from 0): the /24 of
// base for the first, the next /24 for the second, and so on. Base must be the
// IPv4 address of a /24 (a.b.c.0), and no cluster's network may leave base's /16.
func NewPlan(base netip.Addr, index int) (Plan, error) {
	if !base.Is4() {
		return Plan{}, fmt.Errorf("base address %s: want an IPv4 address such as 127.0.71.0", base)
	}
	octets := base.As4()
	if octets[3] != 0 {
		return Plan{}, fmt.Errorf("base address %s: want the address of a /24, such as %d.%d.%d.0",
			base, octets[0], octets[1], octets[2])
	}
	third := int(octets[2]) + index
	if index < 0 || third > 255 {
		return Plan{}, fmt.Errorf("base address %s has no room for %d clusters: their third octet would pass 255",
			base, index+1)
	}
	octets[2] = byte(third)
	return Plan{network: netip.PrefixFrom(netip.AddrFrom4(octets), 24)}, nil
}

// WithExternalNodes returns the plan of a cluster whose node is a kubelet: it is
// in a network namespace of its own, Pods have addresses .64 to .127 and
// LoadBalancers .128 to .255. Nothing else differs.
func (p Plan) WithExternalNodes() Plan {
	p.externalNodes = true
	return p
}

// Network is the cluster's /24.
func (p Plan) Network() netip.Prefix { return p.network }

// API is where etcd and kube-apiserver listen.
func (p Plan) API() netip.Addr { return p.host(apiOctet) }

// Ingress returns the two addresses that every Ingress has in its status.
func (p Plan) Ingress() []netip.Addr {
	return []netip.Addr{p.host(ingressOctetA), p.host(ingressOctetB)}
}

// LoadBalancers is the range for Services of type LoadBalancer, .64 to .127 (with
// external nodes .128 to .255).
func (p Plan) LoadBalancers() netip.Prefix {
	if p.externalNodes {
		return p.upper()
	}
	return p.lower()
}

// Pods is the range on which pods listen, .128 to .255 (with external nodes .64
// to .127).
func (p Plan) Pods() netip.Prefix {
	if p.externalNodes {
		return p.lower()
	}
	return p.upper()
}

func (p Plan) lower() netip.Prefix { return netip.PrefixFrom(p.host(64), 26) }
func (p Plan) upper() netip.Prefix { return netip.PrefixFrom(p.host(128), 25) }

// Reported returns the address under which the API server knows the pod or
// node that listens on a: 10.y.z.w for 127.y.z.w, every other address itself.
func (p Plan) Reported(a netip.Addr) netip.Addr {
	if !a.Is4() || !a.IsLoopback() {
		return a
	}
	octets := a.As4()
	octets[0] = 10
	return netip.AddrFrom4(octets)
}

// Listening returns where the endpoint that is reported as a really listens. It
// is false for an address that must not be dialled: in a loopback network
// everything outside 10/8 and 127/8, so that an EndpointSlice written by hand,
// with addresses from a documentation range, never causes traffic.
func (p Plan) Listening(a netip.Addr) (netip.Addr, bool) {
	if !p.network.Addr().IsLoopback() {
		return a, true
	}
	if !a.Is4() {
		return netip.Addr{}, false
	}
	octets := a.As4()
	switch octets[0] {
	case 10:
		octets[0] = 127
		return netip.AddrFrom4(octets), true
	case 127:
		return a, true
	}
	return netip.Addr{}, false
}

func (p Plan) host(last byte) netip.Addr {
	octets := p.network.Addr().As4()
	octets[3] = last
	return netip.AddrFrom4(octets)
}
