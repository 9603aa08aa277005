// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
)

// entryMemory keeps the last addresses of each Ingress. A status that goes empty while
// the object remains is mostly a controller or load balancer that is being replaced: the
// addresses stay for a while. Safe for concurrent use.
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
	entries []networkingv1.IngressLoadBalancerIngress
	emptied time.Time // zero: they are in the status
}

func newEntryMemory(hold time.Duration) *entryMemory {
	return &entryMemory{hold: hold, last: make(map[types.UID]*lastEntries)}
}

// recall gives the Ingress with the addresses that count now: itself, or a copy. until
// says how long the copy's addresses stay; zero for the Ingress itself.
func (m *entryMemory) recall(ing *networkingv1.Ingress, now time.Time) (_ *networkingv1.Ingress, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.last[ing.UID]
	if len(ing.Status.LoadBalancer.Ingress) > 0 {
		m.last[ing.UID] = &lastEntries{entries: ing.Status.LoadBalancer.Ingress}
		return ing, until
	}
	if known == nil {
		return ing, until
	}
	if known.emptied.IsZero() {
		known.emptied = now
	}
	until = known.emptied.Add(m.hold)
	if !now.Before(until) {
		delete(m.last, ing.UID)
		return ing, time.Time{}
	}
	kept := ing.DeepCopy()
	kept.Status.LoadBalancer.Ingress = known.entries
	return kept, until
}

// forget drops what is known of an Ingress that was deleted.
func (m *entryMemory) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, uid)
}
