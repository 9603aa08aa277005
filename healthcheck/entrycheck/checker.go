// SPDX-License-Identifier: Apache-2.0

package entrycheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

// Bounds of what is asked. In the 1.5 s between doubt and decision, 2,000
// questions a second reach some 3,000 hosts; more hosts than that are decided
// without an answer, and come back as their turn comes.
const (
	DefaultRate  = 2000 // questions a second
	DefaultLimit = 1024 // on their way at once, at most half of them to one address
)

// DefaultInterval is the time between two questions to an entry that answers.
const DefaultInterval = 2 * time.Second

// Store takes sightings; [gslb.Store] is one.
type Store interface {
	Sight(gslb.Sighting)
}

// Config says what a Checker needs. Store, Worlds, Log and Registerer are
// required; zero values of the rest mean the defaults.
type Config struct {
	Store      Store
	Worlds     <-chan *gslb.World // of a Mailbox of the same Store
	Log        *slog.Logger
	Registerer prometheus.Registerer

	// AllowLoopback: entries on loopback addresses are asked too (demo and tests).
	AllowLoopback bool
	// Dial opens a connection and gives up when its context ends; nil: a plain
	// net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Interval is how often an entry is asked that answers; what answered counts for three
	// times as long. 0: DefaultInterval.
	Interval time.Duration
	// Doubt is how long a cluster is doubtful before it is decided on (gslb.Timing); 0: as
	// gslb.DefaultTiming has it.
	Doubt  time.Duration
	Rate   int            // questions a second; 0: DefaultRate
	Limit  int            // questions on their way at once; 0: DefaultLimit
	Random func() float64 // uniform in [0,1), called by one goroutine; nil: math/rand
}

// Checker asks the entries of silent clusters. Make one with [New].
type Checker struct {
	store    Store
	worlds   <-chan *gslb.World
	log      *slog.Logger
	metrics  *metrics
	asker    ask.Asker
	book     *book
	answers  chan answered // a place for every question that may be on its way
	troubled []gslb.GeoTag // clusters whose entries are being asked
}

type answered struct {
	target *target
	answer ask.Answer
}

// New makes a Checker; [Checker.Run] sets it to work.
func New(c Config) (*Checker, error) {
	if c.Store == nil || c.Worlds == nil || c.Log == nil || c.Registerer == nil {
		return nil, errors.New("an entry checker needs a store, its worlds, a logger and a registerer")
	}
	if c.Rate < 0 || c.Limit < 0 {
		return nil, fmt.Errorf("rate %d and limit %d: give 1 or more, or 0 for the defaults (%d, %d)", c.Rate, c.Limit, DefaultRate, DefaultLimit)
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.Doubt <= 0 {
		t := gslb.DefaultTiming()
		c.Doubt = t.Decide - t.Lease
	}
	if c.Dial == nil {
		c.Dial = ask.DefaultDial()
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	metrics, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, fmt.Errorf("metrics of entry checks: %w", err)
	}
	return &Checker{
		store: c.Store, worlds: c.Worlds, log: c.Log.With("component", "entrycheck"), metrics: metrics,
		asker: ask.Asker{Dial: c.Dial}, book: newBook(&c),
		answers: make(chan answered, c.Limit),
	}, nil
}

// Run asks until ctx ends and the last question has returned; it then returns
// nil. It may be called once. While every cluster is heard it does nothing.
//
// Four things can happen in the loop:
//
//  1. a new World came: take over whose entries are to be asked
//  2. a question returned: tell the Store if it vouches
//  3. an entry is due: ask it, if rate and room allow
//  4. ctx ends
func (c *Checker) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			for c.book.queue.Begun() > 0 {
				a := <-c.answers
				c.book.queue.Done(&a.target.item)
			}
			return nil
		case w := <-c.worlds:
			c.book.follow(w, time.Now())
			c.tell(w)
		case a := <-c.answers:
			c.take(a)
		case <-timer.C:
		}
		now := time.Now()
		for t := c.book.begin(now); t != nil; t = c.book.begin(now) {
			go c.ask(ctx, t, t.question)
		}
		timer.Stop()
		if next, ok := c.book.next(); ok {
			timer.Reset(max(time.Until(next), 0))
		}
		c.metrics.entries.Set(float64(len(c.book.targets)))
	}
}

// ask runs in a goroutine of its own: it gets a copy and does not look at t.
func (c *Checker) ask(ctx context.Context, t *target, q ask.Question) {
	ctx, cancel := context.WithTimeout(ctx, c.book.timeout)
	defer cancel()
	c.answers <- answered{t, c.asker.Ask(ctx, q)}
}

func (c *Checker) take(a answered) {
	c.metrics.asked(a.target.question, a.answer)
	for _, s := range c.book.done(a.target, a.answer, time.Now()) {
		c.store.Sight(s)
	}
}

// tell logs when the entries of a cluster begin to be asked and when that ends.
func (c *Checker) tell(w *gslb.World) {
	var troubled []gslb.GeoTag
	for i := range w.Clusters {
		if inTrouble(w.Clusters[i].Liveness) {
			troubled = append(troubled, w.Clusters[i].Tag)
		}
	}
	for _, tag := range without(troubled, c.troubled) {
		c.log.Info("entries of a silent cluster are asked", "peer", string(tag), "entries", c.book.entries(tag))
	}
	for _, tag := range without(c.troubled, troubled) {
		c.log.Info("entries of the cluster are no longer asked", "peer", string(tag))
	}
	c.troubled = troubled
}

// without gives the tags of a that are not in b.
func without(a, b []gslb.GeoTag) []gslb.GeoTag {
	var out []gslb.GeoTag
	for _, t := range a {
		found := false
		for _, u := range b {
			found = found || t == u
		}
		if !found {
			out = append(out, t)
		}
	}
	return out
}
