// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"reflect"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	"github.com/meridian-gslb/meridian/gslb"
)

// observe has the statuses written that a new World touches, until ctx ends.
//
// Three things can happen in the loop:
//
//  1. a new World came: the Gslbs of the hosts that changed, or everything if what
//     concerns all of them changed
//  2. the edge, or the check of delegations, tells of a zone
//  3. ctx ends
func (c *Controllers) observe(ctx context.Context) error {
	var edgeChanged <-chan struct{}
	if c.cfg.Edge != nil {
		edgeChanged = c.cfg.Edge.Changed()
	}
	var checked <-chan struct{}
	if c.cfg.Delegations != nil {
		checked = c.cfg.Delegations.Changed()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-checked:
			c.addZones(ctx)
		case w := <-c.box.C():
			c.observeWorld(ctx, w)
		case <-edgeChanged:
			c.addZones(ctx)
		}
	}
}

func (c *Controllers) observeWorld(ctx context.Context, w *gslb.World) {
	prev := c.world.Swap(w)
	c.collector.observeLost(w)
	c.collector.observeBare(prev, w)
	c.collector.observeHolders(prev, w)
	if !w.Ready || !c.writers.leading() {
		return
	}
	if prev != nil && prev.Ready {
		c.tellZones(ctx, worldEvents(prev, w))
	}
	if prev == nil || concernsAll(prev, w) {
		for _, t := range c.allTasks(ctx) {
			c.writers.addNow(t)
		}
		return
	}
	zones := !reflect.DeepEqual(prev.Zones, w.Zones) || heldDiffers(prev, w)
	for name := range w.Changed(prev) {
		for _, key := range c.collector.last.having(name) {
			c.writers.addNow(task{writeStatus, key})
			if holderDiffers(prev, w, name) {
				c.writers.addNow(task{writeIngress, key})
			}
		}
	}
	if zones {
		c.addZones(ctx)
	}
	if recordsDiffer(prev, w) {
		for _, t := range c.endpointTasks(ctx) {
			c.writers.addNow(t)
		}
	}
}

// holderDiffers reports that another object of this cluster has a host now.
func holderDiffers(a, b *gslb.World, host gslb.Name) bool {
	return ownHolder(a, host) != ownHolder(b, host)
}

// ownHolder gives the object of this cluster that has a host; the zero one: none has, or there
// is no World.
func ownHolder(w *gslb.World, host gslb.Name) (s gslb.Source) {
	if w == nil {
		return s
	}
	if h := w.Host(host); h != nil {
		if p := h.Part(w.Self); p != nil {
			s = p.Offer.Source
		}
	}
	return s
}

// recordsDiffer reports that something else of the static records is served, or not.
func recordsDiffer(a, b *gslb.World) bool {
	for i := range b.Zones {
		if z := a.Zone(b.Zones[i].Zone); z == nil || z.Static != b.Zones[i].Static {
			return true
		}
	}
	return false
}

// endpointTasks gives the DNSEndpoints whose records are asked to be served.
func (c *Controllers) endpointTasks(ctx context.Context) []task {
	var all []task
	var endpoints dnsendpoint.List
	if c.client.List(ctx, &endpoints) != nil {
		return nil // ctx ended
	}
	for i := range endpoints.Items {
		all = append(all, task{writeEndpoint, client.ObjectKeyFromObject(&endpoints.Items[i])})
	}
	return all
}

// concernsAll reports that something differs that every status tells of.
func concernsAll(a, b *gslb.World) bool {
	if a.Ready != b.Ready || a.Local.Blind.IsZero() != b.Local.Blind.IsZero() ||
		a.Isolated.IsZero() != b.Isolated.IsZero() || len(a.Clusters) != len(b.Clusters) {
		return true
	}
	for i := range b.Clusters {
		x, y := &a.Clusters[i], &b.Clusters[i]
		if x.Tag != y.Tag || x.Liveness != y.Liveness || x.Witness != y.Witness || x.Conflict != y.Conflict {
			return true
		}
	}
	return false
}

func (c *Controllers) addZones(ctx context.Context) {
	if !c.writers.leading() {
		return
	}
	for _, name := range c.collector.zoneNames(ctx) {
		c.writers.add(task{writeZone, name})
	}
}

// allTasks gives everything that may have to be written: the beginning of a term.
func (c *Controllers) allTasks(ctx context.Context) []task {
	var all []task
	gslbs, err := c.collector.gslbs(ctx)
	if err != nil {
		return nil // ctx ended
	}
	for _, name := range c.collector.zoneNames(ctx) {
		all = append(all, task{writeZone, name})
	}
	for _, key := range gslbs {
		all = append(all, task{writeIngress, key}, task{writeStatus, key})
	}
	all = append(all, c.endpointTasks(ctx)...)
	return append(all, c.annotatedTasks(ctx)...)
}

// tellAll has everything written that may have to be, if we lead.
func (c *Controllers) tellAll(ctx context.Context) {
	if !c.writers.leading() {
		return
	}
	for _, t := range c.allTasks(ctx) {
		c.writers.add(t)
	}
}
