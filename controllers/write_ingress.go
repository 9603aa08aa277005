// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
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
		if older := c.collector.last.before(o); older != nil {
			return fmt.Sprintf("host %s belongs to %s, which is older", o.Host, older.Source)
		}
	}
	return ""
}

// write makes an object, or updates the one that it was read from.
func (c *Controllers) write(ctx context.Context, obj client.Object) error {
	if obj.GetResourceVersion() == "" {
		return c.client.Create(ctx, obj)
	}
	return c.client.Update(ctx, obj)
}
