// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

// upstream is an API server with Services, of one kind of trouble at a time.
type upstream struct {
	mu      sync.Mutex
	err     error
	empty   bool // watches are empty, as client-go makes them when a connection breaks
	version string
	lists   []string // the resource versions that lists asked for
	watches int
	stopped int
}

var _ toolscache.ListerWatcherWithContext = (*upstream)(nil)

func (u *upstream) ListWithContext(_ context.Context, o metav1.ListOptions) (runtime.Object, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return nil, u.err
	}
	u.lists = append(u.lists, o.ResourceVersion)
	return &corev1.ServiceList{ListMeta: metav1.ListMeta{ResourceVersion: u.version}}, nil
}

func (u *upstream) WatchWithContext(context.Context, metav1.ListOptions) (watch.Interface, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watches++
	switch {
	case u.err != nil:
		return nil, u.err
	case u.empty:
		return watch.NewEmptyWatch(), nil
	}
	return &countedWatch{Interface: watch.NewFake(), up: u}, nil
}

func (u *upstream) set(err error, empty bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err, u.empty = err, empty
}

// listFirst makes informers list and then watch, as the upstream can.
type listFirst struct{ *source }

func (listFirst) IsWatchListSemanticsUnSupported() bool { return true }

type countedWatch struct {
	watch.Interface
	up *upstream
}

func (w *countedWatch) Stop() {
	w.up.mu.Lock()
	w.up.stopped++
	w.up.mu.Unlock()
	w.Interface.Stop()
}

func newSource(t *testing.T) (*source, *upstream, *logbook) {
	t.Helper()
	up, out := &upstream{version: "7"}, &logbook{}
	log := slog.New(slog.NewTextHandler(out, nil))
	r := newReach(log, time.Hour, testMetrics(t), func(time.Time) {})
	return &source{kind: "Service", hint: "install it", next: up, reach: r, log: log}, up, out
}

func TestSourceTriesUntilItWorksAndTellsTwice(t *testing.T) {
	for _, c := range []struct {
		err  error
		told string
		why  string
	}{
		{apierrors.NewNotFound(schema.GroupResource{Resource: "gslbs"}, ""), "install it", "a kind that is not installed"},
		{forbidden, "grant get, list and watch", "rights that are missing"},
		{apierrors.NewUnauthorized("who are you"), "cannot be read", "credentials that ran out"},
		{io.ErrUnexpectedEOF, "", "of an API that is away reach tells"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, up, out := newSource(t)
			up.set(c.err, false)
			done := make(chan error, 1)
			go func() {
				_, err := s.ListWithContext(t.Context(), metav1.ListOptions{})
				done <- err
			}()
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Empty(t, done, c.why)
			up.set(nil, false)
			time.Sleep(6 * time.Second)
			require.NoError(t, <-done, c.why)
			if c.told == "" {
				assert.Empty(t, out.String(), c.why)
				return
			}
			assert.Equal(t, 1, strings.Count(out.String(), c.told), "%s: %s", c.why, out)
			assert.Equal(t, 1, strings.Count(out.String(), "read again"), c.why)
		})
	}
}

// TestAnOptionalKindIsEmptyWhereItDoesNotExist, and nothing waits for it or goes blind.
func TestAnOptionalKindIsEmptyWhereItDoesNotExist(t *testing.T) {
	absent := apierrors.NewNotFound(schema.GroupResource{Resource: "dnsendpoints"}, "")
	for _, c := range []struct {
		why   string
		err   error
		after time.Duration // how long a start waits for it; 0: not at all
		told  string
	}{
		{"not installed", absent, 0, ""},
		{"no rights yet", forbidden, 0, "grant get, list and watch"},
		{"a definition whose conversion fails", apierrors.NewInternalError(io.ErrUnexpectedEOF), time.Minute, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, up, out := newSource(t)
			s.optional = func() runtime.Object { return &corev1.ServiceList{} }
			up.set(c.err, false)
			began, yes := time.Now(), true
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := s.WatchWithContext(ctx, metav1.ListOptions{SendInitialEvents: &yes})
			require.ErrorIs(t, err, errAbsent, "%s: informers ask so first, and list then", c.why)
			assert.LessOrEqual(t, time.Since(began), c.after, c.why)
			began = time.Now()
			list, err := s.ListWithContext(t.Context(), metav1.ListOptions{})
			require.NoError(t, err, c.why)
			assert.Equal(t, &corev1.ServiceList{}, list, c.why)
			assert.LessOrEqual(t, time.Since(began), c.after, c.why)
			assert.Contains(t, out.String(), c.told, c.why)
			if c.told == "" && c.after == 0 {
				assert.Empty(t, out.String(), c.why)
			}
			s.reach.mu.Lock()
			assert.Empty(t, s.reach.failing, "%s: it makes nobody blind", c.why)
			s.reach.mu.Unlock()
		})
	}
	synctest.Test(t, func(t *testing.T) { // it was read, and cannot be any more: what was read stays
		s, up, _ := newSource(t)
		s.optional = func() runtime.Object { return &corev1.ServiceList{} }
		_, err := s.ListWithContext(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		up.set(forbidden, false)
		done := make(chan error, 1)
		go func() {
			_, err := s.ListWithContext(t.Context(), metav1.ListOptions{})
			done <- err
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, done)
		up.set(nil, false)
		time.Sleep(6 * time.Second)
		assert.NoError(t, <-done)

		up.set(absent, false) // its definition was removed
		_, err = s.WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "7"})
		assert.True(t, apierrors.IsResourceExpired(err), "the informer lists anew, and finds nothing")
		yes := true
		_, err = s.WatchWithContext(t.Context(), metav1.ListOptions{SendInitialEvents: &yes})
		assert.ErrorIs(t, err, errAbsent)
	})
}

// TestAnOptionalKindIsReadOnceItIsInstalled runs a real informer.
func TestAnOptionalKindIsReadOnceItIsInstalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, out := newSource(t)
		s.optional = func() runtime.Object { return &corev1.ServiceList{} }
		up.set(apierrors.NewNotFound(schema.GroupResource{Resource: "dnsendpoints"}, ""), false)
		informer := toolscache.NewSharedIndexInformer(listFirst{s}, &corev1.Service{}, 0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { informer.RunWithContext(ctx) })
		time.Sleep(time.Second)
		assert.True(t, informer.HasSynced(), "a start does not wait for it")
		time.Sleep(time.Hour)
		up.set(nil, false)
		up.mu.Lock()
		before := up.watches
		up.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		up.mu.Lock()
		assert.Greater(t, up.watches, before)
		up.mu.Unlock()
		assert.Empty(t, out.String())
		cancel()
		group.Wait()
	})
}

func TestSourceLeavesToTheInformerWhatOnlyItCanChange(t *testing.T) {
	s, up, out := newSource(t)
	for _, err := range []error{
		apierrors.NewResourceExpired("too old"), apierrors.NewBadRequest("what"),
	} {
		up.set(err, false)
		_, got := s.WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "3"})
		assert.Equal(t, err, got)
	}
	assert.Empty(t, out.String())
}

func TestSourceTakesAnEmptyWatchForABrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, _ := newSource(t)
		up.set(nil, true)
		done := make(chan error, 1)
		go func() {
			_, err := s.WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "3"})
			done <- err
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, done)
		up.set(nil, false)
		time.Sleep(6 * time.Second)
		assert.NoError(t, <-done)
	})
}

func TestSourceEndsWithItsContext(t *testing.T) {
	s, up, _ := newSource(t)
	up.set(io.EOF, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.ListWithContext(ctx, metav1.ListOptions{})
	assert.ErrorIs(t, err, context.Canceled)
}

// TestSourceThatExpiresIsListedAnewFromTheStore runs a real informer.
func TestSourceThatExpiresIsListedAnewFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up, _ := newSource(t)
		informer := toolscache.NewSharedIndexInformer(listFirst{s}, &corev1.Service{}, 0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { informer.RunWithContext(ctx) })
		time.Sleep(time.Second)
		require.True(t, informer.HasSynced())
		require.NotEmpty(t, up.lists)
		before := len(up.lists)

		s.expire()
		time.Sleep(time.Minute)
		synctest.Wait()
		up.mu.Lock()
		assert.Contains(t, up.lists[before:], "", "read from the store behind the API, not from its memory")
		assert.NotZero(t, up.stopped)
		watches := up.watches
		up.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		up.mu.Lock()
		assert.Equal(t, watches, up.watches, "and then it goes on as before")
		up.mu.Unlock()
		cancel()
		group.Wait()
	})
}
