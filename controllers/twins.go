// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// A Gslb is known by its namespace and name alone, whichever group it stands in: one
// name is one Gslb. So an object that takes the place of its twin in another group takes
// over all that is known of it, and no answer changes in between.

// twins reads the Gslbs of a name.
func (c *collector) twins(ctx context.Context, key types.NamespacedName) (translate.Twins, error) {
	var t translate.Twins
	var err error
	if t.Own, err = readOne(ctx, c.objects, key, &gslbv1beta1.Gslb{}); err != nil || !c.cfg.K8gb {
		return t, err
	}
	if t.K8gb, err = readOne(ctx, c.objects, key, &k8gb.Gslb{}); err != nil {
		return t, err
	}
	t.Absa, err = readOne(ctx, c.objects, key, &absa.Gslb{})
	return t, err
}

// readOne reads an object; nil where there is none.
func readOne[T any, P interface {
	*T
	client.Object
}](ctx context.Context, objects client.Reader, key types.NamespacedName, into P) (P, error) {
	err := objects.Get(ctx, key, into)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return into, nil
}

// gslbs gives the names of all Gslbs, each once; options bound what is listed.
func (c *collector) gslbs(ctx context.Context, options ...client.ListOption) ([]types.NamespacedName, error) {
	var all []types.NamespacedName
	seen := make(map[types.NamespacedName]struct{})
	add := func(obj client.Object) {
		key := client.ObjectKeyFromObject(obj)
		if _, known := seen[key]; !known {
			seen[key] = struct{}{}
			all = append(all, key)
		}
	}
	var own gslbv1beta1.GslbList
	if err := c.objects.List(ctx, &own, options...); err != nil {
		return nil, err
	}
	for i := range own.Items {
		add(&own.Items[i])
	}
	if !c.cfg.K8gb {
		return all, nil
	}
	var incumbents k8gb.GslbList
	var older absa.GslbList
	if err := c.objects.List(ctx, &incumbents, options...); err != nil {
		return nil, err
	}
	if err := c.objects.List(ctx, &older, options...); err != nil {
		return nil, err
	}
	for i := range incumbents.Items {
		add(&incumbents.Items[i])
	}
	for i := range older.Items {
		add(&older.Items[i])
	}
	return all, nil
}

// delegations reads all ZoneDelegations: ours, and those of k8gb.
func (c *collector) delegations(ctx context.Context) ([]*gslbv1beta1.ZoneDelegation, []*k8gb.ZoneDelegation, error) {
	var own gslbv1beta1.ZoneDelegationList
	if err := c.objects.List(ctx, &own); err != nil {
		return nil, nil, err
	}
	ours := make([]*gslbv1beta1.ZoneDelegation, len(own.Items))
	for i := range own.Items {
		ours[i] = &own.Items[i]
	}
	if !c.cfg.K8gb {
		return ours, nil, nil
	}
	var incumbents k8gb.ZoneDelegationList
	if err := c.objects.List(ctx, &incumbents); err != nil {
		return nil, nil, err
	}
	old := make([]*k8gb.ZoneDelegation, len(incumbents.Items))
	for i := range incumbents.Items {
		old[i] = &incumbents.Items[i]
	}
	return ours, old, nil
}

// zoneNames gives the names of all ZoneDelegations, and that which the configuration's
// zone would have, each once; none if ctx ended.
func (c *collector) zoneNames(ctx context.Context) []types.NamespacedName {
	own, old, err := c.delegations(ctx)
	if err != nil {
		return nil
	}
	seen := make(map[string]struct{})
	var all []types.NamespacedName
	add := func(name string) {
		if _, known := seen[name]; !known {
			seen[name] = struct{}{}
			all = append(all, types.NamespacedName{Name: name})
		}
	}
	if c.cfg.Zone != nil {
		add(c.cfg.Zone.Zone.String())
	}
	for _, zd := range own {
		add(zd.Name)
	}
	for _, zd := range old {
		add(zd.Name)
	}
	return all
}

// notFound reports that there is no Gslb of a name in any group.
func notFound(t translate.Twins, err error) bool {
	return err == nil && t.Own == nil && t.K8gb == nil && t.Absa == nil || apierrors.IsNotFound(err)
}
