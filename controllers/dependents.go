// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// dependents is the index from an object to the Gslbs whose translation reads it, so
// that an event enqueues those and no others. A Gslb is entered before its objects are
// read: whatever changes after that finds it here. Safe for concurrent use.
type dependents struct {
	mu        sync.RWMutex
	needs     map[types.NamespacedName]translate.Dependencies
	objects   index[objectRef] // referred to by name
	selectors index[objectRef] // referred to by labels: kind and namespace, without a name
	services  index[types.NamespacedName]
	spaces    index[string] // namespaces
}

// objectRef names an object of a kind; without a name all of the kind in the namespace.
type objectRef struct{ kind, namespace, name string }

// index maps a key to Gslbs.
type index[K comparable] map[K]map[types.NamespacedName]struct{}

func (ix index[K]) add(k K, g types.NamespacedName) {
	if ix[k] == nil {
		ix[k] = make(map[types.NamespacedName]struct{})
	}
	ix[k][g] = struct{}{}
}

func (ix index[K]) remove(k K, g types.NamespacedName) {
	delete(ix[k], g)
	if len(ix[k]) == 0 {
		delete(ix, k)
	}
}

func newDependents() *dependents {
	return &dependents{
		needs: make(map[types.NamespacedName]translate.Dependencies), objects: make(index[objectRef]),
		selectors: make(index[objectRef]), services: make(index[types.NamespacedName]), spaces: make(index[string]),
	}
}

// set replaces what a Gslb depends on.
func (d *dependents) set(g types.NamespacedName, needs translate.Dependencies) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(g)
	d.needs[g] = needs
	if ix, ref := d.place(needs.Object); ref != (objectRef{}) {
		ix.add(ref, g)
	}
	for _, s := range needs.Services {
		d.services.add(s, g)
	}
	d.spaces.add(g.Namespace, g)
}

// remove forgets a Gslb.
func (d *dependents) remove(g types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(g)
}

func (d *dependents) drop(g types.NamespacedName) {
	needs, known := d.needs[g]
	if !known {
		return
	}
	delete(d.needs, g)
	if ix, ref := d.place(needs.Object); ref != (objectRef{}) {
		ix.remove(ref, g)
	}
	for _, s := range needs.Services {
		d.services.remove(s, g)
	}
	d.spaces.remove(g.Namespace, g)
}

// place says where a key is indexed; the zero objectRef for the zero Key.
func (d *dependents) place(k refs.Key) (index[objectRef], objectRef) {
	switch {
	case k.IsZero():
		return nil, objectRef{}
	case k.Name == "":
		return d.selectors, objectRef{kind: k.Kind.Kind, namespace: k.Namespace}
	}
	return d.objects, objectRef{k.Kind.Kind, k.Namespace, k.Name}
}

// onObject gives the Gslbs that refer to an object of a kind, by name or by labels.
func (d *dependents) onObject(kind string, obj metav1.Object) map[types.NamespacedName]struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	found := maps.Clone(d.objects[objectRef{kind, obj.GetNamespace(), obj.GetName()}])
	for g := range d.selectors[objectRef{kind: kind, namespace: obj.GetNamespace()}] {
		if d.needs[g].Object.Matches(obj) {
			if found == nil {
				found = make(map[types.NamespacedName]struct{})
			}
			found[g] = struct{}{}
		}
	}
	return found
}

// onService gives the Gslbs with a host that a Service stands behind.
func (d *dependents) onService(s types.NamespacedName) map[types.NamespacedName]struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.services[s])
}

// onNamespace gives the Gslbs in a namespace.
func (d *dependents) onNamespace(name string) map[types.NamespacedName]struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.spaces[name])
}
