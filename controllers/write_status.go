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
)

// writeStatus brings the status of a Gslb up to date, and tells in events of what changed. Before the World is ready nothing is written: unknown is not news.
func (c *Controllers) writeStatus(ctx context.Context, key types.NamespacedName) (bool, error) {
	world, rec := c.world.Load(), c.collector.last.get(key)
	if world == nil || !world.Ready || rec == nil {
		return false, nil
	}
	old := &gslbv1beta1.Gslb{}
	if err := c.client.Get(ctx, key, old); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if old.UID != rec.uid || !old.DeletionTimestamp.IsZero() {
		return false, nil // another one by now; its translation comes
	}
	in := statusInput{
		gslb: old, out: &rec.out, world: world, peerKey: c.cfg.PeerKey, refusal: c.refusals.get(key), now: time.Now(),
	}
	if !in.current() {
		return false, nil // the World that took the translation in comes
	}
	next := old.DeepCopy()
	next.Status = statusOf(in)
	if equality.Semantic.DeepEqual(old.Status, next.Status) {
		return false, nil
	}
	if err := c.patchStatus(ctx, old, next.DeepCopy()); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	c.events.all(old, gslbEvents(&old.Spec, &old.Status, &next.Status))
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
