// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
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
