// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
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

// gates watches the objects of readiness gates, each by itself, so that no right is needed
// to read others of their kind. Safe for concurrent use.
type gates struct {
	rest    *rest.Config
	http    *http.Client
	log     *slog.Logger
	changed func(types.NamespacedName) // a Gslb has to be translated

	mapping sync.Mutex      // of mapper
	mapper  meta.RESTMapper // of all kinds of the API; nil before it is needed first

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of run; nil before it
	running sync.WaitGroup
	wanted  map[types.NamespacedName][]translate.Gate
	watches map[translate.Gate]*gateWatch // by gate without its condition
	news    chan struct{}                 // closed when a watch learned something, and replaced
}

// gateWatch is the watch of one object.
type gateWatch struct {
	stop   context.CancelFunc
	known  bool
	object *unstructured.Unstructured // nil: it does not exist
	why    string                     // why it is not known
	users  map[types.NamespacedName]struct{}
}

func newGates(a *api, log *slog.Logger, changed func(types.NamespacedName)) *gates {
	return &gates{
		rest: a.reads, http: a.http, log: log, changed: changed, news: make(chan struct{}),
		wanted: make(map[types.NamespacedName][]translate.Gate), watches: make(map[translate.Gate]*gateWatch),
	}
}

// run watches what is wanted until ctx ends.
func (g *gates) run(ctx context.Context) error {
	g.mu.Lock()
	g.ctx = ctx
	for object, w := range g.watches {
		g.start(object, w)
	}
	g.mu.Unlock()
	<-ctx.Done()
	g.running.Wait()
	return nil
}

// want says which gates a Gslb has, instead of those before; none: it has none, or is gone.
func (g *gates) want(user types.NamespacedName, all []translate.Gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.wanted[user]
	if len(all) == 0 {
		delete(g.wanted, user)
	} else {
		g.wanted[user] = all
	}
	keep := make(map[translate.Gate]bool)
	for _, gate := range all {
		gate.Condition = ""
		keep[gate] = true
		w := g.watches[gate]
		if w == nil {
			w = &gateWatch{why: "it was not read yet", users: make(map[types.NamespacedName]struct{})}
			g.watches[gate] = w
			g.start(gate, w)
		}
		w.users[user] = struct{}{}
	}
	for _, gate := range before {
		gate.Condition = ""
		w := g.watches[gate]
		if keep[gate] || w == nil {
			continue
		}
		if delete(w.users, user); len(w.users) == 0 {
			delete(g.watches, gate)
			if w.stop != nil {
				w.stop()
			}
		}
	}
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

// state says how a gate stands.
func (g *gates) state(gate translate.Gate) translate.GateState {
	condition := gate.Condition
	gate.Condition = ""
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.watches[gate]
	if w == nil {
		return translate.GateState{Why: "it was not read yet"}
	}
	if !w.known {
		return translate.GateState{Why: w.why}
	}
	if w.object == nil {
		return translate.GateState{Known: true, Why: "the object does not exist"}
	}
	return conditionOf(w.object, condition)
}

// conditionOf reads a condition in the form that all kinds of Kubernetes share.
func conditionOf(obj *unstructured.Unstructured, kind string) translate.GateState {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, item := range list {
		c, ok := item.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		if c["status"] == string(metav1.ConditionTrue) {
			return translate.GateState{Known: true, True: true}
		}
		return translate.GateState{Known: true, Why: fmt.Sprintf("it is %v (%v)", c["status"], c["reason"])}
	}
	return translate.GateState{Known: true, Why: "the object has no such condition"}
}

// await waits until every gate was read or could not be, or ctx ends.
func (g *gates) await(ctx context.Context) {
	for {
		g.mu.Lock()
		news, open := g.news, false
		for _, w := range g.watches {
			open = open || !w.known && w.why == "it was not read yet"
		}
		g.mu.Unlock()
		if !open {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
	}
}

// learn takes over what a watch learned, and has the Gslbs translated.
func (g *gates) learn(w *gateWatch, change func()) {
	g.mu.Lock()
	change()
	users := make([]types.NamespacedName, 0, len(w.users))
	for u := range w.users {
		users = append(users, u)
	}
	close(g.news)
	g.news = make(chan struct{})
	g.mu.Unlock()
	for _, u := range users {
		g.changed(u)
	}
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

// wantGates says which gates a Gslb has.
func (c *collector) wantGates(key types.NamespacedName, all []translate.Gate) {
	if c.gates != nil {
		c.gates.want(key, all)
	}
}
