// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// releaseTimeout bounds the last request of a leader that stops.
const releaseTimeout = 3 * time.Second

// election has one process of the cluster write at a time. Losing the Lease ends a term
// and nothing else: the process stands for election again.
type election struct {
	cfg  *Config
	log  *slog.Logger
	lock resourcelock.Interface
	lead func(ctx context.Context) // a term; returns when ctx has ended and the last write is done
}

func newElection(cfg *Config, log *slog.Logger, kube kubernetes.Interface, lead func(context.Context)) *election {
	lease := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: cfg.Namespace, Name: cfg.LeaseName},
		Client:     kube.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: cfg.Instance},
	}
	return &election{cfg: cfg, log: log, lead: lead, lock: &toldLock{Interface: lease, log: log}}
}

// run stands for election, term after term, until ctx ends.
func (e *election) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := e.term(ctx); err != nil {
			return err
		}
	}
	return nil
}

// term waits until it is elected, leads until it loses the Lease or ctx ends, and gives
// the Lease back only after the last write, so that the next leader never writes beside
// us.
//
// Three things can end the wait:
//
//  1. we are elected: lead
//  2. ctx ends: withdraw
//  3. the elector gave up: stand again
func (e *election) term(ctx context.Context) error {
	standing, withdraw := context.WithCancel(context.WithoutCancel(ctx))
	defer withdraw()
	elected := make(chan context.Context, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: e.cfg.LeaseName, Lock: e.lock,
		LeaseDuration: e.cfg.Lease.Duration, RenewDeadline: e.cfg.Lease.Renew, RetryPeriod: e.cfg.Lease.Retry,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(term context.Context) { elected <- term },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		elector.Run(klog.NewContext(standing, quiet(e.log)))
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	case term := <-elected:
		writing, stop := context.WithCancel(term)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		e.lead(writing)
	}
	withdraw()
	<-over
	if ctx.Err() != nil {
		e.release()
	}
	return nil
}

// release gives the Lease back if we hold it, so that another process need not wait for
// it to run out.
func (e *election) release() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	held, _, err := e.lock.Get(ctx)
	if err != nil || held.HolderIdentity != e.cfg.Instance {
		return
	}
	now := metav1.Now()
	err = e.lock.Update(ctx, resourcelock.LeaderElectionRecord{
		LeaseDurationSeconds: 1, AcquireTime: now, RenewTime: now, LeaderTransitions: held.LeaderTransitions,
	})
	if err != nil {
		e.log.Debug("the Lease could not be given back; it runs out by itself", "error", err)
	}
}

// toldLock is a lock that tells when the API refuses it for longer than a server needs to
// start, and when that ended. Of an API that does not answer reach tells.
type toldLock struct {
	resourcelock.Interface
	log *slog.Logger

	mu      sync.Mutex
	refused time.Time // since when; zero: it is not
	told    bool
}

// Get reads the Lease.
func (l *toldLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if !apierrors.IsNotFound(err) {
		l.note(err)
	}
	return record, raw, err
}

// Create makes the Lease.
func (l *toldLock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, r)
	l.note(err)
	return err
}

// Update changes the Lease.
func (l *toldLock) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Update(ctx, r)
	l.note(err)
	return err
}

func (l *toldLock) note(err error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return // another was faster
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && l.told:
		l.told, l.refused = false, time.Time{}
		l.log.Info("the Lease can be had again", "lease", l.Describe())
	case err == nil:
		l.refused = time.Time{}
	case unreachable(err):
	case l.refused.IsZero():
		l.refused = time.Now()
	case !l.told && time.Since(l.refused) >= starting:
		l.told = true
		l.log.Error("the Lease cannot be had, so this process writes no status; it serves all the same", "lease", l.Describe(), "error", err)
	}
}

// quiet gives libraries a logger that is heard at level debug only: what matters of the
// election is logged here.
func quiet(log *slog.Logger) logr.Logger { return logr.FromSlogHandler(debugOnly{log.Handler()}) }

// silent gives libraries a logger that is never heard.
func silent() logr.Logger { return logr.FromSlogHandler(slog.DiscardHandler) }

// debugOnly passes every record on at level debug.
type debugOnly struct{ slog.Handler }

// Enabled reports that level debug is on.
func (d debugOnly) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle passes a record on, if level debug is on: klog hands over errors without
// asking.
func (d debugOnly) Handle(ctx context.Context, r slog.Record) error {
	if !d.Enabled(ctx, r.Level) {
		return nil
	}
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

// WithAttrs keeps the level.
func (d debugOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return debugOnly{d.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the level.
func (d debugOnly) WithGroup(name string) slog.Handler { return debugOnly{d.Handler.WithGroup(name)} }
