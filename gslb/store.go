// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Default hold-off of the Store: it waits until inputs are quiet for Settle,
// but never longer than MaxSettle.
const (
	DefaultSettle    = 2 * time.Millisecond
	DefaultMaxSettle = 50 * time.Millisecond
)

// Config says what a Store needs. Self and ClusterID are required; zero values
// of the rest mean the defaults.
type Config struct {
	Self      GeoTag
	ClusterID string
	Instance  string // of this process; reports of other instances of the cluster are those of replicas
	Timing    Timing // zero: DefaultTiming
	// MeasuresOutside: an edge or anchors are configured, so the cluster can
	// tell that it is cut off. Without it a silent peer is taken for lost.
	MeasuresOutside bool
	// SeeksPeers: peers are looked up, so the first World waits for
	// [Store.PeersSought], and where that found nobody, for a moment to be called.
	// It never waits for peers longer than until Timing.Decide after the start.
	SeeksPeers bool
	Settle     time.Duration
	MaxSettle  time.Duration
	// RemovalHold is how long hosts that vanish in a mass are kept, see [Held], and how long
	// the health of hosts whose probes fail in a mass, see [ProbesHeld]. 0: what vanishes
	// goes at once, however much it is, and probes are believed.
	RemovalHold time.Duration
	// Clock is the wall clock that SOA serials are taken from; nil: time.Now. All
	// else goes by the monotonic clock.
	Clock func() time.Time

	// Saved is the world of before a restart: the first World is made of it and is
	// ready at once. nil: there is none.
	Saved *Saved
}

// Store takes the inputs of the model, merges them into Worlds, and tells its
// observers. Its methods are safe for concurrent use and never wait for an
// observer.
type Store struct {
	settle, maxSettle time.Duration
	world             atomic.Pointer[World]
	wake              chan struct{} // one place
	calls             chan struct{} // one place
	turns             atomic.Uint64 // of the loop

	mu    sync.Mutex // guards m
	m     *merger
	first []func(*World)
	boxes []*Mailbox
}

// NewStore makes a Store; [Store.Run] sets it to work.
func NewStore(c Config) (*Store, error) {
	if c.Self == "" || c.ClusterID == "" {
		return nil, errors.New("a store needs the geo tag and the id of its cluster")
	}
	if c.Timing == (Timing{}) {
		c.Timing = DefaultTiming()
	}
	if c.Settle == 0 {
		c.Settle = DefaultSettle
	}
	if c.MaxSettle == 0 {
		c.MaxSettle = DefaultMaxSettle
	}
	m := newMerger(c.Self, c.ClusterID, c.Timing, c.MeasuresOutside)
	m.guard.hold, m.probes.hold = c.RemovalHold, c.RemovalHold
	m.replicas.instance = c.Instance
	if c.Saved != nil {
		if c.Saved.Self != c.Self || c.Saved.ClusterID != c.ClusterID {
			return nil, fmt.Errorf("the saved world is that of cluster %q with id %s; this is %q with id %s", c.Saved.Self, c.Saved.ClusterID, c.Self, c.ClusterID)
		}
		m.restore(c.Saved, time.Now())
	}
	m.clock = c.Clock
	m.firstBy = time.Now().Add(c.Timing.Decide)
	if c.SeeksPeers {
		m.seeksUntil = m.firstBy
		if c.Saved == nil {
			m.unsoughtUntil = m.firstBy.Add(c.Timing.SplitBrain - c.Timing.Decide)
		}
	}
	return &Store{settle: c.Settle, maxSettle: c.MaxSettle, wake: make(chan struct{}, 1), calls: make(chan struct{}, 1), m: m}, nil
}

// OnWorld adds an observer that is called with every new World, in order and
// before anyone else: the DNS table. It must be fast. Not to be called after Run.
func (s *Store) OnWorld(f func(*World)) { s.first = append(s.first, f) }

// Mailbox adds an observer with a place for one World, where a newer one
// replaces an unread one. Not to be called after Run.
func (s *Store) Mailbox() *Mailbox {
	b := &Mailbox{place: make(chan *World, 1)}
	s.boxes = append(s.boxes, b)
	return b
}

// World gives the current World; nil before the first.
func (s *Store) World() *World { return s.world.Load() }

func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run merges and publishes until ctx ends; it then returns nil. It may be
// called once.
//
// Five things can happen in the loop:
//
//  1. an input came: wait until quiet, but not for long, then merge
//  2. the World changes by itself now: merge
//  3. a new World was made: tell observers, DNS first
//  4. somebody asks whether the loop turns: see Turns
//  5. ctx ends
func (s *Store) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due time.Time // when the loop looks by itself; zero: never
	for {
		s.turns.Add(1)
		select {
		case <-ctx.Done():
			return nil
		case <-s.calls:
			continue
		case <-s.wake:
			s.holdOff(ctx)
		case <-timer.C:
		}
		due = s.publish(due)
		timer.Stop()
		if !due.IsZero() {
			timer.Reset(max(time.Until(due), time.Millisecond))
		}
	}
}

// Turns gives how often the loop turned, and has it turn once more: a number that
// stays the same for long is that of a loop that is stuck, or of one that does not
// run. It never blocks.
func (s *Store) Turns() uint64 {
	select {
	case s.calls <- struct{}{}:
	default:
	}
	return s.turns.Load()
}

// holdOff waits until no input came for settle, at most maxSettle.
func (s *Store) holdOff(ctx context.Context) {
	end := time.NewTimer(s.maxSettle)
	defer end.Stop()
	quiet := time.NewTimer(s.settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-quiet.C:
			return
		case <-s.wake:
			quiet.Reset(s.settle)
		}
	}
}

// stall is how late the loop may be before it counts as having stood still.
const stall = 500 * time.Millisecond

func (s *Store) publish(due time.Time) time.Time {
	s.mu.Lock()
	now := time.Now()
	if stood := now.Sub(due); !due.IsZero() && stood > stall {
		s.m.stood(stood, now)
	}
	w, next := s.m.merge(now)
	s.mu.Unlock()
	if w == s.world.Load() {
		return next
	}
	s.world.Store(w)
	for _, f := range s.first {
		f(w)
	}
	for _, b := range s.boxes {
		b.put(w)
	}
	return next
}
