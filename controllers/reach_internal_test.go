// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "endpointslices"}, "", errors.New("no role"))

// apiServer is what a probe asks: it answers with err.
type apiServer struct {
	mu     sync.Mutex
	err    error
	hangs  bool
	probes []time.Time
}

func (a *apiServer) probe(ctx context.Context) error {
	a.mu.Lock()
	a.probes = append(a.probes, time.Now())
	err, hangs := a.err, a.hangs
	a.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (a *apiServer) set(err error, hangs bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err, a.hangs = err, hangs
}

func (a *apiServer) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.probes)
}

// watched is a reach that runs, and what it told.
type watched struct {
	*reach
	api *apiServer
	log *logbook

	mu    sync.Mutex
	blind time.Time
}

func (w *watched) isBlind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.blind.IsZero()
}

// lines counts the log lines that hold a text.
func (w *watched) lines(text string) int { return strings.Count(w.log.String(), text) }

// logbook is where tests log to.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func testMetrics(t *testing.T) *metrics {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	return m
}

func startReach(t *testing.T) *watched {
	t.Helper()
	w := &watched{api: &apiServer{}, log: &logbook{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.reach = newReach(log, 3*time.Second, testMetrics(t), func(since time.Time) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.blind = since
	})
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	group.Go(func() { w.run(ctx, w.api.probe) })
	t.Cleanup(func() { cancel(); group.Wait() })
	return w
}

func TestReachGoesBlindAfterAWhileAndSeesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.api.set(io.ErrUnexpectedEOF, false)
		start := time.Now()
		w.suspect(io.ErrUnexpectedEOF, start)
		time.Sleep(2900 * time.Millisecond)
		synctest.Wait()
		assert.False(t, w.isBlind(), "not yet")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		assert.True(t, w.isBlind())
		w.mu.Lock()
		assert.Equal(t, start, w.blind, "since the first failure")
		w.mu.Unlock()

		w.api.set(nil, false)
		time.Sleep(7 * time.Second)
		synctest.Wait()
		assert.False(t, w.isBlind())
		assert.Equal(t, 1, w.lines("does not answer"), "told once")
		assert.Equal(t, 1, w.lines("answers again"))
		n := w.api.count()
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, n, w.api.count(), "while the API answers nothing is asked")
	})
}

func TestReachProbesMoreAndMoreRarelyAndEveryFewSecondsAtLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.api.set(io.EOF, false)
		w.suspect(io.EOF, time.Now())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.api.mu.Lock()
		probes := slices.Clone(w.api.probes)
		w.api.mu.Unlock()
		require.Greater(t, len(probes), 90)
		for i := 1; i < len(probes); i++ {
			gap := probes[i].Sub(probes[i-1])
			assert.LessOrEqual(t, gap, 6*time.Second)
			if i > 10 {
				assert.GreaterOrEqual(t, gap, 5*time.Second)
			}
		}
		assert.Equal(t, 1, w.lines("does not answer"))
	})
}

func TestReachThatHangsIsBlindInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.api.set(nil, true)
		w.suspect(context.DeadlineExceeded, time.Now())
		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.True(t, w.isBlind(), "a probe that hangs holds nothing up")
	})
}

func TestReachGateHoldsReadersUntilTheAPIAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		require.NoError(t, w.wait(t.Context()), "open at first")
		w.api.set(io.EOF, false)
		w.suspect(io.EOF, time.Now())
		passed := make(chan error, 1)
		go func() { passed <- w.wait(t.Context()) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, passed)
		w.api.set(nil, false)
		require.NoError(t, <-passed)

		w.api.set(io.EOF, false)
		w.suspect(io.EOF, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, w.wait(ctx), context.Canceled)
	})
}

func TestReachOfOneUnansweredQuestionTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.suspect(errors.New("429"), time.Now())
		synctest.Wait()
		assert.Empty(t, w.log.String())
		require.NoError(t, w.wait(t.Context()))

		asked := time.Now()
		time.Sleep(time.Second)
		w.suspect(errors.New("429"), time.Now()) // closes, and the probe opens
		synctest.Wait()
		n := w.api.count()
		w.suspect(context.DeadlineExceeded, asked)
		synctest.Wait()
		assert.Equal(t, n, w.api.count(), "a question from before the gate was opened says nothing of now")
	})
}

func TestReachWaitsForAServerThatStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.api.set(forbidden, false)
		w.suspect(io.EOF, time.Now())
		time.Sleep(starting - time.Second)
		synctest.Wait()
		assert.True(t, w.closed(), "it may have to read its roles")
		time.Sleep(7 * time.Second)
		synctest.Wait()
		assert.NoError(t, w.wait(t.Context()), "a refusal that lasts is an answer")
	})
}

func TestReachIsBlindWhileAKindCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startReach(t)
		w.report("Gslb", forbidden)
		w.report("Ingress", forbidden)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.True(t, w.isBlind())
		assert.Zero(t, w.api.count(), "the API answers, so nothing is probed")
		w.report("Gslb", nil)
		synctest.Wait()
		assert.True(t, w.isBlind(), "the other still cannot")
		w.report("Ingress", nil)
		synctest.Wait()
		assert.False(t, w.isBlind())
	})
}

func TestUnreachable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
		why  string
	}{
		{nil, false, "an answer"},
		{io.EOF, true, "the connection broke"},
		{context.DeadlineExceeded, true, "no answer in time"},
		{apierrors.NewInternalError(io.EOF), true, "the server is in trouble"},
		{apierrors.NewTooManyRequests("busy", 1), true, "the server is busy"},
		{apierrors.NewServiceUnavailable("starting"), true, "the server starts"},
		{forbidden, false, "a refusal is an answer"},
		{apierrors.NewNotFound(schema.GroupResource{}, "x"), false, "so is this"},
		{apierrors.NewUnauthorized("who"), false, "and this"},
	} {
		assert.Equal(t, c.want, unreachable(c.err), c.why)
	}
}
