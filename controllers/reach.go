// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// probeTimeout bounds one look at an API server that failed to answer.
const probeTimeout = 2 * time.Second

// reach knows whether the API can be read. Whoever asks the API reports how it went.
// After an answer that never came the gate is closed: readers wait at it, and one light
// probe asks for all of them until the API answers. While it does, nothing is asked.
//
//	gate   | some kind cannot be read | for      | the cluster is
//	open   | no                       | –        | seeing
//	either | yes                      | < after  | seeing
//	closed | –                        | < after  | seeing
//	closed or a kind cannot be read   | ≥ after  | blind since the first failure
type reach struct {
	log     *slog.Logger
	after   time.Duration
	probe   func(context.Context) error
	onBlind func(since time.Time) // the zero time: it sees again
	metrics *metrics

	wake chan struct{} // one place

	mu      sync.Mutex
	failing map[string]time.Time // by kind, since when
	gate    chan struct{}        // nil: open; closed when the gate opens
	shut    time.Time            // since when the gate is closed
	blind   time.Time
}

func newReach(log *slog.Logger, after time.Duration, m *metrics, probe func(context.Context) error, onBlind func(time.Time)) *reach {
	return &reach{
		log: log, after: after, probe: probe, onBlind: onBlind, metrics: m,
		wake: make(chan struct{}, 1), failing: make(map[string]time.Time),
	}
}

// unreachable reports that err means no proper answer: no connection, a timeout, or a
// server that has trouble itself. A refusal is an answer.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == 0 || code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	}
	return err != nil
}

// wait blocks while the gate is closed. The error is that of ctx.
func (r *reach) wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		gate := r.gate
		r.mu.Unlock()
		if gate == nil {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gate:
		}
	}
}

// suspect closes the gate after an answer that never came; other errors mean nothing.
func (r *reach) suspect(err error) {
	if !unreachable(err) || errors.Is(err, context.Canceled) {
		return
	}
	r.mu.Lock()
	fresh := r.gate == nil
	if fresh {
		r.gate, r.shut = make(chan struct{}), time.Now()
	}
	r.mu.Unlock()
	if fresh {
		r.log.Warn("the Kubernetes API does not answer; what is known of its objects stays, and reading goes on when it answers", "error", err)
		r.poke()
	}
}

// report notes how a kind's list or watch went; err nil: it is being read.
func (r *reach) report(kind string, err error) {
	r.mu.Lock()
	_, was := r.failing[kind]
	if err == nil {
		delete(r.failing, kind)
	} else if !was {
		r.failing[kind] = time.Now()
	}
	r.mu.Unlock()
	if err != nil {
		r.metrics.readErrors.WithLabelValues(kind).Inc()
		r.suspect(err)
	}
	if was != (err != nil) {
		r.poke()
	}
}

func (r *reach) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run probes while the gate is closed, and tells when the cluster goes blind or sees
// again, until ctx ends.
//
// Three things can happen in the loop:
//
//  1. somebody reported something that changes the picture
//  2. it is time to probe again, or to call the cluster blind
//  3. ctx ends
func (r *reach) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := newProbePause()
	var probeAt time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		sleep := r.judge(time.Now())
		switch {
		case !r.closed():
			pause, probeAt = newProbePause(), time.Time{}
		case time.Now().Before(probeAt):
			sleep = min(sleep, time.Until(probeAt))
		case r.look(ctx):
			sleep = r.judge(time.Now())
		default:
			d := pause.Step()
			probeAt = time.Now().Add(d)
			sleep = min(r.judge(time.Now()), d)
		}
		timer.Reset(sleep)
	}
}

func newProbePause() wait.Backoff {
	return wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 32, Cap: 5 * time.Second}
}

func (r *reach) closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gate != nil
}

// look asks the API once, and opens the gate if it answers.
func (r *reach) look(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := r.probe(ctx); unreachable(err) {
		return false
	}
	r.mu.Lock()
	gate, shut := r.gate, r.shut
	r.gate, r.shut = nil, time.Time{}
	r.mu.Unlock()
	if gate != nil {
		close(gate)
		r.log.Info("the Kubernetes API answers again", "after", time.Since(shut).Round(time.Millisecond))
	}
	return true
}

// judge says whether the cluster is blind, tells so when that changed, and gives how
// long to sleep until time alone may change it.
func (r *reach) judge(now time.Time) time.Duration {
	r.mu.Lock()
	since := r.shut
	for _, at := range r.failing {
		if since.IsZero() || at.Before(since) {
			since = at
		}
	}
	was, left := r.blind, r.after-now.Sub(since)
	switch {
	case since.IsZero():
		r.blind, left = time.Time{}, time.Hour
	case left > 0:
	default:
		left = time.Hour
		if r.blind.IsZero() {
			r.blind = since
		}
	}
	is := r.blind
	r.mu.Unlock()
	if is == was {
		return left
	}
	r.metrics.blind.Set(boolean(!is.IsZero()))
	if is.IsZero() {
		r.log.Info("this cluster reads its objects again")
	} else {
		r.log.Error("this cluster cannot read its objects; it keeps answering by what it knew", "since", is)
	}
	r.onBlind(is)
	return left
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
