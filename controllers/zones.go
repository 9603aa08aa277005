// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// translateZones brings the zones up to date in the Store, and enqueues the Gslbs whose
// hosts lie in a zone that came, went, or is open to other namespaces now.
func (c *collector) translateZones(ctx context.Context) {
	own, old, err := c.delegations(ctx)
	if err != nil {
		c.log.Error("the ZoneDelegations in the cache cannot be listed", "error", err)
		return
	}
	in := translate.ZonesInput{Self: c.cfg.Self, Addrs: c.glue.addrs()}
	if c.cfg.Zone != nil {
		in.Flags = []gslb.ZoneIntent{*c.cfg.Zone}
	}
	in.NamespaceLabels = func(namespace string) map[string]string {
		ns := &corev1.Namespace{}
		if c.objects.Get(ctx, client.ObjectKey{Name: namespace}, ns) != nil {
			return nil
		}
		return ns.Labels
	}
	in.HostOwner = c.ownerOf
	in.Trusted = func(namespace string) bool { return namespace == c.cfg.Namespace }
	var endpoints dnsendpoint.List
	if err := c.objects.List(ctx, &endpoints); err != nil {
		c.log.Error("the DNSEndpoints in the cache cannot be listed", "error", err)
		return
	}
	for i := range endpoints.Items {
		if e := &endpoints.Items[i]; e.DeletionTimestamp.IsZero() {
			in.Endpoints = append(in.Endpoints, e)
		}
	}
	for _, zd := range translate.Delegations(own, old) {
		// One that is being deleted is not served any more: its delegation goes.
		if zd.DeletionTimestamp.IsZero() {
			in.Delegations = append(in.Delegations, zd)
		}
	}
	last, next := c.zones.Load(), translate.Zones(in)
	if reflect.DeepEqual(*last, next) {
		return
	}
	c.zones.Store(&next)
	if !reflect.DeepEqual(last.Intents(), next.Intents()) {
		c.cfg.Store.SetZones(next.Intents())
	}
	for _, name := range c.zoneNames(ctx) {
		c.tell(task{writeZone, name})
	}
	for i := range endpoints.Items {
		c.tell(task{writeEndpoint, client.ObjectKeyFromObject(&endpoints.Items[i])})
	}
	for _, g := range c.last.where(touchedBy(zonesThatDiffer(last.Zones, next.Zones))) {
		c.add(item{g})
	}
	for _, g := range c.guard.keeps() {
		c.add(item{g}) // its zone may let it go now
	}
}

// mayVanish reports that every host of a Gslb lies in a zone that lets hosts vanish in a
// mass.
func (c *collector) mayVanish(key types.NamespacedName) bool {
	last := c.last.get(key)
	if last == nil {
		return false
	}
	zones := c.zones.Load().Intents()
	for _, o := range last.out.Offers {
		var best *gslb.ZoneIntent
		for i := range zones {
			if z := &zones[i]; o.Host.In(z.Zone) && (best == nil || z.Zone.In(best.Zone)) {
				best = z
			}
		}
		if best == nil || !best.AllowRemoval {
			return false
		}
	}
	return true
}

// recordsMayMove has the zones translated again where DNSEndpoints state records: who has
// a host, or the labels of a namespace, changed.
func (c *collector) recordsMayMove() {
	if c.zones.Load().Endpoints > 0 {
		c.add(item{})
	}
}

// ownerOf gives the namespace that has a host in this cluster, "" if none does. The World knows,
// which heard of other clusters; of what it was not told yet the claims alone tell.
func (c *collector) ownerOf(host gslb.Name) string {
	if s := ownHolder(c.cfg.Store.World(), host); c.last.offers(s, host) {
		return s.Namespace
	}
	return c.last.ownerOf(host)
}

// observeHolders has the records of DNSEndpoints looked at again when a host is another's.
func (c *collector) observeHolders(prev, w *gslb.World) {
	if c.zones.Load().Endpoints == 0 {
		return
	}
	for host := range w.Changed(prev) {
		if holderDiffers(prev, w, host) {
			c.recordsMayMove()
			return
		}
	}
}

// zonesThatDiffer gives the zones that differ in what matters to hosts: that they are
// there, and who may take hosts in them.
func zonesThatDiffer(a, b []translate.Zone) []gslb.Name {
	type terms struct{ delegation, allowed string }
	read := func(zones []translate.Zone) map[gslb.Name]terms {
		all := make(map[gslb.Name]terms, len(zones))
		for i := range zones {
			t := terms{delegation: zones[i].Delegation}
			if zones[i].Allowed != nil {
				t.allowed = "by " + zones[i].Allowed.String()
			}
			all[zones[i].Zone] = t
		}
		return all
	}
	before, after := read(a), read(b)
	var differ []gslb.Name
	for z, t := range after {
		if was, known := before[z]; !known || was != t {
			differ = append(differ, z)
		}
	}
	for z := range before {
		if _, known := after[z]; !known {
			differ = append(differ, z)
		}
	}
	return differ
}

// touchedBy says of a Gslb whether a change of zones touches it: a host lies in one, or
// in none at all, which its condition says with the names of those that there are.
func touchedBy(zones []gslb.Name) func(*translation) bool {
	return func(r *translation) bool {
		for i := range r.out.Hosts {
			h := &r.out.Hosts[i]
			if len(zones) > 0 && h.Reason == gslbv1beta1.ReasonHostOutsideZones {
				return true
			}
			for _, z := range zones {
				if h.Host.In(z) {
					return true
				}
			}
		}
		return false
	}
}
