// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// A queue reconciles the objects of one kind by their keys, namespace/name, one
// at a time, and again with growing delay after an error.
type queue struct {
	name      string
	reconcile func(context.Context, string) error
	work      workqueue.TypedRateLimitingInterface[string]
	log       *slog.Logger
	failing   map[string]bool // keys whose failure is logged
}

func newQueue(name string, informer cache.SharedIndexInformer,
	reconcile func(context.Context, string) error, log *slog.Logger) (*queue, error) {
	q := &queue{
		name:      name,
		reconcile: reconcile,
		work: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 5*time.Second)),
		log:     log,
		failing: map[string]bool{},
	}
	add := func(object any) {
		// It fails only for what is no API object, which an informer never has.
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			q.work.Add(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, object any) { add(object) },
		DeleteFunc: add,
	})
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", name, err)
	}
	return q, nil
}

func (q *queue) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, q.work.ShutDown)
	defer stop()
	for {
		key, shutdown := q.work.Get()
		if shutdown {
			return
		}
		q.one(ctx, key)
		q.work.Done(key)
	}
}

func (q *queue) one(ctx context.Context, key string) {
	err := q.reconcile(ctx, key)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		q.work.AddRateLimited(key)
		if !q.failing[key] {
			q.failing[key] = true
			q.log.Warn("object not reconciled, trying again", "kind", q.name, "object", key, "error", err)
		}
	default:
		q.work.Forget(key)
		if q.failing[key] {
			delete(q.failing, key)
			q.log.Info("object reconciled after failures", "kind", q.name, "object", key)
		}
	}
}
