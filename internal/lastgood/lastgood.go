// SPDX-License-Identifier: Apache-2.0

// Package lastgood keeps the last good world in the state folder, so that a
// process that starts without the API server answers as before (design.md R5).
// [Load] reads it, [Keeper.Run] writes it when Worlds change, every few seconds at
// most; nothing is written while nothing changes. It does not know what is made of it.
package lastgood

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/state"
)

// DefaultEvery is how often a world that changes all the time is kept.
const DefaultEvery = 5 * time.Second

// firstEvery is that after a start, doubled each time: the first worlds do not know the
// peers yet, and a process that is killed again soon must leave a better one behind.
const firstEvery = 250 * time.Millisecond

// format is that of the content: gzip'd JSON of a gslb.Saved.
const format = 1

// maxSaved bounds what is unpacked, in octets.
const maxSaved = 2 << 30

func file(dir string) state.File {
	return state.File{Dir: dir, Name: "world", Kind: "world", Format: format}
}

// Try reports whether worlds can be kept in a folder; it is made if it is not there.
func Try(dir string) error { return file(dir).Try() }

// Load gives the world that was kept in a folder; [state.ErrNone] if there is none.
// One that is damaged, of another format or of another geo tag is set aside, and the
// error says where and why.
func Load(dir string, self gslb.GeoTag) (*gslb.Saved, error) {
	f := file(dir)
	body, err := f.Read()
	if err != nil {
		return nil, err
	}
	saved, err := decode(body)
	switch {
	case err != nil:
		return nil, f.SetAside(err)
	case saved.Self != self:
		return nil, f.SetAside(fmt.Errorf("it is the world of cluster %q; this is %q", saved.Self, self))
	}
	return saved, nil
}

// SetAside puts a world out of use that was loaded and turned out to be another
// cluster's.
func SetAside(dir string, why error) error { return file(dir).SetAside(why) }

func decode(body []byte) (*gslb.Saved, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	saved := &gslb.Saved{}
	if err := json.NewDecoder(io.LimitReader(z, maxSaved)).Decode(saved); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	for _, o := range saved.Offers {
		if o == nil || o.Host.IsZero() {
			return nil, errors.New("it has an offer without a host")
		}
	}
	for _, h := range saved.Held {
		for _, o := range h.Offers {
			if o == nil || o.Host.IsZero() {
				return nil, fmt.Errorf("what is held of %s has an offer without a host", h.Cluster)
			}
		}
	}
	for _, r := range saved.Reports {
		if r == nil || r.Cluster == "" || r.Zone.IsZero() {
			return nil, errors.New("it has a report without a cluster or a zone")
		}
		for n, o := range r.Offers {
			if o == nil || o.Host != n {
				return nil, fmt.Errorf("the report of %s has an offer without its host", r.Cluster)
			}
		}
	}
	return saved, nil
}

func encode(saved *gslb.Saved) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("packing the world: %w", err)
	}
	if err := errors.Join(json.NewEncoder(z).Encode(saved), z.Close()); err != nil {
		return nil, fmt.Errorf("packing the world: %w", err)
	}
	return b.Bytes(), nil
}

// Config says what a [Keeper] needs; all but Every and Registerer are required.
type Config struct {
	Dir        string
	Worlds     <-chan *gslb.World // tells that something changed
	Save       func() *gslb.Saved // gslb.Store.Save
	Every      time.Duration      // 0: DefaultEvery
	SetAside   int                // saved worlds that this process put out of use at its start
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are not registered
}

// Keeper keeps the world of a Store.
type Keeper struct {
	cfg     Config
	failing bool
	at      prometheus.Gauge
	errs    prometheus.Counter
}

// New makes a Keeper; [Keeper.Run] sets it to work.
func New(c Config) (*Keeper, error) {
	if c.Dir == "" || c.Worlds == nil || c.Save == nil || c.Log == nil {
		return nil, errors.New("keeping the world needs a folder, worlds, a store and a logger")
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	k := &Keeper{
		cfg:  c,
		at:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "meridian_state_saved_timestamp_seconds", Help: "When the last good world was kept in the state folder; 0: not since the start."}),
		errs: prometheus.NewCounter(prometheus.CounterOpts{Name: "meridian_state_errors_total", Help: "Times that the last good world could not be kept."}),
	}
	aside := prometheus.NewCounter(prometheus.CounterOpts{Name: "meridian_state_set_aside_total", Help: "Saved worlds that could not be used at the start and were set aside: damaged, or of another cluster or version."})
	aside.Add(float64(c.SetAside))
	if c.Registerer != nil {
		if err := errors.Join(c.Registerer.Register(k.at), c.Registerer.Register(k.errs), c.Registerer.Register(aside)); err != nil {
			return nil, fmt.Errorf("metrics of the state folder: %w", err)
		}
	}
	return k, nil
}

// Run keeps each World that is ready, at most once in Every, the first ones sooner, and
// once more at the end; it returns nil when ctx ends. What cannot be kept is tried again with the
// next World, or after Every.
func (k *Keeper) Run(ctx context.Context) error {
	pending, next, every := false, time.Time{}, min(firstEvery, k.cfg.Every)
	timer := time.NewTimer(0)
	<-timer.C
	for {
		select {
		case <-ctx.Done():
			if pending {
				k.keep()
			}
			return nil
		case w := <-k.cfg.Worlds:
			if !w.Ready || w.Local.Restored || pending {
				continue
			}
			pending = true
			timer.Reset(max(time.Until(next), 0))
		case <-timer.C:
			pending = !k.keep()
			next = time.Now().Add(every)
			every = min(2*every, k.cfg.Every)
			if pending {
				timer.Reset(k.cfg.Every)
			}
		}
	}
}

func (k *Keeper) keep() bool {
	body, err := encode(k.cfg.Save())
	if err == nil {
		err = file(k.cfg.Dir).Write(body)
	}
	switch {
	case err != nil:
		k.errs.Inc()
		if !k.failing {
			k.cfg.Log.Error("the last good world cannot be kept; a restart without the API would know nothing, or something older", "error", err)
		}
		k.failing = true
		return false
	case k.failing:
		k.cfg.Log.Info("the last good world is kept again")
	}
	k.failing = false
	k.at.SetToCurrentTime()
	return true
}
