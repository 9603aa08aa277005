// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

// DefaultLimit is how many probes may be on their way at once, at most half of
// them to one address. A probe on its way costs a goroutine and a socket.
const DefaultLimit = 1024

// lateAfter is when a probe counts as late.
const lateAfter = time.Second

// Store takes verdicts; [gslb.Store] is one.
type Store interface {
	SetVerdict(gslb.Verdict)
	DropVerdict(host gslb.Name, addr netip.Addr)
}

// Config says what a Monitor needs. Store, Worlds, Log and Registerer are
// required; zero values of the rest mean the defaults.
type Config struct {
	Store      Store
	Worlds     <-chan *gslb.World // of a Mailbox of the same Store
	Log        *slog.Logger
	Registerer prometheus.Registerer

	// Dial opens a connection and gives up when its context ends; nil: a plain
	// net.Dialer.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Roots  *x509.CertPool // authorities of HTTPS probes; nil: those of the system
	Limit  int            // probes on their way at once; 0: DefaultLimit
	Random func() float64 // uniform in [0,1), called by one goroutine; nil: math/rand
}

// Monitor probes the entries of this cluster. Make one with [New].
type Monitor struct {
	store    Store
	worlds   <-chan *gslb.World
	log      *slog.Logger
	metrics  *metrics
	asker    ask.Asker
	schedule *schedule
	answers  chan answered // a place for every probe that may be on its way
	blind    bool          // it was said that no probe gets an answer
}

type answered struct {
	check  *check
	answer ask.Answer
	took   time.Duration
}

// New makes a Monitor; [Monitor.Run] sets it to work.
func New(c Config) (*Monitor, error) {
	if c.Store == nil || c.Worlds == nil || c.Log == nil || c.Registerer == nil {
		return nil, errors.New("a health check monitor needs a store, its worlds, a logger and a registerer")
	}
	if c.Limit < 0 {
		return nil, fmt.Errorf("limit of %d probes at once: give 1 or more, or 0 for %d", c.Limit, DefaultLimit)
	}
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	if c.Dial == nil {
		c.Dial = ask.DefaultDial()
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	metrics, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, fmt.Errorf("metrics of health checks: %w", err)
	}
	return &Monitor{
		store: c.Store, worlds: c.Worlds, log: c.Log.With("component", "healthcheck"), metrics: metrics,
		asker:    ask.Asker{Dial: c.Dial, Roots: c.Roots},
		schedule: newSchedule(c.Limit, c.Random), answers: make(chan answered, c.Limit),
	}, nil
}

// Run probes until ctx ends and the last probe has returned; it then returns
// nil. Verdicts stay in the Store. It may be called once.
//
// Four things can happen in the loop:
//
//  1. a new World came: take over what it wants probed
//  2. a probe returned: count it, tell the verdict
//  3. a check is due: begin it, if there is room
//  4. ctx ends
func (m *Monitor) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			for m.schedule.queue.Begun() > 0 {
				a := <-m.answers
				m.schedule.queue.Done(&a.check.item)
			}
			return nil
		case w := <-m.worlds:
			m.schedule.follow(w, time.Now(), m)
		case a := <-m.answers:
			m.metrics.probed(a.check, a.answer, a.took.Seconds())
			m.schedule.done(a.check, a.answer, time.Now(), m)
		case <-timer.C:
		}
		m.begin(ctx)
		timer.Stop()
		if next, ok := m.schedule.queue.Next(); ok {
			timer.Reset(max(time.Until(next), 0))
		}
		m.report()
	}
}

// report keeps the gauges, and says once when the prober seems to be cut off and
// once when it no longer does.
func (m *Monitor) report() {
	m.metrics.flying.Set(float64(m.schedule.queue.Begun()))
	held := m.schedule.held
	m.metrics.held.Set(float64(held))
	switch {
	case held > 0 && !m.blind:
		m.log.Error("probes of all hosts get no answer, so the fault is probably on this side: silent entries count as unknown, not as unhealthy")
	case held == 0 && m.blind:
		m.log.Info("probes get answers again")
	}
	m.blind = held > 0
}

// begin sends every probe that is due and has room.
func (m *Monitor) begin(ctx context.Context) {
	now := time.Now()
	for c := m.schedule.begin(now); c != nil; c = m.schedule.begin(now) {
		if now.Sub(c.item.At()) > lateAfter {
			m.metrics.late.Inc()
		}
		go m.probe(ctx, c, c.question(), c.spec.Timeout)
	}
}

// probe runs in a goroutine of its own: it gets copies and does not look at c.
func (m *Monitor) probe(ctx context.Context, c *check, q ask.Question, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	a := m.asker.Ask(ctx, q)
	m.answers <- answered{c, a, time.Since(start)}
}

// joined, dropped, skip and verdict are the events of the schedule.

func (m *Monitor) joined(c *check) { m.metrics.verdicts.WithLabelValues(c.tally.health.String()).Inc() }

func (m *Monitor) dropped(c *check) {
	m.metrics.verdicts.WithLabelValues(c.tally.health.String()).Dec()
	if c.told {
		m.store.DropVerdict(c.host, c.addr)
	}
}

func (m *Monitor) skip(host gslb.Name, was, why string) {
	switch {
	case why == "":
		m.metrics.skipped.Dec()
		m.log.Info("health check is probed as written again", "host", host.String())
		return
	case was == "":
		m.metrics.skipped.Inc()
	}
	m.log.Warn("health check cannot be probed as written", "host", host.String(), "reason", why)
}

func (m *Monitor) verdict(c *check, was gslb.Health) {
	m.store.SetVerdict(gslb.Verdict{Host: c.host, Addr: c.addr, Health: c.tally.health, Detail: c.detail})
	if was != c.tally.health {
		m.metrics.verdicts.WithLabelValues(was.String()).Dec()
		m.metrics.verdicts.WithLabelValues(c.tally.health.String()).Inc()
		m.log.Info("verdict changed", "host", c.host.String(), "entry", c.addr.String(),
			"before", was.String(), "after", c.tally.health.String(), "reason", c.detail)
	}
}
