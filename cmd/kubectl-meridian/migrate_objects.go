// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// move is what becomes of the objects of k8gb of one name.
type move struct {
	kind  string          // Gslb or ZoneDelegation
	old   []client.Object // in the groups of k8gb, the one that counts first
	gslb  *gslbv1beta1.Gslb
	zone  *gslbv1beta1.ZoneDelegation // the twin to write: this or gslb
	notes []k8gb.Note
}

// String names the object, as errors do.
func (v *move) String() string {
	return v.kind + " " + name(v.old[0])
}

func name(obj client.Object) string {
	if obj.GetNamespace() == "" {
		return obj.GetName()
	}
	return obj.GetNamespace() + "/" + obj.GetName()
}

// moves lists what there is to move: the zones first, since hosts lie in them.
func (m *migration) moves(ctx context.Context) ([]*move, error) {
	var all []*move
	if m.namespace == "" {
		var zones k8gb.ZoneDelegationList
		if err := m.list(ctx, &zones); err != nil {
			return nil, fmt.Errorf("listing the ZoneDelegations of %s: %w", k8gb.GroupVersion, err)
		}
		for i := range zones.Items {
			z := &zones.Items[i]
			v := &move{kind: gslbv1beta1.ZoneDelegationKind, old: []client.Object{z}, zone: z.Meridian()}
			v.zone.TypeMeta, v.zone.ObjectMeta = metav1.TypeMeta{}, twinMeta(z)
			all = append(all, v)
		}
	}
	var newer k8gb.GslbList
	var older absa.GslbList
	if err := m.list(ctx, &newer); err != nil {
		return nil, fmt.Errorf("listing the Gslbs of %s: %w", k8gb.GroupVersion, err)
	}
	if err := m.list(ctx, &older); err != nil {
		return nil, fmt.Errorf("listing the Gslbs of %s: %w", k8gb.AbsaGroupVersion, err)
	}
	at := make(map[client.ObjectKey]*move)
	add := func(obj client.Object, g *k8gb.Gslb) error {
		if v := at[client.ObjectKeyFromObject(obj)]; v != nil {
			v.old = append(v.old, obj)
			return nil
		}
		v := &move{kind: gslbv1beta1.GslbKind, old: []client.Object{obj}}
		v.gslb, v.notes = g.Meridian()
		if err := m.complete(ctx, v); err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		at[client.ObjectKeyFromObject(obj)] = v
		all = append(all, v)
		return nil
	}
	for i := range newer.Items {
		if err := add(&newer.Items[i], &newer.Items[i]); err != nil {
			return nil, err
		}
	}
	for i := range older.Items {
		if err := add(&older.Items[i], older.Items[i].K8gb()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// list lists objects of a kind that need not be installed.
func (m *migration) list(ctx context.Context, list client.ObjectList) error {
	err := m.api.List(ctx, list, client.InNamespace(m.namespace))
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// complete makes the twin of what the object means. Where an annotated Ingress made the
// object, the twin is what the same annotations ask of Meridian, and goes with it.
func (m *migration) complete(ctx context.Context, v *move) error {
	owner := metav1.GetControllerOf(v.old[0])
	if owner != nil && owner.Kind == "Ingress" {
		ing := &networkingv1.Ingress{}
		err := m.api.Get(ctx, client.ObjectKey{Namespace: v.old[0].GetNamespace(), Name: owner.Name}, ing)
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if desired, _ := translate.FromAnnotations(ing); err == nil && desired != nil {
			translate.KeepWeights(ing, desired, v.gslb)
			people := twinMeta(v.old[0])
			if people.Labels == nil {
				people.Labels = make(map[string]string, len(desired.Labels))
			}
			maps.Copy(people.Labels, desired.Labels)
			desired.Labels, desired.Annotations = people.Labels, people.Annotations
			v.gslb, v.notes = desired, nil
			v.gslb.TypeMeta = metav1.TypeMeta{}
			return nil
		}
	}
	v.gslb.TypeMeta, v.gslb.ObjectMeta = metav1.TypeMeta{}, twinMeta(v.old[0])
	if v.gslb.Labels == nil {
		v.gslb.Labels = make(map[string]string, 1)
	}
	v.gslb.Labels[gslbv1beta1.LabelOrigin] = gslbv1beta1.OriginK8gb
	return nil
}

// twinMeta is the metadata of a twin: what people wrote, and nothing that a server or an
// operator did, or by which a tool would take the twin for an object of its own and prune it.
func twinMeta(old client.Object) metav1.ObjectMeta {
	people := func(all map[string]string) map[string]string {
		all = maps.Clone(all)
		maps.DeleteFunc(all, func(key, _ string) bool { return translate.OfTool(key) })
		return all
	}
	return metav1.ObjectMeta{
		Namespace: old.GetNamespace(), Name: old.GetName(), Labels: people(old.GetLabels()), Annotations: people(old.GetAnnotations()),
		OwnerReferences: slices.Clone(old.GetOwnerReferences()),
	}
}

// move writes the twin, and makes the embedded Ingress its own.
func (m *migration) move(ctx context.Context, v *move) error {
	for _, n := range v.notes {
		m.say("note", "%s: %s: %s", v, n.Path, n.Message)
	}
	have, same, err := m.twin(ctx, v)
	if err != nil {
		return err
	}
	switch {
	case have == nil:
		m.say("create", "%s in %s: the twin of %s", v, gslbv1beta1.GroupVersion, groups(v))
		if have, err = m.create(ctx, v); err != nil {
			return err
		}
	case !same:
		return fmt.Errorf("an object of that name in %s asks for something else; it counts. Make the two ask for the same, or delete one", gslbv1beta1.GroupVersion)
	default:
		m.say("ok", "%s has its twin in %s", v, gslbv1beta1.GroupVersion)
		if z, ok := have.(*gslbv1beta1.ZoneDelegation); ok && !sameSettings(&z.Spec, &v.zone.Spec) {
			m.say("note", "%s: the twin has a dnsZoneNegTTL or doFinalize of its own; it counts", v)
		}
	}
	if v.gslb != nil && v.gslb.Spec.Ingress != nil {
		if err := m.reown(ctx, v, have); err != nil {
			return fmt.Errorf("its Ingress: %w", err)
		}
	}
	for _, old := range v.old {
		if !m.removeOld {
			m.say("keep", "%s in %s (--apply --remove-old removes it)", v, groupOf(old))
		}
	}
	return nil
}

// sameSettings reports that two ZoneDelegations ask for the same of a zone of k8gb beside its
// names.
func sameSettings(a, b *gslbv1beta1.ZoneDelegationSpec) bool {
	return a.DoFinalize == b.DoFinalize && equality.Semantic.DeepEqual(a.DNSZoneNegTTL, b.DNSZoneNegTTL)
}

// twin reads the twin; nil: there is none. same says that it asks for what it should.
func (m *migration) twin(ctx context.Context, v *move) (have client.Object, same bool, err error) {
	key := client.ObjectKeyFromObject(v.old[0])
	if v.zone != nil {
		z := &gslbv1beta1.ZoneDelegation{}
		have, err = z, m.api.Get(ctx, key, z)
		same = z.Spec.LoadBalancedZone == v.zone.Spec.LoadBalancedZone && z.Spec.ParentZone == v.zone.Spec.ParentZone
	} else {
		g := &gslbv1beta1.Gslb{}
		have, err = g, m.api.Get(ctx, key, g)
		if err == nil {
			var want *gslbv1beta1.Gslb
			want, err = defaulted(ctx, v.gslb)
			same = err == nil && equality.Semantic.DeepEqual(g.Spec, want.Spec)
		}
	}
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	return have, same, err
}

// create writes the twin; without --apply the API server says whether it would take it,
// if it knows the kind.
func (m *migration) create(ctx context.Context, v *move) (client.Object, error) {
	var obj client.Object = v.gslb.DeepCopy()
	if v.zone != nil {
		obj = v.zone.DeepCopy()
	}
	var options []client.CreateOption
	if !m.apply {
		options = append(options, client.DryRunAll)
	}
	err := m.api.Create(ctx, obj, options...)
	if !m.apply && (meta.IsNoMatchError(err) || apierrors.IsNotFound(err)) {
		err = checkTwin(ctx, obj, v.kind) // the kind would be installed before
	}
	return obj, err
}

// checkTwin gives the verdict of our definitions on an object where they are not installed.
func checkTwin(ctx context.Context, obj client.Object, kind string) error {
	u, err := contentOf(obj, kind)
	if err != nil {
		return err
	}
	validator, err := validate.New()
	if err != nil {
		return err
	}
	return validator.Create(ctx, u).ToAggregate()
}

func contentOf(obj client.Object, kind string) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(gslbv1beta1.GroupVersion.WithKind(kind))
	return u, nil
}

// defaulted gives a Gslb with the defaults that an API server fills in, so that it can be
// compared with one that is there.
func defaulted(ctx context.Context, g *gslbv1beta1.Gslb) (*gslbv1beta1.Gslb, error) {
	u, err := contentOf(g.DeepCopy(), gslbv1beta1.GslbKind)
	if err != nil {
		return nil, err
	}
	validator, err := validate.New()
	if err != nil {
		return nil, err
	}
	_ = validator.Create(ctx, u) // what is wrong is said where it is created
	out := &gslbv1beta1.Gslb{}
	return out, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out)
}

// reown makes the embedded Ingress belong to the twin, so that it does not go with the
// object of k8gb. One that belongs to nobody of ours is left alone.
func (m *migration) reown(ctx context.Context, v *move, twin client.Object) error {
	ing := &networkingv1.Ingress{}
	err := m.api.Get(ctx, client.ObjectKeyFromObject(twin), ing)
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	owner := *metav1.NewControllerRef(twin, gslbv1beta1.GroupVersion.WithKind(gslbv1beta1.GslbKind))
	next := ing.DeepCopy()
	next.OwnerReferences = nil
	found := false
	for _, ref := range ing.OwnerReferences {
		if slices.ContainsFunc(v.old, func(old client.Object) bool { return old.GetUID() == ref.UID }) {
			found = true
			continue
		}
		next.OwnerReferences = append(next.OwnerReferences, ref)
	}
	if !found {
		return nil
	}
	m.say("re-own", "Ingress %s: to the twin", name(ing))
	if !m.apply {
		return nil
	}
	if !metav1.IsControlledBy(next, twin) {
		next.OwnerReferences = append(next.OwnerReferences, owner)
	}
	return m.api.Patch(ctx, next, client.MergeFromWithOptions(ing, client.MergeFromWithOptimisticLock{}))
}

func groupOf(obj client.Object) string { return versionOf(obj).String() }

func groups(v *move) string {
	text := ""
	for i, old := range v.old {
		if i > 0 {
			text += " and "
		}
		text += groupOf(old)
	}
	return text
}
