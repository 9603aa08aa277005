// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/controllers/translate"
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

// conditionOf reads a condition of an object.
func conditionOf(obj *unstructured.Unstructured, kind string) translate.GateState {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	return translate.GateStateOf(list, kind)
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

// wantGates says which gates a Gslb has.
func (c *collector) wantGates(key types.NamespacedName, all []translate.Gate) {
	if c.gates != nil {
		c.gates.want(key, all)
	}
}
