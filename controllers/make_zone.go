// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// configured reports that the configuration gives the zone that a ZoneDelegation names.
func (c *Controllers) configured(zd *gslbv1beta1.ZoneDelegation) bool {
	zone, err := gslb.ParseName(string(zd.Spec.LoadBalancedZone))
	return err == nil && c.cfg.Zone != nil && c.cfg.Zone.Zone == zone
}

// makeZone makes the ZoneDelegation of the configuration's zone, for its status and its
// annotations to have a place. It is called for a name under which we have none. The
// object is made and never touched again: it is everybody's from then on. On a control plane
// that only hands objects on nothing is made.
//
//	name                  | the zone has a ZoneDelegation | k8gb's operator runs, or only its kinds exist | is made
//	the zone's            | no                            | no                                            | yes
//	any other, or a case that differs in one of these                                                     | no
func (c *Controllers) makeZone(ctx context.Context, key types.NamespacedName) (bool, error) {
	if c.cfg.Zone == nil || key.Name != c.cfg.Zone.Zone.String() || c.collector.operator.running() != "" || c.collector.templates.Load() {
		return false, nil
	}
	if s := c.collector.sources[gslbv1beta1.ZoneDelegationKind]; s != nil && s.missing() {
		return false, nil
	}
	for _, z := range c.collector.zones.Load().Zones {
		if z.Configured && z.Zone == c.cfg.Zone.Zone && z.Delegation != "" {
			return false, nil
		}
	}
	err := c.client.Create(ctx, &gslbv1beta1.ZoneDelegation{
		ObjectMeta: metav1.ObjectMeta{Name: key.Name, Labels: map[string]string{gslbv1beta1.LabelManagedBy: gslbv1beta1.ManagedByMeridian}},
		Spec: gslbv1beta1.ZoneDelegationSpec{
			LoadBalancedZone: gslbv1beta1.Zone(c.cfg.Zone.Zone.String()), ParentZone: gslbv1beta1.Zone(c.cfg.Zone.EdgeZone.String()),
		},
	})
	switch {
	case apierrors.IsAlreadyExists(err): // the cache will hear of it
		return false, nil
	case err != nil:
		return false, fmt.Errorf("making the ZoneDelegation that tells of zone %s: %w", key.Name, err)
	}
	return true, nil
}
