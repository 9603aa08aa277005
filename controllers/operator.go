// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/gslb"
)

// operator knows whether k8gb's operator runs in this cluster. While it does, nothing of
// what it writes is written by us: its objects, its Ingresses, the Gslbs of its
// annotations, and the edge. Safe for concurrent use.
//
// It runs in a Deployment of a fixed name, k8gb, in any namespace. One without replicas,
// asked for or there, does not run.
type operator struct {
	log     *slog.Logger
	metrics *metrics
	ended   func() // is called when it stopped; set before the first event
	store   Store

	mu   sync.Mutex
	runs map[types.NamespacedName]struct{}
}

func newOperator(log *slog.Logger, m *metrics, store Store) *operator {
	return &operator{log: log, metrics: m, store: store, ended: func() {}, runs: make(map[types.NamespacedName]struct{})}
}

// on takes an event of a Deployment.
func (o *operator) on(e event) {
	d, _ := e.is.(*appsv1.Deployment)
	key := client.ObjectKeyFromObject(e.object())
	o.mu.Lock()
	before := len(o.runs)
	delete(o.runs, key)
	if d != nil && (d.Spec.Replicas == nil || *d.Spec.Replicas > 0 || d.Status.Replicas > 0) {
		o.runs[key] = struct{}{}
	}
	after := len(o.runs)
	o.mu.Unlock()
	switch {
	case before == 0 && after > 0:
		o.metrics.incumbent.Set(1)
		o.store.UpdateLocal(func(l *gslb.LocalState) { l.Incumbent = true })
		o.log.Warn("k8gb's operator runs in this cluster: its objects are read and answered, and nothing that it writes is written; stop it to go on (kubectl scale --replicas 0)", "object", key.String())
	case before > 0 && after == 0:
		o.metrics.incumbent.Set(0)
		o.store.UpdateLocal(func(l *gslb.LocalState) { l.Incumbent = false })
		o.log.Info("k8gb's operator does not run any more: its objects are written from now on", "object", key.String())
		o.ended()
	}
}

// running names the Deployments in which it runs; "" if it does not.
func (o *operator) running() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var names []string
	for key := range o.runs {
		names = append(names, key.String())
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
