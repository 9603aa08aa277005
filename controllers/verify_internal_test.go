// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// versions is one side of the comparison.
type versions struct {
	mu  sync.Mutex
	all map[string]string
	err error
}

func (v *versions) of(_ context.Context, k kind) (map[string]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := k.object().(*discoveryv1.EndpointSlice); !ok {
		return nil, nil
	}
	return maps.Clone(v.all), v.err
}

func (v *versions) set(key, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all[key] = version
}

func TestVerifierFindsWhatAWatchMissed(t *testing.T) {
	for _, c := range []struct {
		stored, cached map[string]string
		drift          float64
		why            string
	}{
		{map[string]string{"a/x": "1"}, map[string]string{"a/x": "1"}, 0, "the same"},
		{map[string]string{"a/x": "2"}, map[string]string{"a/x": "1"}, 1, "a change was missed"},
		{map[string]string{"a/x": "1", "a/y": "1"}, map[string]string{}, 2, "two new ones were missed"},
		{map[string]string{}, map[string]string{"a/x": "1"}, 1, "a deletion was missed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			stored, cached := &versions{all: c.stored}, &versions{all: c.cached}
			m := testMetrics(t)
			s, _, _ := newSource(t)
			v := newVerifier(slog.New(slog.DiscardHandler), m, 10*time.Minute, kinds(false), stored.of, cached.of, map[string]*source{"EndpointSlice": s})
			ctx, cancel := context.WithTimeout(t.Context(), 13*time.Minute)
			defer cancel()
			assert.NoError(t, v.run(ctx))
			assert.Equal(t, c.drift, testutil.ToFloat64(m.drift.WithLabelValues("EndpointSlice")), c.why)
			assert.Equal(t, c.drift > 0, s.stale, "the kind is read anew")
		})
	}
}

func TestVerifierGivesEventsTimeToArrive(t *testing.T) {
	for why, change := range map[string]func(stored, cached *versions){
		"the event was on its way":         func(_, cached *versions) { cached.set("a/x", "2") },
		"it changed again in the meantime": func(stored, _ *versions) { stored.set("a/x", "3") },
		"the API failed": func(stored, _ *versions) {
			stored.mu.Lock()
			defer stored.mu.Unlock()
			stored.err = errors.New("away")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			stored, cached := &versions{all: map[string]string{"a/x": "2"}}, &versions{all: map[string]string{"a/x": "1"}}
			m := testMetrics(t)
			v := newVerifier(slog.New(slog.DiscardHandler), m, time.Minute, kinds(false), stored.of, cached.of, nil)
			go func() {
				time.Sleep(driftPause / 2)
				change(stored, cached)
			}()
			for _, k := range kinds(false) {
				v.verify(t.Context(), k)
			}
			assert.Zero(t, testutil.ToFloat64(m.drift.WithLabelValues("EndpointSlice")), why)
		})
	}
}
