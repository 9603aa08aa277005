// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// leftToOperator reports that k8gb's operator makes the Gslb of an annotated object.
func (c *Controllers) leftToOperator(obj client.Object) bool {
	a := obj.GetAnnotations()
	return c.collector.operator.running() != "" && a[gslbv1beta1.AnnotationStrategy] == "" && a[gslbv1beta1.K8gbAnnotationStrategy] != ""
}

// lacksOwnKinds reports that our own definitions are not installed, and k8gb's are.
func (c *Controllers) lacksOwnKinds() bool {
	s := c.collector.sources[gslbv1beta1.GslbKind]
	return s != nil && s.missing()
}

// writeAnnotatedIncumbent is [Controllers.writeAnnotated] where the Gslb stands in a group
// of k8gb, or can stand nowhere else. One that k8gb made for the same object is adopted:
// its strategy follows the annotations, and nothing else of it is written.
func (c *Controllers) writeAnnotatedIncumbent(ctx context.Context, obj client.Object, t translate.Twins, desired *gslbv1beta1.Gslb) (bool, error) {
	all := incumbents(t)
	if len(all) == 0 {
		return c.makeIncumbent(ctx, obj, desired)
	}
	old := all[0]
	if !old.obj.GetDeletionTimestamp().IsZero() || !metav1.IsControlledBy(old.obj, obj) {
		return false, nil
	}
	if g := t.Choose().Gslb; reflect.DeepEqual(g.Spec.Strategy, desired.Spec.Strategy) {
		return false, nil
	}
	made, _ := k8gb.FromMeridian(desired)
	next := copyOf(old.obj)
	switch g := next.(type) {
	case *k8gb.Gslb:
		follow(&g.Spec.Strategy, made.Spec.Strategy)
	case *absa.Gslb:
		follow(&g.Spec.Strategy, made.Spec.Strategy)
	}
	err := c.client.Patch(ctx, next, client.MergeFromWithOptions(old.obj, client.MergeFromWithOptimisticLock{}))
	return c.wroteAnnotated(obj, err)
}

// follow takes over the strategy that annotations ask for. Weights that people wrote stay
// where the annotations give none, whether they count with it or not.
func follow(have *k8gb.Strategy, asked k8gb.Strategy) {
	if len(asked.Weight) == 0 {
		asked.Weight = have.Weight
	}
	*have = asked
}

// removeAnnotatedIncumbent removes a Gslb in a group of k8gb whose annotation was taken
// away, if we made it: k8gb would leave it.
func (c *Controllers) removeAnnotatedIncumbent(ctx context.Context, owner client.Object, t translate.Twins) (bool, error) {
	for _, old := range incumbents(t) {
		if old.obj.GetLabels()[gslbv1beta1.LabelOrigin] == "" || !metav1.IsControlledBy(old.obj, owner) {
			continue
		}
		err := c.client.Delete(ctx, copyOf(old.obj), client.Preconditions{UID: new(old.obj.GetUID())})
		return err == nil, client.IgnoreNotFound(err)
	}
	return false, nil
}

// makeIncumbent makes the Gslb in the group of k8gb that is installed.
func (c *Controllers) makeIncumbent(ctx context.Context, obj client.Object, desired *gslbv1beta1.Gslb) (bool, error) {
	made, notes := k8gb.FromMeridian(desired)
	for _, n := range notes {
		if n.Path == "spec.entryAddresses" {
			continue // the annotation that gave them counts where it stands
		}
		c.events.Eventf(obj, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s: %s; Meridian's own definitions are not installed", n.Path, n.Message)
	}
	made.TypeMeta = metav1.TypeMeta{}
	var next client.Object = made
	if s := c.collector.sources[k8gbGslbName]; s != nil && s.missing() {
		next = absa.From(made)
	}
	return c.wroteAnnotated(obj, c.client.Create(ctx, next))
}

// wroteAnnotated tells of a refusal that trying again does not change.
func (c *Controllers) wroteAnnotated(obj client.Object, err error) (bool, error) {
	if apierrors.IsInvalid(err) {
		c.events.Eventf(obj, corev1.EventTypeWarning, gslbv1beta1.ReasonInvalidSpec, "%s", err.Error())
		return false, nil
	}
	c.tellAdjusted(obj, err)
	return err == nil, err
}

func copyOf(obj client.Object) client.Object {
	c, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return obj // an object copies to its own type
	}
	return c
}
