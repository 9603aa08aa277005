// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// keeper holds on to the objects of a kind that others install while the kind itself goes: a
// CustomResourceDefinition that is removed takes its objects with it, which is mostly an
// upgrade that goes wrong and soon right again. What the objects said stays for a while.
//
//	an object is deleted             | its kind         | object
//	a watch tells                    | remains          | is gone
//	a watch tells                    | is being removed | stays until it is made again, for hold at most
//	with its kind                    | is gone          | stays until it is made again, for hold at most
//	found missing by reading anew    | remains          | is gone
type keeper struct {
	kind  string
	next  toolscache.ListerWatcherWithContext
	going func(context.Context) bool // the kind is being removed, or gone
	hold  time.Duration
	again func() // has everything listed anew
	log   *slog.Logger

	mu    sync.Mutex
	have  map[types.NamespacedName]runtime.Object // that the API gave last
	kept  map[types.NamespacedName]runtime.Object // that it gives no more
	until time.Time                               // how long; zero: nothing is kept
}

var _ toolscache.ListerWatcherWithContext = (*keeper)(nil)

// ListWithContext lists, and adds what is kept.
func (k *keeper) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	list, err := k.next.ListWithContext(ctx, o)
	k.mu.Lock()
	defer k.mu.Unlock()
	if apierrors.IsNotFound(err) {
		for name, obj := range k.have {
			k.keep(name, obj)
		}
	}
	if err != nil {
		return nil, err
	}
	k.have = make(map[types.NamespacedName]runtime.Object)
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, err
	}
	for _, obj := range items {
		k.have[nameOf(obj)] = obj
		delete(k.kept, nameOf(obj))
	}
	k.expired()
	for name, obj := range k.kept {
		k.have[name] = obj
		items = append(items, obj)
	}
	return list, meta.SetList(list, items)
}

// WatchWithContext watches, and passes over the end of objects whose kind is being removed.
func (k *keeper) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w, err := k.next.WatchWithContext(ctx, o)
	if err != nil || broken(w) {
		return w, err
	}
	return watch.Filter(w, func(e watch.Event) (watch.Event, bool) { return e, k.pass(ctx, e) }), nil
}

func (k *keeper) pass(ctx context.Context, e watch.Event) bool {
	if e.Type != watch.Added && e.Type != watch.Modified && e.Type != watch.Deleted {
		return true
	}
	name := nameOf(e.Object)
	going := e.Type == watch.Deleted && k.going(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case going:
		k.keep(name, e.Object)
		return false
	case e.Type == watch.Deleted:
		delete(k.have, name)
	default:
		if k.have == nil {
			k.have = make(map[types.NamespacedName]runtime.Object)
		}
		k.have[name] = e.Object
	}
	delete(k.kept, name)
	return true
}

// keep holds on to an object, from the first one on for hold.
func (k *keeper) keep(name types.NamespacedName, obj runtime.Object) {
	if k.until.IsZero() {
		k.until = time.Now().Add(k.hold)
		k.kept = make(map[types.NamespacedName]runtime.Object)
		k.log.Warn("a kind is being removed from the cluster; what its objects said stays for a while", "kind", k.kind, "hold", k.hold)
		time.AfterFunc(k.hold, k.again)
	}
	if _, there := k.kept[name]; !there {
		k.kept[name] = obj
	}
}

// expired lets go of what was kept for long enough.
func (k *keeper) expired() {
	if !k.until.IsZero() && (len(k.kept) == 0 || !time.Now().Before(k.until)) {
		for name := range k.kept {
			delete(k.have, name) // so that it is not kept once more
		}
		k.kept, k.until = nil, time.Time{}
	}
}

// holding reports that something is kept; the kind is not to be taken for empty.
func (k *keeper) holding() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.expired(); k.until.IsZero() {
		return false
	}
	return true
}

// keeps reports that an object is there only because it is kept.
func (k *keeper) keeps(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n := range k.kept {
		if n.String() == name {
			return true
		}
	}
	return false
}

func nameOf(obj runtime.Object) types.NamespacedName {
	if o, ok := obj.(client.Object); ok {
		return client.ObjectKeyFromObject(o)
	}
	return types.NamespacedName{}
}
