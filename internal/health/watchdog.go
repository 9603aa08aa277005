// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The patience of a Watchdog. A tick is fair if it came when it was due: then
// this process had the processor when it wanted it, and so had its loops.
const (
	tick     = time.Second
	fairness = 50 * time.Millisecond
	patience = 60 // fair ticks
)

// Loop is something that has to turn. Progress gives a number that rises while it
// does, and whether it rests: waits for work that does not come.
type Loop struct {
	Name     string
	Progress func() (turns uint64, idle bool)
}

// Watchdog finds loops that are stuck. It counts moments at which a loop could
// have run and did not, never time alone, so that a process that is stopped,
// starved or moved is not taken for one that is stuck.
//
//	the process             | the loop            | the tick | counts
//	runs                    | turned since, rests | any      | from 0 again
//	runs                    | did neither         | on time  | one more; at 60 the loop is stuck
//	is stopped (SIGSTOP)    | cannot              | none     | –
//	goes on after a stop    | could not           | late     | not
//	gets too little of a CPU| may have had no turn| late     | not
//	runs                    | ended by itself     | on time  | one more; at 60 the loop is stuck
//	API, peers, edge away   | turns               | any      | from 0 again
//
// A stuck loop that turns again is well again. Check and Run may be called from
// different goroutines.
type Watchdog struct {
	log   *slog.Logger
	loops func() []Loop
	late  prometheus.Counter
	gauge prometheus.Gauge

	seen map[string]progress // Run's alone

	mu    sync.Mutex
	stuck []string
}

type progress struct {
	turns uint64
	still int // fair ticks without a turn
}

// NewWatchdog makes a Watchdog over what loops gives; it is asked at every tick,
// so that loops can come later. Names are distinct.
func NewWatchdog(log *slog.Logger, r prometheus.Registerer, loops func() []Loop) (*Watchdog, error) {
	w := &Watchdog{
		log: log.With("component", "health"), loops: loops, seen: make(map[string]progress),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_health_late_ticks_total", Help: "Seconds at which this process got a processor late: it is starved, or was stopped.",
		}),
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_health_stuck_loops", Help: "Loops that do not turn any more although they could; /healthz fails while there is one.",
		}),
	}
	return w, errors.Join(r.Register(w.late), r.Register(w.gauge))
}

// Check returns an error that names the loops that are stuck.
func (w *Watchdog) Check() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.stuck) == 0 {
		return nil
	}
	return fmt.Errorf("stuck: %s", strings.Join(w.stuck, ", "))
}

// Run looks every second until ctx ends; it then returns nil.
func (w *Watchdog) Run(ctx context.Context) error {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		due := time.Now().Add(tick)
		timer.Reset(tick)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		fair := time.Since(due) <= fairness
		if !fair {
			w.late.Inc()
		}
		w.look(fair)
	}
}

// look takes one tick.
func (w *Watchdog) look(fair bool) {
	next := make(map[string]progress, len(w.seen))
	var stuck []string
	for _, l := range w.loops() {
		turns, idle := l.Progress()
		old, known := w.seen[l.Name]
		p := progress{turns: turns}
		if known && !idle && turns == old.turns {
			p.still = old.still
			if fair {
				p.still++
			}
		}
		next[l.Name] = p
		if p.still >= patience {
			stuck = append(stuck, l.Name)
		}
	}
	w.seen = next
	w.note(stuck)
}

// note keeps what is stuck before it tells of it: telling may be what is stuck.
func (w *Watchdog) note(stuck []string) {
	slices.Sort(stuck)
	w.mu.Lock()
	before := w.stuck
	w.stuck = stuck
	w.mu.Unlock()
	w.gauge.Set(float64(len(stuck)))
	for _, name := range stuck {
		if !slices.Contains(before, name) {
			w.log.Error("a loop is stuck; the process asks to be restarted", "loop", name)
		}
	}
	for _, name := range before {
		if !slices.Contains(stuck, name) {
			w.log.Info("a loop turns again", "loop", name)
		}
	}
}
