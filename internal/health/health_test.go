// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/health"
)

func get(t *testing.T, h http.Handler, target string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	body, err := io.ReadAll(rec.Body)
	require.NoError(t, err)
	return rec.Code, string(body)
}

func TestPagesAreThoseOfKubernetes(t *testing.T) {
	var trouble error
	h := health.Handler("readyz",
		health.Check{Name: "dns", Look: func() error { return nil }},
		health.Check{Name: "peers", Look: func() error { return trouble }})
	for _, c := range []struct {
		why, target string
		trouble     error
		code        int
		body        string
	}{
		{"well, in a word", "/readyz", nil, 200, "ok\n"},
		{"well, in lines", "/readyz?verbose", nil, 200, "[+]dns ok\n[+]peers ok\nreadyz check passed\n"},
		{"not well: always in lines", "/readyz", errors.New("waiting for us"), 503, "[+]dns ok\n[-]peers failed: waiting for us\nreadyz check failed\n"},
		{"verbose makes no difference then", "/readyz?verbose=1", errors.New("waiting for us"), 503, "[+]dns ok\n[-]peers failed: waiting for us\nreadyz check failed\n"},
	} {
		trouble = c.trouble
		code, body := get(t, h, c.target)
		assert.Equal(t, c.code, code, c.why)
		assert.Equal(t, c.body, body, c.why)
	}
}

// TestReadiness follows a start: not ready until the objects were read and every
// known peer was heard or given up, then ready whatever goes away, until the stop.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store atomic.Pointer[gslb.Store]
		world := func() *gslb.World {
			if s := store.Load(); s != nil {
				return s.World()
			}
			return nil
		}
		r := &health.Readiness{World: world, Answers: func() bool { w := world(); return w != nil && w.Ready }}
		page := health.Handler("readyz", r.Checks()...)
		failed := func(want string) {
			t.Helper()
			code, body := get(t, page, "/readyz")
			assert.Equal(t, 503, code)
			assert.Contains(t, body, want)
		}
		failed("[-]identity failed: the identity of the cluster is not known yet")

		s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id", SeeksPeers: true})
		require.NoError(t, err)
		store.Store(s)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = s.Run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		failed("[-]objects failed")
		failed("[-]answers failed: no answers were published yet; questions get SERVFAIL")

		s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		time.Sleep(100 * time.Millisecond)
		failed("[+]objects ok\n[-]peers failed: peers are being looked for")
		s.KnowPeer("us")
		s.PeersSought()
		time.Sleep(100 * time.Millisecond)
		failed("[-]peers failed: waiting for us")
		time.Sleep(4100 * time.Millisecond)
		failed("[-]peers failed: waiting for us")
		time.Sleep(400 * time.Millisecond) // 4.5 s after it became known it is given up
		code, body := get(t, page, "/readyz?verbose")
		assert.Equal(t, 200, code, body)

		s.UpdateLocal(func(l *gslb.LocalState) { l.Blind = time.Now() })
		time.Sleep(time.Hour)
		code, body = get(t, page, "/readyz")
		assert.Equal(t, 200, code, "the API is away: %s", body)

		r.Stop()
		failed("[-]shutdown failed: the process is stopping")
	})
}

// dog runs a watchdog over one loop.
func dog(t *testing.T, progress func() (uint64, bool)) (*health.Watchdog, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	w, err := health.NewWatchdog(slog.New(slog.DiscardHandler), reg, func() []health.Loop {
		return []health.Loop{{Name: "store", Progress: progress}}
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { _ = w.Run(ctx) }()
	return w, reg
}

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns atomic.Uint64
		var idle atomic.Bool
		w, reg := dog(t, func() (uint64, bool) { return turns.Load(), idle.Load() })
		idle.Store(true)
		time.Sleep(time.Hour + 500*time.Millisecond) // between two ticks from here on
		require.NoError(t, w.Check(), "a loop that rests may do so for ever")

		idle.Store(false)
		time.Sleep(59 * time.Second)
		require.NoError(t, w.Check(), "slow is not stuck")
		turns.Add(1)
		time.Sleep(59 * time.Second)
		require.NoError(t, w.Check(), "one turn is enough")
		time.Sleep(10 * time.Second)
		require.EqualError(t, w.Check(), "stuck: store")
		code, body := get(t, health.Handler("healthz", health.Check{Name: "loops", Look: w.Check}), "/healthz")
		assert.Equal(t, 503, code)
		assert.Equal(t, "[-]loops failed: stuck: store\nhealthz check failed\n", body)

		turns.Add(1)
		time.Sleep(2 * time.Second)
		require.NoError(t, w.Check(), "it turns again")
		problems, err := testutil.GatherAndLint(reg)
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}
