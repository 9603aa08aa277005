// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

// removeTimeout bounds one try to take a delegation out of its edge zone.
const removeTimeout = 30 * time.Second

// writeZone brings the finalizer and the status of the ZoneDelegations of a name up to
// date: ours, and that of k8gb. doFinalize does not apply to a zone of the configuration.
//
//	object       | doFinalize | our finalizer
//	there        | yes        | is put
//	there        | no         | is taken away
//	being deleted| yes        | is taken away after the delegation is out of the edge zone
//	being deleted| no         | is taken away
func (c *Controllers) writeZone(ctx context.Context, key types.NamespacedName) (bool, error) {
	own, err := readOne(ctx, c.client, key, &gslbv1beta1.ZoneDelegation{})
	if err != nil {
		return false, err
	}
	var old *k8gb.ZoneDelegation
	if c.cfg.K8gb {
		if old, err = readOne(ctx, c.client, key, &k8gb.ZoneDelegation{}); err != nil {
			return false, err
		}
	}
	wrote := false
	if own == nil && old == nil {
		return c.makeZone(ctx, key)
	}
	if own != nil {
		served := old != nil && old.DeletionTimestamp.IsZero()
		if wrote, err = c.writeDelegation(ctx, own, own, served, c.writeOwnZone); err != nil {
			return wrote, err
		}
	}
	if old == nil || c.collector.operator.running() != "" {
		return wrote, nil
	}
	served := own != nil && own.DeletionTimestamp.IsZero()
	also, err := c.writeDelegation(ctx, old, old.Meridian(), served, func(ctx context.Context, zd *gslbv1beta1.ZoneDelegation, world *gslb.World) (bool, error) {
		return c.writeIncumbentZone(ctx, old, zd, world)
	})
	return wrote || also, err
}

// writeDelegation brings one object up to date, which means zd; served says that its twin
// asks for the zone too.
func (c *Controllers) writeDelegation(ctx context.Context, obj client.Object, zd *gslbv1beta1.ZoneDelegation, served bool,
	status func(context.Context, *gslbv1beta1.ZoneDelegation, *gslb.World) (bool, error),
) (bool, error) {
	if !obj.GetDeletionTimestamp().IsZero() {
		return c.finishZone(ctx, obj, zd, served)
	}
	next, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return false, fmt.Errorf("%T is no object", obj)
	}
	changed := false
	if zd.Spec.DoFinalize && !c.configured(zd) {
		changed = controllerutil.AddFinalizer(next, gslbv1beta1.FinalizerDelegation)
	} else {
		changed = controllerutil.RemoveFinalizer(next, gslbv1beta1.FinalizerDelegation)
	}
	if changed { // the status comes with the event of this write
		err := c.client.Patch(ctx, next, client.MergeFromWithOptions(obj, client.MergeFromWithOptimisticLock{}))
		return err == nil, client.IgnoreNotFound(err)
	}
	world := c.world.Load()
	if world == nil || !world.Ready {
		return false, nil
	}
	return status(ctx, zd, world)
}

// writeOwnZone writes the status of a ZoneDelegation of our group.
func (c *Controllers) writeOwnZone(ctx context.Context, zd *gslbv1beta1.ZoneDelegation, world *gslb.World) (bool, error) {
	next := zd.DeepCopy()
	next.Status = c.zoneStatus(zd, world)
	if equality.Semantic.DeepEqual(zd.Status, next.Status) {
		return false, nil
	}
	if err := c.patchStatus(ctx, zd, next.DeepCopy()); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	c.events.all(zd, zoneEvents(zd.Status.Conditions, next.Status.Conditions))
	return true, nil
}

// writeIncumbentZone writes what k8gb's definition keeps of a status, and tells the rest
// in events.
func (c *Controllers) writeIncumbentZone(ctx context.Context, old *k8gb.ZoneDelegation, zd *gslbv1beta1.ZoneDelegation, world *gslb.World) (bool, error) {
	zd.Status.Conditions = c.told.zone(old.UID)
	status := c.zoneStatus(zd, world)
	c.events.all(old, zoneEvents(c.told.setZone(old.UID, status.Conditions), status.Conditions))
	next := old.DeepCopy()
	next.Status = k8gb.ZoneStatusOf(&status)
	if equality.Semantic.DeepEqual(old.Status, next.Status) {
		return false, nil
	}
	err := c.patchStatus(ctx, old, next)
	return err == nil, client.IgnoreNotFound(err)
}

func (c *Controllers) zoneStatus(zd *gslbv1beta1.ZoneDelegation, world *gslb.World) gslbv1beta1.ZoneDelegationStatus {
	return zoneStatusOf(zoneInput{zd: zd, zones: c.collector.zones.Load(), world: world, edge: c.edgeStatus(), checks: c.checkStatus(),
		held: c.collector.guard.status(), lost: c.cfg.SavedWorldLost, clients: c.collector.clients.Load(), now: time.Now()})
}

// finishZone lets a ZoneDelegation go that is being deleted. A zone that is served by
// somebody else's wish, another object's or the configuration's, keeps its delegation.
func (c *Controllers) finishZone(ctx context.Context, obj client.Object, zd *gslbv1beta1.ZoneDelegation, served bool) (bool, error) {
	next, ok := obj.DeepCopyObject().(client.Object)
	if !ok || !slices.ContainsFunc(obj.GetFinalizers(), ours) {
		return c.releaseZone(ctx, obj)
	}
	controllerutil.RemoveFinalizer(next, gslbv1beta1.FinalizerDelegation)
	zone, err := gslb.ParseName(string(zd.Spec.LoadBalancedZone))
	parent, err2 := gslb.ParseName(string(zd.Spec.ParentZone))
	for _, z := range c.collector.zones.Load().Zones {
		if z.Zone == zone && z.Delegation == zd.Name && !z.Configured && !served {
			// Zones were not translated yet since its deletion; that they are will be told.
			return false, nil
		}
		served = served || z.Zone == zone
	}
	if zd.Spec.DoFinalize && c.cfg.Edge != nil && err == nil && err2 == nil && !served {
		ctx, cancel := context.WithTimeout(ctx, removeTimeout)
		defer cancel()
		if err := c.cfg.Edge.Remove(ctx, zone, parent); err != nil {
			return false, fmt.Errorf("taking the delegation of %s out of %s: %w", zone, parent, err)
		}
	}
	err = c.client.Patch(ctx, next, client.MergeFromWithOptions(obj, client.MergeFromWithOptimisticLock{}))
	return err == nil, client.IgnoreNotFound(err)
}

func ours(finalizer string) bool { return finalizer == gslbv1beta1.FinalizerDelegation }

// releaseZone takes k8gb's finalizers from one of its objects that is being deleted.
func (c *Controllers) releaseZone(ctx context.Context, obj client.Object) (bool, error) {
	if _, incumbent := obj.(*k8gb.ZoneDelegation); !incumbent {
		return false, nil
	}
	c.told.forget(obj.GetUID())
	return c.release(ctx, obj)
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

// accepted adds what only the World knows to condition Accepted.
func (in *zoneInput) accepted() metav1.Condition {
	c, known := in.zones.Conditions[in.zd.Name]
	if !known {
		return metav1.Condition{Type: gslbv1beta1.ConditionAccepted} // not translated yet
	}
	if c.Status != metav1.ConditionTrue {
		return c
	}
	if us := in.world.Cluster(in.world.Self); us != nil && us.Conflict != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, gslbv1beta1.ReasonGeoTagConflicted, us.Conflict
		return c
	}
	return c
}

// delegated is condition Delegated, as the edge zone was read back. Its Reason is empty
// while there is nothing to tell.
func (in *zoneInput) delegated(own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionDelegated, Status: metav1.ConditionFalse}
	if own == nil {
		if _, known := in.zones.Conditions[in.zd.Name]; known {
			c.Reason, c.Message = gslbv1beta1.ReasonNotAccepted, "condition Accepted says why"
		}
		return c
	}
	i := slices.IndexFunc(in.edge, func(s edge.ZoneStatus) bool { return s.Zone == own.Zone })
	if i < 0 {
		if len(in.edge) == 0 && slices.ContainsFunc(in.zones.Zones, func(z translate.Zone) bool { return z.Zone == own.EdgeZone }) {
			c.Status, c.Reason, c.Message = metav1.ConditionTrue, gslbv1beta1.ReasonServedByOwnZone, edge.ServedByOwnZone(own.Zone, own.EdgeZone)
		} else if len(in.edge) == 0 {
			c.Reason, c.Message = gslbv1beta1.ReasonNoEdge, fmt.Sprintf("no way to the edge zone %s is configured; keep there: %s", own.EdgeZone, delegationLines(in.world.Self, own))
		}
		return c
	}
	switch s := &in.edge[i]; s.Reason {
	case edge.ReasonPending:
	case edge.ReasonDelegated:
		var names []string
		for _, ns := range s.NameServers {
			names = append(names, ns.Name.String())
		}
		c.Status, c.Reason = metav1.ConditionTrue, gslbv1beta1.ReasonDelegated
		c.Message = fmt.Sprintf("%s delegates the zone to %s", own.EdgeZone, strings.Join(names, ", "))
		if s.Message != "" {
			c.Message += "; " + s.Message
		}
	case edge.ReasonServedByOwnZone:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, gslbv1beta1.ReasonServedByOwnZone, s.Message
	case edge.ReasonInvalidName:
		c.Reason, c.Message = gslbv1beta1.ReasonInvalidSpec, s.Message
	default: // the words of the other reasons are the condition's
		c.Reason, c.Message = string(s.Reason), s.Message
		if s.RCODE != "" && !strings.Contains(s.Message, s.RCODE) {
			c.Message += " (" + s.RCODE + ")"
		}
	}
	return c
}

// delegationLines says which records the edge zone needs, for those who keep it by hand.
func delegationLines(self gslb.GeoTag, z *translate.Zone) string {
	name, err := gslb.NameServerName(self, z.Zone, z.EdgeZone)
	if err != nil {
		return err.Error()
	}
	lines := []string{fmt.Sprintf("%s NS %s", z.Zone.FQDN(), name.FQDN())}
	for _, a := range z.Addrs {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", name.FQDN(), kind, a))
	}
	return strings.Join(lines, ", ")
}
