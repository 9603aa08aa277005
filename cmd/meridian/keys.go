// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// keysEvery is how often the files of keys are looked at. They are read when they are
// used; this is to tell who rotates one that it was not taken.
const keysEvery = 10 * time.Second

// keyWatch tells which files of TSIG keys cannot be read: the last good secret goes on, but
// a restart would not get by with it.
type keyWatch struct {
	keys    []*tsigkey.Key
	bad     map[*tsigkey.Key]bool
	log     *slog.Logger
	trouble prometheus.Gauge
}

func newKeyWatch(s *config.Settings, log *slog.Logger, r prometheus.Registerer) (*keyWatch, error) {
	w := &keyWatch{
		bad: make(map[*tsigkey.Key]bool), log: log.With("component", "tsigkey"),
		trouble: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_tsigkey_unreadable_files",
			Help: "Files of TSIG keys that cannot be read or hold no secret; the last good one is in use.",
		}),
	}
	for _, k := range s.PeerKeys {
		w.keys = append(w.keys, k.Key)
	}
	for _, k := range s.UpdateKeys {
		w.keys = append(w.keys, k.Key)
	}
	w.keys = append(w.keys, s.Transfers.Keys...)
	if s.EdgeKey != nil {
		w.keys = append(w.keys, s.EdgeKey)
	}
	return w, r.Register(w.trouble)
}

// run looks until ctx ends.
func (w *keyWatch) run(ctx context.Context) error {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (w *keyWatch) look() {
	for _, k := range w.keys {
		err := k.Trouble()
		switch {
		case err != nil && !w.bad[k]:
			w.bad[k] = true
			w.log.Error("the file of a TSIG key cannot be used; its last good secret goes on", "key", k.Name, "file", k.File(), "error", err)
		case err == nil && w.bad[k]:
			delete(w.bad, k)
			w.log.Info("the file of a TSIG key is used again", "key", k.Name, "file", k.File())
		}
	}
	w.trouble.Set(float64(len(w.bad)))
}

// watchKeys tells which files of keys cannot be used.
func (p *process) watchKeys() error {
	keys, err := newKeyWatch(p.settings, p.log, p.registry)
	if err != nil {
		return err
	}
	p.run("keys", keys.run)
	return nil
}
