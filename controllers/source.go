// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

// source stands between the informer of one kind and the API. It retries what fails
// here, so that reading goes on as soon as the API answers: an informer alone waits up
// to a minute by then. It says once, in words, when a kind cannot be read and when it
// can be again. And it can make the informer list anew.
type source struct {
	kind string
	hint string // what to do where the kind does not exist
	next toolscache.ListerWatcherWithContext
	// optional gives an empty list of a kind that need not exist; nil: it is needed.
	optional func() runtime.Object
	// standIn says, of an optional kind that is needed all the same, that others stand in
	// for it where it does not exist: then it is taken for empty. nil: nobody needs to.
	standIn  func(context.Context) bool
	holding  func() bool            // objects of an optional kind that is gone are kept; nil: never
	absence  func()                 // is called when an optional kind begins to be missing, or to be there; nil: nobody asks
	keeps    func(name string) bool // an object is kept
	served   *served                // of kinds that are read in several versions; nil for others
	labels   func() string          // of what is read of those
	wide     atomic.Bool            // of nodes: all are read
	standing atomic.Bool            // others stand in
	reach    *reach
	log      *slog.Logger

	mu      sync.Mutex
	failed  bool
	listed  bool            // an optional kind was listed once
	absent  bool            // it does not exist
	widened time.Time       // when all were listed, of nodes
	stale   bool            // everything by resource version is refused, so that the informer lists anew
	last    watch.Interface // the newest watch; nil before
}

var _ toolscache.ListerWatcher = (*source)(nil)

// List is [source.ListWithContext] without a context, as the interface wants it.
func (s *source) List(o metav1.ListOptions) (runtime.Object, error) {
	return s.ListWithContext(context.Background(), o)
}

// Watch is [source.WatchWithContext] without a context, as the interface wants it.
func (s *source) Watch(o metav1.ListOptions) (watch.Interface, error) {
	return s.WatchWithContext(context.Background(), o)
}

// ListWithContext lists, and tries until it works or the informer has to change what it
// asks for.
func (s *source) ListWithContext(ctx context.Context, o metav1.ListOptions) (list runtime.Object, err error) {
	tries := 0
	err = s.insist(ctx, o.ResourceVersion != "" && o.ResourceVersion != "0", func() (err error) {
		wide := s.wide.Load()
		list, err = s.next.ListWithContext(ctx, o)
		if err == nil && wide {
			s.mu.Lock()
			s.widened = time.Now()
			s.mu.Unlock()
		}
		if tries++; s.without(ctx, err, tries) {
			s.note(err)
			list = s.optional()
			return errAbsent
		}
		return err
	})
	if errors.Is(err, errAbsent) {
		return list, nil
	}
	return list, err
}

// WatchWithContext watches, and tries until it works or the informer has to change what
// it asks for.
func (s *source) WatchWithContext(ctx context.Context, o metav1.ListOptions) (w watch.Interface, err error) {
	tries, initial := 0, o.SendInitialEvents != nil && *o.SendInitialEvents
	err = s.insist(ctx, o.ResourceVersion != "", func() (err error) {
		w, err = s.next.WatchWithContext(ctx, o)
		if tries++; initial && !apierrors.IsNotFound(err) && s.without(ctx, err, tries) {
			return errAbsent // and it is listed, which tells why
		}
		if s.optional != nil && apierrors.IsNotFound(err) && s.stood(ctx) {
			switch {
			case initial:
				return errAbsent // and it is listed
			case o.ResourceVersion != "":
				return apierrors.NewResourceExpired("the kind " + s.kind + " is gone") // and it is listed, which empties the cache
			}
		}
		if err == nil && broken(w) {
			return io.ErrUnexpectedEOF
		}
		return err
	})
	if err == nil {
		s.mu.Lock()
		s.last = w
		s.mu.Unlock()
	}
	return w, err
}

// broken reports that a watch is how client-go says that the connection broke.
func broken(w watch.Interface) bool {
	return reflect.TypeOf(w) == reflect.TypeOf(watch.NewEmptyWatch())
}

// errAbsent ends the insisting on a kind that does not exist and need not.
var errAbsent = errors.New("the API server does not know the kind")

// without reports that an optional kind is to be taken for empty: it does not exist, and
// nothing of it is kept. One that cannot be read, for other reasons, is so too at a start, which must not wait for
// it; later, what was read before stays.
func (s *source) without(ctx context.Context, err error, tries int) bool {
	if s.optional == nil || err == nil || apierrors.IsNotFound(err) && s.holding != nil && s.holding() {
		return false
	}
	if s.standIn != nil {
		return apierrors.IsNotFound(err) && s.stood(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer apierrors.APIStatus
	return apierrors.IsNotFound(err) || !s.listed && errors.As(err, &answer) && (apierrors.IsForbidden(err) || tries >= optionalTries)
}

// stood reports that a kind that does not exist need not: others stand in for it, if
// anybody has to.
func (s *source) stood(ctx context.Context) bool {
	if s.standIn == nil || s.standing.Load() {
		return true
	}
	s.standing.Store(s.standIn(ctx))
	return s.standing.Load()
}

// optionalTries is how often an optional kind is asked for before a start goes on without.
const optionalTries = 5

// expire makes the informer list anew from the store behind the API, whatever it has.
func (s *source) expire() {
	s.mu.Lock()
	s.stale = true
	w := s.last
	s.mu.Unlock()
	if w != nil {
		w.Stop()
	}
}

// insist calls ask until it works, with a growing pause, waiting at the gate while the
// API does not answer. byVersion says that the question builds on a resource version.
func (s *source) insist(ctx context.Context, byVersion bool, ask func() error) error {
	pause := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 32, Cap: 5 * time.Second}
	for {
		if err := s.reach.wait(ctx); err != nil {
			return err
		}
		if s.refuse(byVersion) {
			return apierrors.NewResourceExpired("the cache of " + s.kind + " is to be read anew")
		}
		err := ask()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if forInformer(err) || errors.Is(err, errAbsent) {
			return err
		}
		s.note(err)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause.Step()):
		}
	}
}

// refuse reports that the question must not be asked because the cache is stale. A
// question that builds on nothing heals it.
func (s *source) refuse(byVersion bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale && byVersion {
		return true
	}
	s.stale = false
	return false
}

// forInformer reports that the informer has to change what it asks for: its resource
// version is too old or too new, or the server does not know the way it asks.
func forInformer(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.IsInvalid(err) ||
		apierrors.IsBadRequest(err) || apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) ||
		errors.Is(err, context.Canceled)
}

// listedWide reports that all nodes are read, and the cache has had the time to take them.
func (s *source) listedWide() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.widened.IsZero() && time.Since(s.widened) > 5*nodesEvery
}

// missing reports that the kind does not exist.
func (s *source) missing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.absent
}

// note tells reach how it went, and the log where a kind alone cannot be read.
//
// An optional kind never makes the cluster blind.
func (s *source) note(err error) {
	if err == nil {
		s.standing.Store(false)
	}
	lacking := s.optional != nil && (s.standIn == nil || s.standing.Load() && apierrors.IsNotFound(err))
	switch {
	case !lacking:
		s.reach.report(s.kind, err)
	case s.standIn != nil:
		s.reach.report(s.kind, nil)
	case err != nil && !apierrors.IsNotFound(err):
		s.reach.metrics.readErrors.WithLabelValues(s.kind).Inc()
	}
	alone := err != nil && !unreachable(err) && (!lacking || !apierrors.IsNotFound(err))
	s.mu.Lock()
	s.listed = s.listed || err == nil
	was := s.failed
	s.failed = alone || was && err != nil
	absent := lacking && apierrors.IsNotFound(err) || s.optional != nil && s.absent && err != nil
	turned := absent != s.absent
	s.absent = absent
	s.mu.Unlock()
	if turned && s.absence != nil {
		s.absence()
	}
	switch {
	case err == nil && was:
		s.log.Info("a kind is read again", "kind", s.kind)
	case !alone || was:
	case apierrors.IsNotFound(err):
		s.log.Error("the API server does not know a kind; reading begins when it is installed", "kind", s.kind, "do", s.hint)
	case apierrors.IsForbidden(err):
		s.log.Error("a kind may not be read; grant get, list and watch to Meridian's ServiceAccount (controllers/rbac/rbac.yaml)", "kind", s.kind, "error", err)
	default:
		s.log.Error("a kind cannot be read; trying again", "kind", s.kind, "error", err)
	}
}
