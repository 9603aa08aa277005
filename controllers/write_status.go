// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// writeStatus brings the status of the Gslbs of a name up to date, in each group, and tells
// in events of what changed. Before the World is ready nothing is written: unknown is not
// news.
func (c *Controllers) writeStatus(ctx context.Context, key types.NamespacedName) (bool, error) {
	twins, err := c.collector.twins(ctx, key)
	if err != nil {
		return false, err
	}
	released, err := c.releaseIncumbents(ctx, twins)
	world, rec := c.world.Load(), c.collector.last.get(key)
	chosen := twins.Choose().Gslb
	switch {
	case err != nil || world == nil || !world.Ready || rec == nil || chosen == nil:
		return released, err
	case chosen.UID != rec.uid || !chosen.DeletionTimestamp.IsZero():
		return released, nil // another one by now; its translation comes
	case translate.GroupOf(chosen) != gslbv1beta1.Group:
		chosen.Status, _ = c.told.status(chosen.UID) // chosen is a copy
	}
	in := statusInput{
		gslb: chosen, out: &rec.out, world: world, peerKey: c.cfg.PeerKey, refusal: c.refusals.get(key), now: time.Now(),
	}
	if !in.current() {
		return released, nil // the World that took the translation in comes
	}
	next := statusOf(in)
	if translate.GroupOf(chosen) == gslbv1beta1.Group {
		next.Servers = c.collector.claims.asRecorded(chosen, next.Servers)
	}
	wroteOwn, err := c.writeOwnStatus(ctx, twins.Own, &next)
	if err != nil {
		return released || wroteOwn, err
	}
	wrote, err := c.writeIncumbents(ctx, twins, &next)
	return released || wroteOwn || wrote, err
}

// writeOwnStatus writes the status of the Gslb of our group; nil: there is none.
func (c *Controllers) writeOwnStatus(ctx context.Context, old *gslbv1beta1.Gslb, status *gslbv1beta1.GslbStatus) (bool, error) {
	if old == nil || !old.DeletionTimestamp.IsZero() || equality.Semantic.DeepEqual(old.Status, *status) {
		return false, nil
	}
	next := old.DeepCopy()
	next.Status = *status.DeepCopy()
	if err := c.patchStatus(ctx, old, next); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	c.events.all(old, gslbEvents(&old.Spec, &old.Status, status))
	return true, nil
}

// patchStatus writes what differs in the status, if old is still what the server has.
func (c *Controllers) patchStatus(ctx context.Context, old, next client.Object) error {
	return c.client.Status().Patch(ctx, next, client.MergeFromWithOptions(old, client.MergeFromWithOptimisticLock{}))
}

// refusals holds why embedded Ingresses could not be written. Safe for concurrent use.
type refusals struct {
	mu  sync.Mutex
	why map[types.NamespacedName]string
}

func (r *refusals) get(key types.NamespacedName) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why[key]
}

// set notes a refusal, and reports whether it is news.
func (r *refusals) set(key types.NamespacedName, why string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := r.why[key] != why
	r.why[key] = why
	return news
}

func (r *refusals) clear(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.why, key)
}
