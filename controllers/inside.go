// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// nodesAgain is when a Gslb is translated again of which an entry may be that of a pod or of
// a node that was not read yet.
const nodesAgain = 250 * time.Millisecond

// inside says which addresses lie inside this cluster.
func (c *collector) inside() translate.Inside {
	return translate.Inside{Internal: c.cfg.InternalCIDRs, Entries: c.cfg.EntryCIDRs, Nodes: c.ranges, AllNodes: c.allNodes()}
}

// allNodes reports that every node was read.
func (c *collector) allNodes() bool {
	s := c.sources[refs.Word(refs.KindNode)]
	return s == nil || s.wide.Load() && s.listedWide()
}

// lookInside has all nodes read where an entry could be of a pod, and translates those again
// for which that decides.
func (c *collector) lookInside(key types.NamespacedName, out *translate.Output) {
	if len(out.Private) == 0 && !out.AwaitsNodes {
		return
	}
	if !c.widen() && out.AwaitsNodes {
		c.queue.AddAfter(item{key}, nodesAgain)
	}
}

// observeRanges keeps what a node tells of addresses, and enqueues the Gslbs with an entry
// that is among them.
func (c *collector) observeRanges(e event) {
	node, _ := e.is.(*corev1.Node)
	moved := c.ranges.Set(e.object().GetName(), node)
	if e.first || len(moved) == 0 {
		return
	}
	for _, key := range c.last.where(func(t *translation) bool {
		return slices.ContainsFunc(t.out.Private, func(a netip.Addr) bool {
			return slices.ContainsFunc(moved, func(p netip.Prefix) bool { return p.Contains(a) })
		})
	}) {
		c.add(item{key})
	}
}

// mayBeInside reports that an entry of a translation could be of a pod.
func mayBeInside(t *translation) bool { return len(t.out.Private) > 0 || t.out.AwaitsNodes }

// insideMoved reports that what nodes tell may change a translation.
func (c *collector) insideMoved(t *translation) bool {
	return t.out.AwaitsNodes || slices.ContainsFunc(t.out.Private, func(a netip.Addr) bool {
		node, _ := c.ranges.Pods(a)
		return node != "" || c.ranges.Node(a)
	})
}
