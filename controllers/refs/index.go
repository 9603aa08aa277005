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
// object can lie in, so that it costs the same however many users there are. Most places
// hold one key, and most keys have one user, so that neither has a map of its own.
type Index[U comparable] struct {
	mu     sync.RWMutex
	needs  map[U][]*users[U]
	places map[place][]*users[U]
}

// users are those that need a key. Of most keys there is one.
type users[U comparable] struct {
	key   Key
	means func(Object) bool // of a key with labels, which are parsed once; nil: the key itself says
	one   U                 // while many is nil
	many  map[U]struct{}    // from the second on
}

// place is where a key lies.
type place struct {
	kind      schema.GroupKind
	namespace string // "": any
	by        string // "/name", "label=value", or "" where a key has neither
}

// NewIndex gives an index of nothing.
func NewIndex[U comparable]() *Index[U] {
	return &Index[U]{needs: make(map[U][]*users[U]), places: make(map[place][]*users[U])}
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
	if known && slices.EqualFunc(old, needs, func(u *users[U], k Key) bool { return u.key == k }) {
		return
	}
	next := make([]*users[U], 0, len(needs))
	for _, k := range needs {
		if i := slices.IndexFunc(old, func(u *users[U]) bool { return u.key == k }); i >= 0 {
			next = append(next, old[i])
			continue
		}
		next = append(next, x.add(k, g))
	}
	for _, u := range old {
		if !slices.Contains(next, u) {
			x.drop(u, g)
		}
	}
	x.needs[g] = next
}

// add makes g a user of a key.
func (x *Index[U]) add(k Key, g U) *users[U] {
	at := placeOf(k)
	if i := slices.IndexFunc(x.places[at], func(u *users[U]) bool { return u.key == k }); i >= 0 {
		u := x.places[at][i]
		if u.many == nil {
			u.many = map[U]struct{}{u.one: {}}
		}
		u.many[g] = struct{}{}
		return u
	}
	u := &users[U]{key: k, one: g}
	if k.Name == "" && k.Labels != "" {
		u.means = k.Matcher()
	}
	x.places[at] = append(x.places[at], u)
	return u
}

// drop ends that g, which is one of them, needs the key.
func (x *Index[U]) drop(u *users[U], g U) {
	if delete(u.many, g); len(u.many) > 0 {
		return
	}
	at := placeOf(u.key)
	if rest := slices.DeleteFunc(x.places[at], func(other *users[U]) bool { return other == u }); len(rest) > 0 {
		x.places[at] = rest
		return
	}
	delete(x.places, at)
}

// Remove forgets a user.
func (x *Index[U]) Remove(g U) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, u := range x.needs[g] {
		x.drop(u, g)
	}
	delete(x.needs, g)
}

// On gives those that need an object of a kind.
func (x *Index[U]) On(kind schema.GroupKind, obj Object) map[U]struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := make(map[U]struct{})
	look := func(namespace, by string) {
		for _, u := range x.places[place{kind, namespace, by}] {
			if u.mean(obj) {
				u.into(found)
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
	for at, all := range x.places {
		if at.kind != kind {
			continue
		}
		for _, u := range all {
			u.into(found)
		}
	}
	return found
}

// mean reports that the key means the object.
func (u *users[U]) mean(obj Object) bool {
	if u.means == nil {
		return u.key.Matches(obj)
	}
	return u.means(obj)
}

// into adds them to a set.
func (u *users[U]) into(set map[U]struct{}) {
	if u.many == nil {
		set[u.one] = struct{}{}
		return
	}
	maps.Copy(set, u.many)
}
