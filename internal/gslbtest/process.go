// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/entrycheck"
	"github.com/meridian-gslb/meridian/peers"
)

// process is one running Meridian: the real store, exchange, keeper, entry
// checker and table, wired as cmd wires them. Fields below "guarded" are guarded
// by the Sim's lock.
type process struct {
	s        *sim
	c        *cluster
	sl       *slot
	name     string
	random   *rand.Rand
	started  time.Time
	store    *gslb.Store
	exchange *peers.Exchange
	keeper   *edge.Keeper
	objects  *objects // with an edge by ExternalDNS
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	table    atomic.Pointer[answers.Table]
	view     view // what the oracle remembers of it

	// guarded
	running   bool
	frozen    bool
	thaw      []func()      // what came while it was frozen
	froze     time.Time     // when it was frozen last
	wentOn    time.Time     // when it was thawed last
	thawed    chan struct{} // closed when it goes on
	remembers bool          // it began with what was saved
	stalled   bool          // its watch of the API tells nothing any more
	synced    bool          // it read the objects once
	sees      uint64        // version of the API that it knows
	conns     map[*conn]bool
	dials     int
	signs     map[gslb.GeoTag]time.Time // when a message of a cluster last reached it
	sure      map[gslb.GeoTag]time.Time // the same, of messages that surely count
	active    map[gslb.GeoTag]time.Time // when a process of a cluster that announced nothing last answered it
	checks    map[gslb.GeoTag]time.Time // when an entry of a cluster last answered it
	known     map[gslb.Name]bool        // objects that were handed to the store
	keys      []string                  // of peers; never changes
}

// start runs a process in a slot. The lock is held.
func (sl *slot) start(remember bool) error {
	if sl.p != nil && sl.p.running {
		return fmt.Errorf("process %d of cluster %s runs already", sl.n, sl.c.tag)
	}
	s := sl.c.s
	sl.starts++
	p := &process{
		s: s, c: sl.c, sl: sl, name: fmt.Sprintf("%s-%d-%d", sl.c.tag, sl.n, sl.starts), started: time.Now(),
		running: true, thawed: make(chan struct{}), conns: map[*conn]bool{}, signs: map[gslb.GeoTag]time.Time{},
		active: map[gslb.GeoTag]time.Time{},
		sure:   map[gslb.GeoTag]time.Time{},
		checks: map[gslb.GeoTag]time.Time{}, known: map[gslb.Name]bool{}, keys: slices.Clone(sl.c.keys),
	}
	sl.c.forgot = sl.c.forgot || !sl.c.vanished.IsZero()
	p.random = s.source(p.name, 0)
	p.ctx, p.cancel = context.WithCancel(s.ctx)
	p.view.init()
	var saved *gslb.Saved
	if remember {
		saved = sl.saved
	}
	p.remembers = saved != nil
	if err := p.wire(saved); err != nil {
		return err
	}
	sl.p = p
	p.notice(time.Duration(50+p.random.IntN(400)) * time.Millisecond)
	p.every(3*time.Second, p.save)
	return nil
}

// wire makes the parts and runs them.
func (p *process) wire(saved *gslb.Saved) error {
	s := p.s
	timing := gslb.DefaultTiming()
	if s.mutant.timing != nil {
		s.mutant.timing(&timing)
	}
	store, err := gslb.NewStore(gslb.Config{
		Self: p.c.tag, ClusterID: p.c.id(), Timing: timing, MeasuresOutside: s.edge != edgeNone || s.anchor,
		SeeksPeers: s.edge == edgeUpdates, Clock: p.clock, Saved: saved, RemovalHold: s.mutant.removalHold(),
	})
	if err != nil {
		return err
	}
	p.store = store
	store.OnWorld(p.pack)
	runs := []func(context.Context) error{store.Run}
	hub := &boundary{Store: store, p: p}
	if p.exchange, err = peers.New(p.peersConfig(hub)); err != nil {
		return err
	}
	runs = append(runs, p.exchange.Run)
	if s.edge != edgeNone || s.anchor {
		if p.keeper, err = edge.New(p.edgeConfig(hub)); err != nil {
			return err
		}
		runs = append(runs, p.keeper.Run)
		p.wg.Go(p.follow)
	}
	if s.entryCheck {
		checker, err := entrycheck.New(entrycheck.Config{
			Store: hub, Worlds: store.Mailbox().C(), Log: quiet(), Registerer: prometheus.NewRegistry(),
			Dial: p.dialEntry, Random: p.uniform(),
		})
		if err != nil {
			return err
		}
		runs = append(runs, checker.Run)
	}
	store.SetZones([]gslb.ZoneIntent{{Zone: s.zone, EdgeZone: s.zone.Parent(), NegTTL: 30, Addrs: []netip.Addr{p.c.addr}}})
	for _, run := range runs {
		p.wg.Go(func() { _ = run(p.ctx) }) // they end with the context, without error
	}
	return nil
}

func (p *process) peersConfig(hub *boundary) peers.Config {
	s := p.s
	cfg := peers.Config{
		Self: p.c.tag, ClusterID: p.c.id(), Instance: p.name, Keys: p.peerKeys(),
		Store: hub, Worlds: p.store.Mailbox().C(), Dial: p.dial, Now: p.clock, Rand: p.uniform(), Log: p.logger(),
	}
	if s.edge == edgeUpdates {
		cfg.Discover = p.lookUp
		return cfg
	}
	cfg.Static = map[gslb.GeoTag][]string{}
	for addr, other := range s.byAddr {
		if other != p.c {
			cfg.Static[other.tag] = []string{addr}
		}
	}
	return cfg
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// logger tells the story's log what the process says, if that is wanted.
func (p *process) logger() *slog.Logger {
	if p.s.logs == nil {
		return quiet()
	}
	return slog.New(slog.NewTextHandler(p.s.logs, nil)).With("process", p.name)
}

// uniform gives random numbers of this process alone.
func (p *process) uniform() func() float64 {
	var mu sync.Mutex
	r := p.s.source(p.name+" jitter", 0)
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}

// clock is the wall clock of the cluster.
func (p *process) clock() time.Time { return time.Now().Add(time.Duration(p.c.skew.Load())) }

// pack is the first observer of every World: the table that answers.
func (p *process) pack(w *gslb.World) {
	if p.gate(p.ctx) != nil {
		return
	}
	if p.s.mutant.world != nil && !p.s.mutant.world(p, w) {
		return
	}
	t, err := answers.Build(p.table.Load(), w)
	if err != nil {
		p.s.fail(invAnswered, p, "no table: %v", err)
		return
	}
	p.table.Store(t)
	p.s.look(p, w, t)
}

// stop ends the process without a word and waits for it.
func (p *process) stop() {
	p.s.mu.Lock()
	if !p.running {
		p.s.mu.Unlock()
		return
	}
	p.running = false
	for _, c := range p.connections() {
		if c.up.to == p {
			c.broken()
		} else {
			c.shut(errRefused, !p.s.net.silent(p.c.tag, c.up.to.c.tag) && p.c.powered)
		}
	}
	if p.frozen {
		p.frozen, p.thaw = false, nil
		close(p.thawed)
		p.thawed = make(chan struct{})
	}
	p.s.mu.Unlock()
	p.cancel()
	p.wg.Wait()
}

func (p *process) every(d time.Duration, f func()) {
	p.wg.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-p.ctx.Done():
				return
			case <-t.C:
				f()
			}
		}
	})
}

// save keeps the world for a restart with memory, as --state-dir does.
func (p *process) save() {
	w := p.store.World()
	if w == nil || !w.Ready || p.gate(p.ctx) != nil {
		return
	}
	saved := p.store.Save()
	p.s.mu.Lock()
	p.sl.saved = saved
	p.s.mu.Unlock()
}
