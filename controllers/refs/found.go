// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// State says how looking for a key went.
type State uint8

// States of a key.
const (
	Unread State = iota // not looked for yet, or it could not be read: nothing is known
	Listed              // what was found is all there is
	Absent              // the cluster does not have the kind: its CustomResourceDefinition is not installed
)

// Found holds what keys were found to mean. The zero value holds nothing; it is filled
// first and then only read.
type Found struct {
	of map[Key]result
}

type result struct {
	objects []Object
	state   State
}

// Put enters what a key means. Objects that it does not mean may be among them, of its
// kind; they are left out. The objects come in any order, and are never changed.
func (f *Found) Put(k Key, state State, objects ...Object) {
	if f.of == nil {
		f.of = make(map[Key]result)
	}
	means := k.Matcher()
	kept := make([]Object, 0, len(objects))
	for _, obj := range objects {
		if means(obj) {
			kept = append(kept, obj)
		}
	}
	slices.SortFunc(kept, func(a, b Object) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	f.of[k] = result{kept, state}
}

// Has reports that a key was entered.
func (f *Found) Has(k Key) bool {
	if f == nil {
		return false
	}
	_, known := f.of[k]
	return known
}

// Get gives what a key means, by namespace and name.
func (f *Found) Get(k Key) ([]Object, State) {
	if f == nil {
		return nil, Unread
	}
	r := f.of[k]
	return r.objects, r.state
}

// Each calls do for every key and what it means, in no particular order, until do returns
// false.
func (f *Found) Each(do func(k Key, state State, objects []Object) bool) {
	if f == nil {
		return
	}
	for k, r := range f.of {
		if !do(k, r.state, r.objects) {
			return
		}
	}
}

// Lookup reads what was found, and remembers which keys were asked for. It is not safe
// for concurrent use.
type Lookup struct {
	found *Found
	asked map[Key]struct{}
}

// NewLookup gives a Lookup in what was found; nil: nothing was.
func NewLookup(found *Found) *Lookup {
	return &Lookup{found: found, asked: make(map[Key]struct{})}
}

// Get gives what a key means, by namespace and name.
func (l *Lookup) Get(k Key) ([]Object, State) {
	l.asked[k] = struct{}{}
	return l.found.Get(k)
}

// One gives the object of a key by name; nil if there is none.
func (l *Lookup) One(k Key) (Object, State) {
	objects, state := l.Get(k)
	if len(objects) == 0 {
		return nil, state
	}
	return objects[0], state
}

// Asked lists the keys that were asked for, sorted.
func (l *Lookup) Asked() []Key {
	return slices.SortedFunc(maps.Keys(l.asked), compareKeys)
}

func compareKeys(a, b Key) int {
	return cmp.Or(strings.Compare(a.Kind.Group, b.Kind.Group), strings.Compare(a.Kind.Kind, b.Kind.Kind),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Labels, b.Labels), strings.Compare(a.Address, b.Address), boolOrder(a.Inside, b.Inside), strings.Compare(a.Root, b.Root))
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// maxRounds bounds how far references are followed: an object, its Gateways, their
// Services, and so on. No chain that makes sense is as long.
const maxRounds = 16

// Gather finds all that is needed. needs says which keys are, as far as that is known from
// what was found; enter is told all of them before what is new is looked for, so that an
// index misses no change in between; find looks for one. What is found can need more, so
// this goes on until nothing new is needed.
func Gather(needs func(*Found) []Key, enter func([]Key), find func(Key) ([]Object, State)) *Found {
	found := &Found{}
	for range maxRounds {
		keys := needs(found)
		enter(keys)
		more := false
		for _, k := range keys {
			if !found.Has(k) {
				objects, state := find(k)
				found.Put(k, state, objects...)
				more = true
			}
		}
		if !more {
			break
		}
	}
	return found
}
