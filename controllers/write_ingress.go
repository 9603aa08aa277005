// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// writeIngress writes the embedded Ingress of a Gslb, if its translation asks for it. A
// refusal is shown in the Gslb's condition Resolved.
func (c *Controllers) writeIngress(ctx context.Context, key types.NamespacedName) (bool, error) {
	rec := c.collector.last.get(key)
	if rec == nil || rec.out.Ingress == nil {
		c.refusals.clear(key)
		return false, nil
	}
	err := c.write(ctx, rec.out.Ingress.DeepCopy())
	switch {
	case err == nil:
		c.refusals.clear(key)
	case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil:
		if c.refusals.set(key, err.Error()) {
			c.writers.add(task{writeStatus, key})
		}
	}
	return err == nil, err
}

// write makes an object, or updates the one that it was read from.
func (c *Controllers) write(ctx context.Context, obj client.Object) error {
	if obj.GetResourceVersion() == "" {
		return c.client.Create(ctx, obj)
	}
	return c.client.Update(ctx, obj)
}

// writeAnnotated brings the Gslb that an annotated Ingress asks for up to date: it is
// made, changed, and removed with its annotation. With the Ingress it goes by its owner
// reference. A Gslb that is somebody's own keeps its spec.
//
//	annotation | Gslb of that name   | is
//	fine       | none                | made
//	fine       | of this Ingress     | updated where it differs
//	fine       | anybody else's      | left alone
//	wrong      | any                 | left alone, and a warning event says why
//	none       | of this Ingress     | deleted
//	none       | any other           | left alone
func (c *Controllers) writeAnnotated(ctx context.Context, key types.NamespacedName) (bool, error) {
	ing := &networkingv1.Ingress{}
	if err := c.client.Get(ctx, key, ing); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	existing := &gslbv1beta1.Gslb{}
	if err := c.client.Get(ctx, key, existing); apierrors.IsNotFound(err) {
		existing = nil
	} else if err != nil {
		return false, err
	}
	if !ing.DeletionTimestamp.IsZero() || existing != nil && !existing.DeletionTimestamp.IsZero() {
		return false, nil
	}
	desired, problems := translate.FromAnnotations(ing)
	if len(problems) > 0 {
		for _, p := range problems {
			c.events.Eventf(ing, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s", p.String())
		}
		return false, nil
	}
	if desired == nil {
		return c.removeAnnotated(ctx, ing, existing)
	}
	next := translate.UpdateAnnotated(existing, desired)
	if next == nil {
		return false, nil
	}
	err := c.write(ctx, next.DeepCopy())
	if apierrors.IsInvalid(err) { // trying again changes nothing
		c.events.Eventf(ing, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s", err.Error())
		return false, nil
	}
	return err == nil, err
}

// removeAnnotated removes the Gslb whose annotation was taken away.
func (c *Controllers) removeAnnotated(ctx context.Context, ing *networkingv1.Ingress, g *gslbv1beta1.Gslb) (bool, error) {
	if g == nil || g.Labels[gslbv1beta1.LabelOrigin] == "" || !metav1.IsControlledBy(g, ing) {
		return false, nil
	}
	err := c.client.Delete(ctx, g.DeepCopy(), client.Preconditions{UID: &g.UID, ResourceVersion: &g.ResourceVersion})
	if err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("removing the Gslb of an annotation that is gone: %w", err))
	}
	return true, nil
}
