// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// probeTimeout bounds one look at an API server that failed to answer.
	probeTimeout = 2 * time.Second
	// starting is how long a server that comes back may refuse everything: it has to read
	// its own roles first.
	starting = 10 * time.Second
)

// reach knows whether the API can be read. Our transport tells it of questions that got no
// answer; then the gate is closed: who wants to ask waits at it, and one light probe asks
// for all of them until the API answers. While it does, nothing is asked.
//
//	gate   | some kind cannot be read | for      | the cluster is
//	open   | no                       | –        | seeing
//	either | yes                      | < after  | seeing
//	closed | –                        | < after  | seeing
//	closed or a kind cannot be read   | ≥ after  | blind since the first failure
type reach struct {
	log     *slog.Logger
	after   time.Duration
	onBlind func(since time.Time) // the zero time: it sees again
	metrics *metrics

	wake chan struct{} // one place

	mu      sync.Mutex
	failing map[string]time.Time // by kind, since when
	gate    chan struct{}        // nil: open; closed when the gate opens
	shut    time.Time            // since when the gate is closed
	why     error                // what closed it
	told    bool                 // that it is closed, and the API really away
	opened  time.Time            // when it was opened last
	blind   time.Time
}

func newReach(log *slog.Logger, after time.Duration, m *metrics, onBlind func(time.Time)) *reach {
	m.reachable.Set(1)
	return &reach{
		log: log, after: after, onBlind: onBlind, metrics: m,
		wake: make(chan struct{}, 1), failing: make(map[string]time.Time),
	}
}

// unreachable reports that err means no proper answer: no connection, a timeout, or a
// server that has trouble itself. A refusal is an answer.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := int(status.Status().Code)
		return code == 0 || troubled(code)
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

// suspect closes the gate after an answer that never came, unless the question was asked
// before the gate was opened last.
func (r *reach) suspect(err error, asked time.Time) {
	r.mu.Lock()
	fresh := r.gate == nil && !asked.Before(r.opened)
	if fresh {
		r.gate, r.shut, r.why = make(chan struct{}), time.Now(), err
		r.metrics.reachable.Set(0)
	}
	r.mu.Unlock()
	if fresh {
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
// Four things can happen in the loop:
//
//  1. somebody reported something that changes the picture
//  2. a probe ended
//  3. it is time to probe again, or to call the cluster blind
//  4. ctx ends
func (r *reach) run(ctx context.Context, probe func(context.Context) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := newProbePause()
	var probeAt time.Time
	var probed chan struct{} // nil: no probe is under way
	defer func() {
		if probed != nil {
			<-probed
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		case <-probed:
			probed, probeAt = nil, time.Now().Add(pause.Step())
		}
		sleep := r.judge(time.Now())
		switch {
		case probed != nil:
		case !r.closed():
			pause, probeAt = newProbePause(), time.Time{}
		case time.Now().Before(probeAt):
			sleep = min(sleep, time.Until(probeAt))
		default:
			probed = make(chan struct{})
			go func(done chan struct{}) {
				defer close(done)
				r.look(ctx, probe)
			}(probed)
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

// look asks the API once, and opens the gate if it answers. That it does not is told once
// it is sure: one question may go unanswered.
func (r *reach) look(ctx context.Context, probe func(context.Context) error) {
	asking, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := probe(asking)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	gate, shut, first, told := r.gate, r.shut, r.why, r.told
	away := unreachable(err) || apierrors.IsForbidden(err) && time.Since(shut) < starting
	if r.told = away; !away {
		r.gate, r.shut, r.opened = nil, time.Time{}, time.Now()
		r.metrics.reachable.Set(1)
	}
	r.mu.Unlock()
	switch {
	case !away:
		if gate != nil {
			close(gate)
		}
		if told {
			r.log.Info("the Kubernetes API answers again", "after", time.Since(shut).Round(time.Millisecond))
		}
	case !told:
		r.log.Warn("the Kubernetes API does not answer; what is known of its objects stays, and reading goes on when it answers", "error", errors.Join(first, err))
	}
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
	if is.Equal(was) {
		return left
	}
	r.metrics.blind.Set(boolean(!is.IsZero()))
	r.metrics.blindSince.Set(0)
	if !is.IsZero() {
		r.metrics.blindSince.Set(float64(is.Unix()))
	}
	if is.IsZero() {
		r.log.Info("this cluster reads its objects again")
	} else {
		r.log.Error("this cluster cannot read its objects; its answers stay as they are", "since", is)
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
