// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// Convergence measures the time from an event to the table that holds what it
// changed. Many events can go into one table: the one that waited longest counts.
// It belongs to the goroutine that publishes.
type Convergence struct {
	seconds *prometheus.HistogramVec
	waiting gslb.Arrivals // of Worlds whose table could not be built
	ready   bool          // a World that was ready was published before
}

// NewConvergence makes it.
func NewConvergence(r prometheus.Registerer) (*Convergence, error) {
	c := &Convergence{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "meridian_gslb_convergence_seconds",
		Help:    "Time from the arrival of an event (local: of an object or file; peer: a report; probe: a verdict) to the published table that holds it; of those that go into one table, the one that waited longest.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"source"})}
	for i := range c.waiting {
		c.seconds.WithLabelValues(gslb.Input(i).String())
	}
	return c, r.Register(c.seconds)
}

// Published counts what the World is the first to hold, after its table was
// published. What goes into Worlds up to the first that is ready does not count: a
// start is no change.
func (c *Convergence) Published(w *gslb.World) {
	waited := c.waiting
	c.waiting = gslb.Arrivals{}
	if started := c.ready; !started {
		c.ready = w.Ready
		return
	}
	waited.Join(w.Arrivals)
	for i, at := range waited {
		if !at.IsZero() {
			c.seconds.WithLabelValues(gslb.Input(i).String()).Observe(time.Since(at).Seconds())
		}
	}
}

// Failed keeps what the World is the first to hold: it goes on waiting for a
// table.
func (c *Convergence) Failed(w *gslb.World) { c.waiting.Join(w.Arrivals) }
