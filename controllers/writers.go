// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
)

// what is written: the closed list, which is also the label of the metric.
type what string

const (
	writeStatus    what = "gslb_status"
	writeIngress   what = "ingress"
	writeAnnotated what = "annotated_gslb"
	writeZone      what = "zonedelegation"
	writeEndpoint  what = "dnsendpoint" // events alone
)

// task is one object that may have to be written. A task reads what is true when it is
// done, so that any number of reasons make one write.
type task struct {
	what what
	key  types.NamespacedName
}

const (
	writeWorkers = 4
	// pace is the least time between two writes of one object, so that what flaps is
	// written twice a second and no more.
	pace = 500 * time.Millisecond
	// settle gives the World time to take in what was translated before a status is made
	// of both.
	settle = 100 * time.Millisecond
)

// writers does the tasks while this process leads. Between terms tasks are dropped: a
// term begins with all of them.
type writers struct {
	log     *slog.Logger
	metrics *metrics
	reach   *reach
	do      map[what]writeFunc
	all     func(context.Context) []task

	queue atomic.Pointer[workqueue.TypedRateLimitingInterface[task]] // nil: we do not lead

	mu     sync.Mutex
	wrote  map[task]time.Time
	failed map[task]bool
}

// writeFunc brings one object up to date, and reports whether it had to write.
type writeFunc func(context.Context, types.NamespacedName) (wrote bool, err error)

func newWriters(log *slog.Logger, m *metrics, r *reach, all func(context.Context) []task, do map[what]writeFunc) *writers {
	return &writers{log: log, metrics: m, reach: r, all: all, do: do, wrote: make(map[task]time.Time), failed: make(map[task]bool)}
}

// leading reports that a term is under way.
func (w *writers) leading() bool { return w.queue.Load() != nil }

// add has a task done soon, if we lead.
func (w *writers) add(t task) {
	if q := w.queue.Load(); q != nil {
		if t.what == writeStatus {
			(*q).AddAfter(t, settle)
			return
		}
		(*q).Add(t)
	}
}

// addNow is add for a status whose World is known to be up to date.
func (w *writers) addNow(t task) {
	if q := w.queue.Load(); q != nil {
		(*q).Add(t)
	}
}

// lead does all tasks once, and then those that are added, until ctx ends: the term. It
// returns when the last one is done.
func (w *writers) lead(ctx context.Context) {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[task](100*time.Millisecond, time.Minute)
	q := workqueue.NewTypedRateLimitingQueue[task](limiter)
	w.queue.Store(&q)
	w.metrics.leader.Set(1)
	w.log.Info("this process writes now: it holds the Lease")
	for _, t := range w.all(ctx) {
		q.Add(t)
	}
	var group sync.WaitGroup
	for range writeWorkers {
		group.Go(func() {
			for w.next(ctx, q) {
			}
		})
	}
	<-ctx.Done()
	w.queue.Store(nil)
	q.ShutDown()
	group.Wait()
	w.metrics.leader.Set(0)
	w.log.Info("this process writes no more")
}

func (w *writers) next(ctx context.Context, q workqueue.TypedRateLimitingInterface[task]) bool {
	t, shutdown := q.Get()
	if shutdown {
		return false
	}
	defer q.Done(t)
	if w.reach.wait(ctx) != nil {
		return true
	}
	w.mu.Lock()
	early := pace - time.Since(w.wrote[t])
	w.mu.Unlock()
	if early > 0 {
		q.AddAfter(t, early)
		return true
	}
	wrote, err := w.do[t.what](ctx, t.key)
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || namespaceGone(err) {
		err = nil // the object goes with its namespace
	}
	w.note(ctx, t, wrote, err)
	if err != nil {
		q.AddRateLimited(t)
	} else {
		q.Forget(t)
	}
	return true
}

// namespaceGone reports that an object could not be made because its namespace is no more.
func namespaceGone(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsNotFound(err) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "namespaces"
}

// note keeps when an object was written, and tells of trouble at its start and end. That
// somebody else was faster is no trouble: the cache hears of it. Of an API that does not
// answer reach tells.
func (w *writers) note(ctx context.Context, t task, wrote bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for old, at := range w.wrote {
		if time.Since(at) > time.Minute {
			delete(w.wrote, old)
		}
	}
	if wrote || err != nil {
		w.wrote[t] = time.Now()
	}
	switch {
	case err == nil && wrote:
		w.metrics.writes.WithLabelValues(string(t.what), "ok").Inc()
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		w.metrics.writes.WithLabelValues(string(t.what), "conflict").Inc()
		return
	case err != nil && ctx.Err() != nil:
		return
	case err != nil:
		w.metrics.writes.WithLabelValues(string(t.what), "error").Inc()
		if unreachable(err) {
			return
		}
	}
	switch told := w.failed[t]; {
	case err != nil && !told:
		w.failed[t] = true
		w.log.Warn("an object cannot be written; trying again", "what", string(t.what), "object", t.key.String(), "error", err)
	case err == nil && told:
		delete(w.failed, t)
		w.log.Info("an object is written again", "what", string(t.what), "object", t.key.String())
	}
}
