// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// entryMemory keeps the last addresses of each object whose status has some: Ingresses,
// Gateways, Services. A status that goes empty while the object remains is mostly a
// controller or load balancer that is being replaced: the addresses stay for a while. Safe
// for concurrent use.
//
//	status    | seen before | emptied    | addresses
//	not empty | –           | –          | those of the status
//	empty     | no          | –          | none
//	empty     | yes         | < hold ago | the last ones
//	empty     | yes         | ≥ hold ago | none
type entryMemory struct {
	hold time.Duration

	mu   sync.Mutex
	last map[types.UID]*lastEntries
}

type lastEntries struct {
	of      refs.Object // as it was with addresses
	emptied time.Time   // zero: they are in the status
}

func newEntryMemory(hold time.Duration) *entryMemory {
	return &entryMemory{hold: hold, last: make(map[types.UID]*lastEntries)}
}

// recall gives an object with the addresses that count now: itself, or a copy. until says
// how long the copy's addresses stay; zero for the object itself.
func (m *entryMemory) recall(obj refs.Object, now time.Time) (_ refs.Object, until time.Time) {
	has, can := refs.HasAddresses(obj)
	if !can {
		return obj, until
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.last[obj.GetUID()]
	if has {
		m.last[obj.GetUID()] = &lastEntries{of: obj}
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
		delete(m.last, obj.GetUID())
		return obj, time.Time{}
	}
	return refs.WithAddresses(obj, known.of), until
}

// forget drops what is known of an object that was deleted.
func (m *entryMemory) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, uid)
}
