// SPDX-License-Identifier: Apache-2.0

package leaving

import (
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// Memory keeps the last addresses of each object whose status has some: Ingresses,
// Gateways, Services. A status that goes empty while the object remains is mostly a
// controller or load balancer that is being replaced: the addresses stay for a while.
// Objects are known by a K. Safe for concurrent use.
//
//	status    | seen before | emptied    | addresses
//	not empty | –           | –          | those of the status
//	empty     | no          | –          | none
//	empty     | yes         | < hold ago | the last ones
//	empty     | yes         | ≥ hold ago | none
type Memory[K comparable] struct {
	hold time.Duration

	mu   sync.Mutex
	last map[K]*lastEntries
	held map[gslb.Source]time.Time // until when addresses stay that the status does not have
}

type lastEntries struct {
	of      refs.Object // as it was with addresses
	emptied time.Time   // zero: they are in the status
}

// NewMemory makes a Memory that keeps addresses for hold; 0: not at all.
func NewMemory[K comparable](hold time.Duration) *Memory[K] {
	return &Memory[K]{hold: hold, last: make(map[K]*lastEntries), held: make(map[gslb.Source]time.Time)}
}

// Recall gives an object with the addresses that count now: itself, or a copy. until says
// how long the copy's addresses stay; zero for the object itself.
func (m *Memory[K]) Recall(key K, obj refs.Object, now time.Time) (_ refs.Object, until time.Time) {
	has, can := refs.HasAddresses(obj)
	if !can {
		return obj, until
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known, source := m.last[key], sourceOf(obj)
	delete(m.held, source)
	if has {
		m.last[key] = &lastEntries{of: obj}
		return obj, until
	}
	if known == nil {
		return obj, until
	}
	if known.emptied.IsZero() {
		known.emptied = now
	}
	until = known.emptied.Add(m.hold)
	if !now.Before(until) {
		delete(m.last, key)
		return obj, time.Time{}
	}
	m.held[source] = until
	return refs.WithAddresses(obj, known.of), until
}

// Held says until when an object that was recalled has the addresses of before, because its
// status is empty; the zero Time: it has those of its status.
func (m *Memory[K]) Held(source gslb.Source) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[source]
}

// Forget drops what is known of an object that was deleted.
func (m *Memory[K]) Forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.last[key]; known != nil {
		delete(m.held, sourceOf(known.of))
	}
	delete(m.last, key)
}

// sourceOf names an object as its entries do.
func sourceOf(obj refs.Object) gslb.Source {
	row := refs.RowOf(obj)
	if row == nil {
		return gslb.Source{}
	}
	return gslb.Source{Kind: refs.Word(row.GroupKind), Namespace: obj.GetNamespace(), Name: obj.GetName()}
}
