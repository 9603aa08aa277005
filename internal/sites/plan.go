// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"fmt"
	"net/netip"
)

// MaxClusters is how many sites a set may have.
const MaxClusters = 32

// Services is the range of ClusterIPs, which is the same in every cluster: they
// mean something only inside their own.
const Services = "172.30.0.0/16"

// A Plan is the addresses of one site. They are the same in every set, for they
// exist only inside the set's namespaces. It is made by PlanOf.
type Plan struct {
	index int
}

// PlanOf returns the plan of the cluster with this place in the list, from 0.
func PlanOf(place int) Plan { return Plan{index: place + 1} }

// Index is the site's number, from 1: the I of 10.99.I.0/24.
func (p Plan) Index() int { return p.index }

// Wan is the site's address on the bridge between the sites.
func (p Plan) Wan() netip.Addr { return p.address(0, p.index) }

// Network is the site's own range. The other sites reach all of it.
func (p Plan) Network() netip.Prefix { return netip.PrefixFrom(p.address(p.index, 0), 24) }

// Node is the address of the node, and of its API server.
func (p Plan) Node() netip.Addr { return p.address(p.index, 1) }

// Ingress returns the two addresses where Ingresses are served.
func (p Plan) Ingress() []netip.Addr {
	return []netip.Addr{p.address(p.index, 11), p.address(p.index, 12)}
}

// Pods is the range of Pods. Its first address but one is the node's bridge.
func (p Plan) Pods() netip.Prefix { return netip.PrefixFrom(p.address(p.index, 64), 26) }

// LoadBalancers is the range of Services of type LoadBalancer.
func (p Plan) LoadBalancers() netip.Prefix { return netip.PrefixFrom(p.address(p.index, 128), 25) }

// API is where the API server listens.
func (p Plan) API() netip.AddrPort { return netip.AddrPortFrom(p.Node(), 6443) }

// Link is the name of the site's end on the bridge.
func (p Plan) Link() string { return fmt.Sprintf("site%d", p.index) }

func (p Plan) address(third, last int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 99, byte(third), byte(last)})
}
