// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Index leads from an object to its users, the Gslbs whose translation reads it, so that an
// event enqueues those and no others. A user is entered before its objects are read:
// whatever changes after that finds it here. Safe for concurrent use.
//
// A key lies in one place: by kind, namespace and name; or by kind, namespace and one
// label that all its objects have. An event looks in the few places that a key of its
// object can lie in, so that it costs the same however many users there are.
type Index[U comparable] struct {
	mu     sync.RWMutex
	needs  map[U][]Key
	users  map[Key]*users[U]
	places map[place]map[Key]struct{}
}

// users are those that need a key.
type users[U comparable] struct {
	means func(Object) bool
	all   map[U]struct{}
}

// place is where a key lies.
type place struct {
	kind      schema.GroupKind
	namespace string // "": any
	by        string // "/name", "label=value", or "" where a key has neither
}

// NewIndex gives an index of nothing.
func NewIndex[U comparable]() *Index[U] {
	return &Index[U]{
		needs: make(map[U][]Key), users: make(map[Key]*users[U]),
		places: make(map[place]map[Key]struct{}),
	}
}

func placeOf(k Key) place {
	if k.Name != "" {
		return place{k.Kind, k.Namespace, "/" + k.Name}
	}
	return place{k.Kind, k.Namespace, k.Pair()}
}

// Set replaces what a user needs.
func (x *Index[U]) Set(g U, needs []Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.needs[g]
	if known && slices.Equal(old, needs) {
		return
	}
	x.needs[g] = needs
	for _, k := range needs {
		x.add(k, g)
	}
	for _, k := range old {
		if !slices.Contains(needs, k) {
			x.drop(k, g)
		}
	}
}

func (x *Index[U]) add(k Key, g U) {
	u := x.users[k]
	if u == nil {
		u = &users[U]{means: k.Matcher(), all: make(map[U]struct{})}
		x.users[k] = u
		at := placeOf(k)
		if x.places[at] == nil {
			x.places[at] = make(map[Key]struct{})
		}
		x.places[at][k] = struct{}{}
	}
	u.all[g] = struct{}{}
}

func (x *Index[U]) drop(k Key, g U) {
	u := x.users[k]
	if u == nil {
		return
	}
	delete(u.all, g)
	if len(u.all) > 0 {
		return
	}
	delete(x.users, k)
	at := placeOf(k)
	delete(x.places[at], k)
	if len(x.places[at]) == 0 {
		delete(x.places, at)
	}
}

// Remove forgets a user.
func (x *Index[U]) Remove(g U) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range x.needs[g] {
		x.drop(k, g)
	}
	delete(x.needs, g)
}

// On gives those that need an object of a kind.
func (x *Index[U]) On(kind schema.GroupKind, obj Object) map[U]struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := make(map[U]struct{})
	look := func(namespace, by string) {
		for k := range x.places[place{kind, namespace, by}] {
			if u := x.users[k]; u.means(obj) {
				maps.Copy(found, u.all)
			}
		}
	}
	look(obj.GetNamespace(), "/"+obj.GetName())
	pairs := append(Pairs(obj), "")
	for _, pair := range pairs {
		look(obj.GetNamespace(), pair)
		if obj.GetNamespace() != "" {
			look("", pair)
		}
	}
	return found
}

// OnKind gives those that need any object of a kind.
func (x *Index[U]) OnKind(kind schema.GroupKind) map[U]struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := make(map[U]struct{})
	for k, u := range x.users {
		if k.Kind == kind {
			maps.Copy(found, u.all)
		}
	}
	return found
}
