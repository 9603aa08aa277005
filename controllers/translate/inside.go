// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// Inside says which addresses lie inside this cluster, where no client from outside gets.
// Its zero value knows of none.
type Inside struct {
	Internal []netip.Prefix // of pods and Services, as the configuration says
	Entries  []netip.Prefix // where clients may arrive although they lie inside, as it says

	Nodes    *NodeRanges // nil: nothing is known of nodes
	AllNodes bool        // Nodes holds every node of the cluster
}

// shared is the address space of carriers (RFC 6598), which clusters use for pods.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// mayBePod reports that an address is of a kind that pods have.
func mayBePod(addr netip.Addr) bool { return addr.IsPrivate() || shared.Contains(addr) }

// inside says why an address lies inside the cluster, in words; "" if it does not, or that
// is meant. The first row that holds decides.
//
//	the address                                      | inside
//	--entry-cidrs has it                             | no
//	a node has it                                    | no: nodes are entries of some clusters
//	--internal-cidrs has it                          | yes
//	a Service has it as cluster IP                   | yes
//	a ServiceCIDR has it                             | yes
//	the pod CIDRs of a node have it                  | yes
//	a pod in an EndpointSlice has it                 | yes, once all nodes are known not to
//	anything else                                    | no
func (c *collector) inside(addr netip.Addr, byHand bool) string {
	in := &c.in.Inside
	if within(in.Entries, addr) != (netip.Prefix{}) {
		return ""
	}
	if mayBePod(addr) && !byHand {
		c.private = append(c.private, addr)
	}
	serving, _ := c.look.One(refs.ClusterIPKey(addr))
	ranges, _ := c.look.Get(refs.ServiceCIDRsKey())
	pod, _ := c.look.One(refs.PodAddressKey(addr))
	if in.Nodes.Node(addr) {
		return ""
	}
	if p := within(in.Internal, addr); p != (netip.Prefix{}) {
		return fmt.Sprintf("%s lies in %s, which --internal-cidrs says is inside this cluster", addr, p)
	}
	if serving != nil {
		return fmt.Sprintf("%s is the cluster IP of Service %s/%s, which nobody outside can connect to", addr, serving.GetNamespace(), serving.GetName())
	}
	for _, obj := range ranges {
		if p, has := serviceRange(obj, addr); has {
			return fmt.Sprintf("%s lies in %s, the range of cluster IPs of ServiceCIDR %s", addr, p, obj.GetName())
		}
	}
	if node, p := in.Nodes.Pods(addr); node != "" {
		return fmt.Sprintf("%s lies in %s, the range of the pods of node %s", addr, p, node)
	}
	if pod != nil && in.Nodes != nil {
		if in.AllNodes {
			return fmt.Sprintf("%s is the address of a pod in EndpointSlice %s/%s", addr, pod.GetNamespace(), pod.GetName())
		}
		c.awaitsNodes = !byHand
	}
	return ""
}

// within gives the range that has an address; the zero Prefix if none does.
func within(ranges []netip.Prefix, addr netip.Addr) netip.Prefix {
	if i := slices.IndexFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) }); i >= 0 {
		return ranges[i]
	}
	return netip.Prefix{}
}

// serviceRange gives the range of a ServiceCIDR that has an address.
func serviceRange(obj refs.Object, addr netip.Addr) (netip.Prefix, bool) {
	cidr, ok := obj.(*networkingv1.ServiceCIDR)
	if !ok {
		return netip.Prefix{}, false
	}
	for _, text := range cidr.Spec.CIDRs {
		if p, err := netip.ParsePrefix(text); err == nil && p.Contains(addr) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
