// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// writeAnnotated brings the Gslb that an annotated object asks for up to date: it is
// made, changed, and removed with its annotation. With the object it goes by its owner
// reference. A Gslb that is somebody's own keeps its spec. Of objects of one name in
// several kinds, the one that has the Gslb keeps it, else the first kind of the table gets
// it.
//
//	annotation | Gslb of that name   | is
//	fine       | none                | made
//	fine       | of this object      | updated where it differs
//	fine       | anybody else's      | left alone
//	fine       | of k8gb's groups    | the same, in its group
//	wrong      | any                 | left alone, and a warning event says why
//	none       | of this object      | deleted
//	none       | any other           | left alone
//	of an object that is kept  |     | left alone
//	after its kind was removed |     |
func (c *Controllers) writeAnnotated(ctx context.Context, key types.NamespacedName) (bool, error) {
	if c.collector.templates.Load() {
		return false, nil
	}
	twins, err := c.collector.twins(ctx, key)
	if err != nil {
		return false, err
	}
	existing := twins.Own
	if existing != nil && !existing.DeletionTimestamp.IsZero() {
		return false, nil
	}
	obj, owner, err := c.annotatedAt(ctx, key, twins.Choose().Gslb)
	switch {
	case err != nil || obj != nil && c.leftToOperator(obj):
		return false, err
	case existing == nil && owner != nil && obj == nil:
		return c.removeAnnotatedIncumbent(ctx, owner, twins)
	case obj == nil && owner != nil:
		return c.removeAnnotated(ctx, owner, existing)
	case obj == nil:
		return false, nil
	}
	desired, problems := translate.FromAnnotations(obj)
	if len(problems) > 0 {
		for _, p := range problems {
			c.events.Eventf(obj, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s", p.String())
		}
		return false, nil
	}
	translate.KeepWeights(obj, desired, twins.Choose().Gslb)
	if existing == nil && (twins.K8gb != nil || twins.Absa != nil || c.lacksOwnKinds()) {
		return c.writeAnnotatedIncumbent(ctx, obj, twins, desired)
	}
	next := translate.UpdateAnnotated(existing, desired)
	if next == nil {
		return false, nil
	}
	err = c.write(ctx, next.DeepCopy())
	if apierrors.IsInvalid(err) { // trying again changes nothing
		c.events.Eventf(obj, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s", err.Error())
		return false, nil
	}
	c.tellAdjusted(obj, err)
	return err == nil, err
}

// tellAdjusted tells what of the annotations is not followed as it is written, once the Gslb
// is written.
func (c *Controllers) tellAdjusted(obj client.Object, err error) {
	if err != nil {
		return
	}
	for _, n := range translate.AnnotationNotes(obj) {
		c.events.Eventf(obj, corev1.EventTypeNormal, gslbv1beta1.ReasonAdjusted, "%s", n.String())
	}
}

// annotatedAt gives the object of a name that asks for a Gslb, and the one that has the
// existing Gslb, which need not ask for it any more.
func (c *Controllers) annotatedAt(ctx context.Context, key types.NamespacedName, existing *gslbv1beta1.Gslb) (asks, owner client.Object, err error) {
	for _, row := range refs.Kinds() {
		obj, ok := row.New().(client.Object)
		if !ok || !row.Referable() {
			continue
		}
		if err := c.client.Get(ctx, key, obj); apierrors.IsNotFound(err) {
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if c.collector.isKept(&row, key) {
			continue
		}
		owns := existing != nil && metav1.IsControlledBy(existing, obj)
		if !obj.GetDeletionTimestamp().IsZero() {
			continue
		}
		if owns {
			owner = obj
		}
		desired, problems := translate.FromAnnotations(obj)
		if (desired != nil || len(problems) > 0) && (asks == nil || owns) {
			asks = obj
		}
	}
	return asks, owner, nil
}

// removeAnnotated removes the Gslb whose annotation was taken away.
func (c *Controllers) removeAnnotated(ctx context.Context, owner client.Object, g *gslbv1beta1.Gslb) (bool, error) {
	if g == nil || g.Labels[gslbv1beta1.LabelOrigin] == "" || !metav1.IsControlledBy(g, owner) {
		return false, nil
	}
	err := c.client.Delete(ctx, g.DeepCopy(), client.Preconditions{UID: &g.UID, ResourceVersion: &g.ResourceVersion})
	if err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("removing the Gslb of an annotation that is gone: %w", err))
	}
	return true, nil
}

// annotatedTasks gives the objects that ask for a Gslb, and those that did.
func (c *Controllers) annotatedTasks(ctx context.Context) []task {
	var all []task
	for _, row := range refs.Kinds() {
		list, ok := row.List().(client.ObjectList)
		if !ok || !row.Referable() {
			continue
		}
		if c.client.List(ctx, list) != nil {
			return nil // ctx ended
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error { // it never fails
			obj, ok := item.(client.Object)
			if !ok {
				return nil
			}
			if a := obj.GetAnnotations(); a[gslbv1beta1.AnnotationStrategy] != "" || a[gslbv1beta1.K8gbAnnotationStrategy] != "" {
				all = append(all, task{writeAnnotated, client.ObjectKeyFromObject(obj)})
			}
			return nil
		})
	}
	gslbs, err := c.collector.gslbs(ctx, client.HasLabels{gslbv1beta1.LabelOrigin})
	if err != nil {
		return nil // ctx ended
	}
	for _, key := range gslbs {
		all = append(all, task{writeAnnotated, key})
	}
	return all
}
