// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// writeIngress writes the embedded Ingress of a Gslb, if its translation asks for it. A
// refusal is shown in the Gslb's condition Resolved.
func (c *Controllers) writeIngress(ctx context.Context, key types.NamespacedName) (bool, error) {
	rec := c.collector.last.get(key)
	if rec == nil || rec.out.Ingress == nil {
		c.refusals.clear(key)
		return false, nil
	}
	if why := c.withheld(rec); why != "" {
		if c.refusals.set(key, why) {
			c.writers.add(task{writeStatus, key})
		}
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

// withheld says why an embedded Ingress must not be written; "" if it may be. It would
// give the host's clients in this cluster to an object that the host does not belong to.
func (c *Controllers) withheld(rec *translation) string {
	if running := c.collector.operator.running(); running != "" && rec.incumbent {
		return "k8gb's operator runs (Deployment " + running + ") and writes it; stop that first"
	}
	for i := range rec.out.Hosts {
		if h := &rec.out.Hosts[i]; h.Reason == gslbv1beta1.ReasonNamespaceNotAllowed {
			return h.Message
		}
	}
	for _, o := range rec.out.Offers {
		if holder := c.holder(o); holder != nil {
			return belongs(o.Host.String(), holder.Source.String(), holder)
		}
	}
	return ""
}

// holder gives the offer of another object of this cluster that has the host of o; nil: o
// has it, or nobody else of this cluster does. The World knows whose it is; what it was not
// told yet, the claims alone say.
func (c *Controllers) holder(o *gslb.Offer) *gslb.Offer {
	if w := c.world.Load(); w != nil {
		if h := w.Host(o.Host); h != nil {
			if p := h.Part(w.Self); p != nil && p.Offer.Source == o.Source {
				return nil
			} else if p != nil && c.collector.last.offers(p.Offer.Source, o.Host) {
				return p.Offer
			}
		}
	}
	return c.collector.last.before(o)
}

// write makes an object, or updates the one that it was read from.
func (c *Controllers) write(ctx context.Context, obj client.Object) error {
	if obj.GetResourceVersion() == "" {
		return c.client.Create(ctx, obj)
	}
	return c.client.Update(ctx, obj)
}
