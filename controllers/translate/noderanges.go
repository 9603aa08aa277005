// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// NodeRanges holds what the nodes of a cluster tell of addresses: which are their own, and
// which are those of pods. Safe for concurrent use.
type NodeRanges struct {
	mu    sync.RWMutex
	of    map[string]nodeRange
	own   map[netip.Addr]int      // how many nodes have it
	pods  map[netip.Prefix]string // the node with the pods
	sizes [129]int                // how many prefixes there are of a length
}

// nodeRange is what one node tells.
type nodeRange struct {
	own  []netip.Addr
	pods []netip.Prefix
}

// NewNodeRanges gives the ranges of no nodes.
func NewNodeRanges() *NodeRanges {
	return &NodeRanges{of: make(map[string]nodeRange), own: make(map[netip.Addr]int), pods: make(map[netip.Prefix]string)}
}

// rangeOf reads a node; one that stands for another cluster has no pods here.
func rangeOf(node *corev1.Node) nodeRange {
	var r nodeRange
	if node == nil {
		return r
	}
	for _, a := range node.Status.Addresses {
		if addr, err := netip.ParseAddr(a.Address); err == nil {
			r.own = append(r.own, addr.Unmap())
		}
	}
	cidrs := node.Spec.PodCIDRs
	if len(cidrs) == 0 && node.Spec.PodCIDR != "" {
		cidrs = []string{node.Spec.PodCIDR}
	}
	if _, virtual := VirtualNode(node); virtual {
		cidrs = nil
	}
	for _, text := range cidrs {
		if p, err := netip.ParsePrefix(text); err == nil && p.Bits() > 0 {
			r.pods = append(r.pods, p.Masked())
		}
	}
	return r
}

// Set replaces what a node tells, nil: it is gone, and gives the addresses of which
// something else is told than before.
func (n *NodeRanges) Set(name string, node *corev1.Node) (moved []netip.Prefix) {
	next := rangeOf(node)
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.of[name]
	if slices.Equal(old.own, next.own) && slices.Equal(old.pods, next.pods) {
		return nil
	}
	for _, a := range old.own {
		if n.own[a]--; n.own[a] <= 0 {
			delete(n.own, a)
		}
		moved = append(moved, netip.PrefixFrom(a, a.BitLen()))
	}
	for _, p := range old.pods {
		if n.pods[p] == name {
			delete(n.pods, p)
			n.sizes[p.Bits()]--
		}
	}
	for _, a := range next.own {
		n.own[a]++
		moved = append(moved, netip.PrefixFrom(a, a.BitLen()))
	}
	for _, p := range next.pods {
		if _, known := n.pods[p]; !known {
			n.sizes[p.Bits()]++
		}
		n.pods[p] = name
	}
	if delete(n.of, name); node != nil {
		n.of[name] = next
	}
	return append(append(moved, old.pods...), next.pods...)
}

// Node reports that a node has an address.
func (n *NodeRanges) Node(addr netip.Addr) bool {
	if n == nil {
		return false
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.own[addr] > 0
}

// Pods gives the node among whose pods an address lies, and their range; "" if it lies
// among no pods.
func (n *NodeRanges) Pods(addr netip.Addr) (node string, pods netip.Prefix) {
	if n == nil {
		return "", pods
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	for bits := addr.BitLen(); bits > 0; bits-- {
		if n.sizes[bits] == 0 {
			continue
		}
		if p, err := addr.Prefix(bits); err == nil && n.pods[p] != "" {
			return n.pods[p], p
		}
	}
	return "", pods
}
