// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// undo takes the twin of an object of k8gb away, which counts again from then on. The
// embedded Ingress is made its own before, so that it does not go with the twin.
func (m *migration) undo(ctx context.Context, v *move) error {
	twin, same, err := m.twin(ctx, v)
	switch {
	case err != nil:
		return err
	case twin == nil:
		m.say("ok", "%s has no twin in %s", v, gslbv1beta1.GroupVersion)
		return nil
	case !same || !writtenByMigrate(twin, v):
		return fmt.Errorf("the object of that name in %s is not as this command wrote it; it stays, and it counts. Delete it yourself if it may go", gslbv1beta1.GroupVersion)
	}
	if v.gslb != nil && v.gslb.Spec.Ingress != nil {
		if err := m.giveBack(ctx, v, twin); err != nil {
			return fmt.Errorf("its Ingress: %w", err)
		}
	}
	m.say("remove", "%s in %s: that in %s counts again", v, gslbv1beta1.GroupVersion, groupOf(v.old[0]))
	if !m.apply {
		return nil
	}
	uid := twin.GetUID()
	err = m.api.Delete(ctx, twin, client.PropagationPolicy(metav1.DeletePropagationOrphan), client.Preconditions{UID: &uid})
	return client.IgnoreNotFound(err)
}

// writtenByMigrate reports that a twin is as migrate writes it, or Meridian for an
// annotated object.
func writtenByMigrate(twin client.Object, v *move) bool {
	if z, ok := twin.(*gslbv1beta1.ZoneDelegation); ok {
		return z.Labels[gslbv1beta1.LabelManagedBy] != gslbv1beta1.ManagedByMeridian && equality.Semantic.DeepEqual(z.Spec, v.zone.Spec)
	}
	return twin.GetLabels()[gslbv1beta1.LabelOrigin] != ""
}

// giveBack makes the embedded Ingress belong to the object of k8gb again.
func (m *migration) giveBack(ctx context.Context, v *move, twin client.Object) error {
	ing := &networkingv1.Ingress{}
	err := m.api.Get(ctx, client.ObjectKeyFromObject(twin), ing)
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(ing, twin) {
		return nil
	} else if err != nil {
		return err
	}
	m.say("re-own", "Ingress %s: to that in %s", name(ing), groupOf(v.old[0]))
	if !m.apply {
		return nil
	}
	next := ing.DeepCopy()
	next.OwnerReferences = slices.DeleteFunc(next.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == twin.GetUID() })
	next.OwnerReferences = append(next.OwnerReferences, *metav1.NewControllerRef(v.old[0], versionOf(v.old[0]).WithKind(gslbv1beta1.GslbKind)))
	return m.api.Patch(ctx, next, client.MergeFromWithOptions(ing, client.MergeFromWithOptimisticLock{}))
}

// versionOf gives the group and version of an object of k8gb.
func versionOf(obj client.Object) schema.GroupVersion {
	if _, older := obj.(*absa.Gslb); older {
		return k8gb.AbsaGroupVersion
	}
	return k8gb.GroupVersion
}
