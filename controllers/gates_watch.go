// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meridian-gslb/meridian/controllers/translate"
)

const (
	// gateRetry is the pause before a kind that the API does not have is looked for again.
	gateRetry = 10 * time.Second
	// gatePatience is how long the first translation waits for readiness gates.
	gatePatience = 3 * time.Second
)

// gateWatch is the watch of one object.
type gateWatch struct {
	stop   context.CancelFunc
	known  bool
	object *unstructured.Unstructured // nil: it does not exist
	why    string                     // why it is not known
	users  map[types.NamespacedName]struct{}
}

// start begins a watch, once run is. The caller holds the lock.
func (g *gates) start(object translate.Gate, w *gateWatch) {
	if g.ctx == nil || g.ctx.Err() != nil || w.stop != nil {
		return
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(g.ctx)
	g.running.Go(func() { g.watch(ctx, object, w) })
}

// watch follows one object until ctx ends. What was known stays while it cannot be read.
func (g *gates) watch(ctx context.Context, object translate.Gate, w *gateWatch) {
	for ctx.Err() == nil {
		informer, err := g.informer(object)
		if err == nil {
			g.follow(ctx, informer, w)
			return
		}
		g.learn(w, func() { w.why = err.Error() })
		select {
		case <-ctx.Done():
		case <-time.After(gateRetry):
		}
	}
}

// informer makes the informer of one object; an error where the API does not have its kind.
func (g *gates) informer(object translate.Gate) (toolscache.SharedIndexInformer, error) {
	version, err := schema.ParseGroupVersion(object.APIVersion)
	if err != nil {
		return nil, err
	}
	mapper, err := g.kinds()
	if err != nil {
		return nil, err
	}
	mapping, err := mapper.RESTMapping(version.WithKind(object.Kind).GroupKind(), version.Version)
	if err != nil {
		return nil, fmt.Errorf("the API has no %s of %s: %w", object.Kind, object.APIVersion, err)
	}
	reader, err := dynamic.NewForConfigAndClient(g.rest, g.http)
	if err != nil {
		return nil, err
	}
	namespace := object.Namespace
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		namespace = metav1.NamespaceAll
	}
	one := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, object.Name).String()
	}
	return dynamicinformer.NewFilteredDynamicInformer(reader, mapping.Resource, namespace, 0, toolscache.Indexers{}, one).Informer(), nil
}

// kinds gives the mapper that all gates share. It asks the API for its groups once, and after
// that for one group where that lacks a kind, which may have come since.
func (g *gates) kinds() (meta.RESTMapper, error) {
	g.mapping.Lock()
	defer g.mapping.Unlock()
	if g.mapper == nil {
		mapper, err := apiutil.NewDynamicRESTMapper(g.rest, g.http)
		if err != nil {
			return nil, fmt.Errorf("asking for the kinds of the API: %w", err)
		}
		g.mapper = mapper
	}
	return g.mapper, nil
}

// follow takes over what an informer tells.
func (g *gates) follow(ctx context.Context, informer toolscache.SharedIndexInformer, w *gateWatch) {
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *toolscache.Reflector, err error) {
		g.log.Debug("the object of a readiness gate cannot be watched", "error", err)
		g.learn(w, func() { w.why = err.Error() })
	})
	_ = informer.SetTransform(func(in any) (any, error) {
		if obj, ok := in.(*unstructured.Unstructured); ok { // nothing but the conditions is looked at
			obj.SetManagedFields(nil)
			unstructured.RemoveNestedField(obj.Object, "spec")
		}
		return in, nil
	})
	take := func(o any) {
		if obj, ok := o.(*unstructured.Unstructured); ok {
			g.learn(w, func() { w.known, w.object = true, obj })
		}
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    take,
		UpdateFunc: func(_, now any) { take(now) },
		DeleteFunc: func(any) { g.learn(w, func() { w.known, w.object = true, nil }) },
	})
	if err != nil {
		g.learn(w, func() { w.why = err.Error() })
		return
	}
	g.running.Go(func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			g.learn(w, func() { w.known = true })
		}
	})
	informer.RunWithContext(klog.NewContext(ctx, quiet(g.log)))
}
