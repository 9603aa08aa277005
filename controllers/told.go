// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// told keeps what the statuses of k8gb have no room for: the whole status that was told
// last, which events are made from, and the fields that a definition turned out to prune.
// Safe for concurrent use.
type told struct {
	mu       sync.Mutex
	statuses map[types.UID]gslbv1beta1.GslbStatus
	zones    map[types.UID][]metav1.Condition
	pruned   map[string][]k8gb.Field // by group

	superseded map[types.UID]struct{} // of these it was told that a twin counts
}

func newTold() *told {
	return &told{
		statuses: make(map[types.UID]gslbv1beta1.GslbStatus), zones: make(map[types.UID][]metav1.Condition),
		pruned: make(map[string][]k8gb.Field), superseded: make(map[types.UID]struct{}),
	}
}

func (t *told) status(uid types.UID) (s gslbv1beta1.GslbStatus, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, known = t.statuses[uid]
	return s, known
}

func (t *told) setStatus(uid types.UID, s gslbv1beta1.GslbStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.statuses[uid] = s
}

func (t *told) zone(uid types.UID) []metav1.Condition {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.zones[uid]
}

func (t *told) setZone(uid types.UID, conditions []metav1.Condition) (before []metav1.Condition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before = t.zones[uid]
	t.zones[uid] = conditions
	return before
}

// supersede notes that a twin counts in the place of an object, or not, and reports
// whether it does and that is news.
func (t *told) supersede(uid types.UID, counts bool) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, told := t.superseded[uid]
	delete(t.superseded, uid)
	if counts {
		t.superseded[uid] = struct{}{}
	}
	return counts && !told
}

func (t *told) forget(uid types.UID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.statuses, uid)
	delete(t.zones, uid)
	delete(t.superseded, uid)
}

func (t *told) prunes(group string) []k8gb.Field {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pruned[group]
}

func (t *told) learn(group string, fields []k8gb.Field) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pruned[group] = fields
}
