// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// incumbent is a Gslb of one of k8gb's groups, with the status that it has.
type incumbent struct {
	obj    client.Object // not to be changed
	group  string
	status *k8gb.GslbStatus
	empty  func() (client.Object, *k8gb.GslbStatus) // another object of the kind, and its status
}

// incumbents lists those of k8gb among twins.
func incumbents(t translate.Twins) []incumbent {
	var all []incumbent
	if t.K8gb != nil {
		all = append(all, incumbent{t.K8gb, k8gb.Group, &t.K8gb.Status, func() (client.Object, *k8gb.GslbStatus) {
			g := &k8gb.Gslb{}
			return g, &g.Status
		}})
	}
	if t.Absa != nil {
		all = append(all, incumbent{t.Absa, k8gb.AbsaGroup, &t.Absa.Status, func() (client.Object, *k8gb.GslbStatus) {
			g := &absa.Gslb{}
			return g, &g.Status
		}})
	}
	return all
}

// writeIncumbents brings k8gb's Gslbs of a name up to date with the status that was made
// for it. Only what their definitions keep is compared, so that a status that is pruned
// is not written for ever. What has no room there is told in events, once.
func (c *Controllers) writeIncumbents(ctx context.Context, t translate.Twins, next *gslbv1beta1.GslbStatus) (wrote bool, err error) {
	if c.collector.operator.running() != "" {
		return false, nil
	}
	chosen := t.Choose().Gslb
	for _, old := range incumbents(t) {
		if !old.obj.GetDeletionTimestamp().IsZero() {
			continue
		}
		before, known := c.told.status(old.obj.GetUID())
		want := k8gb.StatusOf(next)
		if !old.status.Equal(&want, c.told.prunes(old.group)...) {
			if err := c.patchIncumbent(ctx, &old, &want); err != nil {
				return wrote, client.IgnoreNotFound(err)
			}
			wrote = true
		}
		c.told.setStatus(old.obj.GetUID(), *next)
		superseded := chosen.UID != old.obj.GetUID()
		if c.told.supersede(old.obj.GetUID(), superseded) {
			c.events.Eventf(old.obj, corev1.EventTypeNormal, gslbv1beta1.EventSuperseded,
				"Gslb %s/%s of group %s counts in place of this one, which may go", chosen.Namespace, chosen.Name, translate.GroupOf(chosen))
		}
		if superseded {
			continue
		}
		if known {
			c.events.all(old.obj, gslbEvents(&chosen.Spec, &before, next))
		}
		c.events.all(old.obj, roomless(before.Conditions, next.Conditions))
	}
	return wrote, nil
}

// patchIncumbent writes the whole status of a Gslb of k8gb, whose fields are required
// there, and learns which fields its definition does not keep.
func (c *Controllers) patchIncumbent(ctx context.Context, old *incumbent, want *k8gb.GslbStatus) error {
	patch, err := statusPatch(old.obj.GetResourceVersion(), old.status, want)
	if err != nil {
		return err
	}
	into, kept := old.empty()
	into.SetNamespace(old.obj.GetNamespace())
	into.SetName(old.obj.GetName())
	if err := c.client.Status().Patch(ctx, into, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return err
	}
	c.told.learn(old.group, k8gb.Pruned(want, kept))
	return nil
}

// statusPatch is a merge patch that makes a status what is wanted, hosts that went
// included, if nobody else wrote the object meanwhile.
func statusPatch(version string, old, want *k8gb.GslbStatus) ([]byte, error) {
	raw, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	status := make(map[string]any)
	if err := json.Unmarshal(raw, &status); err != nil {
		return nil, err
	}
	remove := func(field string, host string) {
		if hosts, ok := status[field].(map[string]any); ok && hosts[host] == nil {
			hosts[host] = nil
		}
	}
	for host := range old.ServiceHealth {
		remove("serviceHealth", host)
	}
	for host := range old.HealthyRecords {
		remove("healthyRecords", host)
	}
	if len(want.LoadBalancer.ExposedIPs) == 0 {
		status["loadBalancer"] = map[string]any{"exposedIps": nil}
	}
	if want.Hosts == "" {
		status["hosts"] = nil
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": version}, "status": status})
}

// roomless are the conditions that are news and that a status of k8gb has no room for.
func roomless(old, next []metav1.Condition) []happening {
	var all []happening
	for i := range next {
		is := &next[i]
		same := slices.ContainsFunc(old, func(was metav1.Condition) bool {
			return was.Type == is.Type && was.Status == is.Status && was.Reason == is.Reason && was.Message == is.Message
		})
		switch {
		case same || is.Type == gslbv1beta1.ConditionServing:
		case is.Status == metav1.ConditionFalse:
			all = append(all, warning(is.Reason, is.Message))
		case is.Reason == gslbv1beta1.ReasonStrategyPending, is.Reason == gslbv1beta1.ReasonAdjusted:
			all = append(all, normal(is.Reason, is.Message))
		case is.Reason == gslbv1beta1.ReasonUnknownGeoTag, is.Reason == gslbv1beta1.ReasonNoWeight:
			all = append(all, warning(is.Reason, is.Message))
		}
	}
	return all
}

// releaseIncumbents lets k8gb's Gslbs go that are being deleted and that k8gb's finalizers
// hold: nobody else takes those away once its operator is gone.
func (c *Controllers) releaseIncumbents(ctx context.Context, t translate.Twins) (wrote bool, err error) {
	if c.collector.operator.running() != "" {
		return false, nil
	}
	for _, old := range incumbents(t) {
		if old.obj.GetDeletionTimestamp().IsZero() {
			continue
		}
		c.told.forget(old.obj.GetUID())
		released, err := c.release(ctx, old.obj)
		if err != nil {
			return wrote, fmt.Errorf("taking k8gb's finalizer away: %w", err)
		}
		wrote = wrote || released
	}
	return wrote, nil
}

// release takes k8gb's finalizers from an object.
func (c *Controllers) release(ctx context.Context, obj client.Object) (bool, error) {
	next, ok := obj.DeepCopyObject().(client.Object)
	if !ok || !slices.ContainsFunc(obj.GetFinalizers(), k8gb.IsFinalizer) {
		return false, nil
	}
	for _, name := range obj.GetFinalizers() {
		if k8gb.IsFinalizer(name) {
			controllerutil.RemoveFinalizer(next, name)
		}
	}
	err := c.client.Patch(ctx, next, client.MergeFromWithOptions(obj, client.MergeFromWithOptimisticLock{}))
	return err == nil, client.IgnoreNotFound(err)
}
