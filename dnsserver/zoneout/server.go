// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Config says who gets our zones. Plain is required.
type Config struct {
	Keys   *tsigkey.Keyring // whoever signs with one of them may transfer; nil: nobody
	Allow  []netip.Prefix   // who may transfer without a signature
	Notify []Secondary      // whom to tell that a serial moved
	// Plain answers a message that is not signed, like a server without a slow
	// path would, and leaves room octets for a signature; nil: silence.
	Plain func(msg []byte, from netip.Addr, tcp bool, room int) []byte

	Exchange   Exchange              // how NOTIFY is sent; nil: UDP
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
}

// Secondary is a server that is told of changes.
type Secondary struct {
	Addr netip.AddrPort
	Key  *tsigkey.Key // signs; nil: not signed
}

// Server hands out zones. It implements dnsserver.SlowPath. Its methods are safe
// for concurrent use, except that Publish has one caller.
type Server struct {
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	zones     atomic.Pointer[map[gslb.Name]*zone] // nil: no table was ready yet
	handed    handed
	places    places
	journals  budget
	notifiers []*notifier
	moved     chan struct{} // a serial moved; one place
}

// New makes a server that knows no zones yet.
func New(c Config) (*Server, error) {
	if c.Plain == nil {
		return nil, errors.New("zone transfers need a way to answer plain questions")
	}
	if c.Keys == nil {
		c.Keys = tsigkey.NewKeyring()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Exchange == nil {
		c.Exchange = overUDP
	}
	s := &Server{cfg: c, log: c.Logger.With("component", "zoneout"), moved: make(chan struct{}, 1)}
	for _, to := range c.Notify {
		if !to.Addr.IsValid() {
			return nil, errors.New("a secondary to be notified has no address")
		}
		s.notifiers = append(s.notifiers, newNotifier(s, to))
	}
	var err error
	if s.metrics, err = newMetrics(c.Registerer, s); err != nil {
		return nil, fmt.Errorf("zone transfers: %w", err)
	}
	return s, nil
}

// Run sends NOTIFY and forgets what nobody comes for, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, n := range s.notifiers {
		wg.Go(func() { n.run(ctx) })
	}
	s.forget(ctx)
	wg.Wait()
	return nil
}

// Publish takes a new table: a zone whose serial moved has a new version. It
// never blocks. Call it before the table is answered from, so that no secondary
// hears of a serial that is not to be had.
func (s *Server) Publish(t *answers.Table) {
	if !t.Ready() {
		return
	}
	have := map[gslb.Name]*zone{}
	if p := s.zones.Load(); p != nil {
		have = *p
	}
	now := time.Now()
	all := t.World().Zones
	next, same, moved := make(map[gslb.Name]*zone, len(all)), len(all) == len(have), false
	for i := range all {
		name := all[i].Zone
		z := have[name]
		if z == nil {
			z, same = &zone{name: name, budget: &s.journals}, false
		}
		next[name] = z
		moved = z.offer(&version{serial: all[i].Serial, table: t}, now) || moved
	}
	if !same || s.zones.Load() == nil {
		s.zones.Store(&next)
		for name, z := range have {
			if next[name] == nil {
				go z.reset() // a transfer may hold it
			}
		}
	}
	if !moved {
		return
	}
	wake(s.moved)
	for _, n := range s.notifiers {
		wake(n.moved)
	}
}

// wake leaves a sign in a channel with one place.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// zone gives a zone that we serve; nil for others. ready is false before the
// first table.
func (s *Server) zone(n gslb.Name) (z *zone, ready bool) {
	all := s.zones.Load()
	if all == nil {
		return nil, false
	}
	return (*all)[n], true
}

// forget drops the journals that nobody came for, when a serial moves and once
// more when the time is over; a quiet server does nothing.
func (s *Server) forget(ctx context.Context) {
	timer := time.NewTimer(0)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.moved:
		case <-timer.C:
		}
		var next time.Duration
		for _, z := range *s.zones.Load() {
			if left := z.expire(time.Now()); left > 0 && (next == 0 || left < next) {
				next = left
			}
		}
		if next > 0 {
			timer.Reset(next)
		}
	}
}
