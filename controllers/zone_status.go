// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

func (c *Controllers) zoneStatus(zd *gslbv1beta1.ZoneDelegation, world *gslb.World) gslbv1beta1.ZoneDelegationStatus {
	return zoneStatusOf(zoneInput{zd: zd, zones: c.collector.zones.Load(), world: world, edge: c.edgeStatus(), checks: c.checkStatus(),
		held: c.collector.guard.status(), lost: c.cfg.SavedWorldLost, clients: c.collector.clients.Load(), now: time.Now()})
}

// edgeStatus gives what the keeper knows; nil without one.
func (c *Controllers) edgeStatus() []edge.ZoneStatus {
	if c.cfg.Edge == nil {
		return nil
	}
	return c.cfg.Edge.Status()
}

// checkStatus gives how delegations were found; nil while nobody looks.
func (c *Controllers) checkStatus() []delegation.Status {
	if c.cfg.Delegations == nil {
		return nil
	}
	return c.cfg.Delegations.Status()
}

// zoneInput is everything that the status of one ZoneDelegation is made of.
type zoneInput struct {
	zd    *gslbv1beta1.ZoneDelegation // with the status that it has
	zones *translate.ZonesOutput
	world *gslb.World
	edge  []edge.ZoneStatus // empty: no edge is kept, or nothing is known yet
	// checks is how delegations were found; empty: nobody looks, or nothing is known yet.
	checks  []delegation.Status
	held    heldGslbs
	lost    bool  // the saved world was set aside at the start
	clients int32 // clientsUnknown, clientsSeen or clientsHidden
	now     time.Time
}

// zoneStatusOf makes the status of a ZoneDelegation. It is pure.
func zoneStatusOf(in zoneInput) gslbv1beta1.ZoneDelegationStatus {
	s := gslbv1beta1.ZoneDelegationStatus{ObservedGeneration: in.zd.Generation, Conditions: slices.Clone(in.zd.Status.Conditions)}
	accepted := in.accepted()
	var own *translate.Zone
	for i := range in.zones.Zones {
		if z := &in.zones.Zones[i]; z.Delegation == in.zd.Name {
			own = z
			s.DNSServers = serversOf(in.world.Self, z)
		}
	}
	for _, cond := range []metav1.Condition{accepted, in.delegated(own), in.works(own), in.connected(own), in.upToDate(own), in.peersHeard(own), in.clientsVisible(own), in.recordsServed(own)} {
		if cond.Reason == "" && passing(cond.Type, own != nil) {
			meta.RemoveStatusCondition(&s.Conditions, cond.Type)
			continue
		}
		if cond.Reason == "" {
			continue // nothing to tell yet: what was told stays
		}
		cond.ObservedGeneration, cond.LastTransitionTime = in.zd.Generation, metav1.NewTime(in.now)
		meta.SetStatusCondition(&s.Conditions, cond)
	}
	return s
}

// serversOf gives our own name server, once for each of its addresses.
func serversOf(self gslb.GeoTag, z *translate.Zone) []gslbv1beta1.DNSServer {
	name, err := gslb.NameServerName(self, z.Zone, z.EdgeZone)
	if err != nil {
		return nil // condition Accepted tells
	}
	var all []gslbv1beta1.DNSServer
	for _, a := range z.Addrs {
		all = append(all, gslbv1beta1.DNSServer{Name: name.String(), Address: a.String()})
	}
	return all
}
