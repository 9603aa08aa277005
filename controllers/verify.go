// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// driftPause is how long an object may differ from the cache before it counts: the
// events of what changes at this moment are on their way.
const driftPause = 5 * time.Second

// verifier compares the cache with the API now and then, by resource versions alone: a
// watch that stays open and skips events is noticed by nothing else. A kind that drifted
// is listed anew.
type verifier struct {
	log     *slog.Logger
	metrics *metrics
	every   time.Duration
	kinds   []kind
	stored  func(context.Context, kind) (map[string]string, error) // by the API
	cached  func(context.Context, kind) (map[string]string, error)
	sources map[string]*source
}

func newVerifier(log *slog.Logger, m *metrics, every time.Duration, kinds []kind, stored, cached func(context.Context, kind) (map[string]string, error), sources map[string]*source) *verifier {
	return &verifier{log: log, metrics: m, every: every, kinds: kinds, stored: stored, cached: cached, sources: sources}
}

// run verifies every kind at intervals until ctx ends.
func (v *verifier) run(ctx context.Context) error {
	for {
		wait := time.Duration(float64(v.every) * (0.8 + 0.4*rand.Float64()))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		for _, k := range v.kinds {
			v.verify(ctx, k)
		}
	}
}

// verify looks at one kind twice. What differs both times, and did not change at the API
// in between, the watch has missed.
func (v *verifier) verify(ctx context.Context, k kind) {
	first, err := v.differing(ctx, k)
	if err != nil || len(first) == 0 {
		return // not read: reach knows
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(driftPause):
	}
	second, err := v.differing(ctx, k)
	if err != nil {
		return
	}
	missed := 0
	for key, version := range first {
		if again, still := second[key]; still && again == version {
			missed++
		}
	}
	if missed == 0 {
		return
	}
	name := k.name
	v.metrics.drift.WithLabelValues(name).Add(float64(missed))
	v.log.Error("a watch has missed changes; the kind is read anew", "kind", name, "objects", missed)
	if s := v.sources[name]; s != nil {
		s.expire()
	}
}

// differing gives the objects whose version at the API, "" for gone, is not that in the
// cache.
func (v *verifier) differing(ctx context.Context, k kind) (map[string]string, error) {
	stored, err := v.stored(ctx, k)
	if err != nil {
		return nil, err
	}
	cached, err := v.cached(ctx, k)
	if err != nil {
		return nil, err
	}
	differ := make(map[string]string)
	for key, version := range stored {
		if cached[key] != version {
			differ[key] = version
		}
	}
	s := v.sources[k.name]
	for key := range cached {
		if _, there := stored[key]; !there && (s == nil || s.keeps == nil || !s.keeps(key)) {
			differ[key] = ""
		}
	}
	return differ, nil
}

// cached gives the resource version of every object of a kind in the cache.
func (c *Controllers) cached(ctx context.Context, k kind) (map[string]string, error) {
	gvk, err := c.client.GroupVersionKindFor(k.object())
	if err != nil {
		return nil, err
	}
	obj, err := c.api.scheme.New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	list, ok := obj.(client.ObjectList)
	if !ok {
		return nil, fmt.Errorf("%T is no list of objects", obj)
	}
	if err := c.cache.List(ctx, list); err != nil {
		return nil, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(items))
	for _, item := range items {
		obj, err := meta.Accessor(item)
		if err != nil {
			return nil, err
		}
		all[client.ObjectKey{Namespace: obj.GetNamespace(), Name: obj.GetName()}.String()] = obj.GetResourceVersion()
	}
	return all, nil
}
