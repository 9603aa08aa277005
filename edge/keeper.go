// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// Keeper keeps what is ours in the edge zones. Status, Changed, Discover and
// Remove are safe for concurrent use.
type Keeper struct {
	Config
	metrics  *metrics
	board    *board
	outside  *outside
	removals chan removal
	reads    Reader                  // the Publisher or the Reader; nil: neither
	zones    map[gslb.Name]*edgeZone // by edge zone; Run's alone
	retired  map[gslb.Name]bool      // removed zones that Worlds still have; Run's alone
	own      map[gslb.Name]bool      // edge zones that are zones of ours; Run's alone
	within   map[gslb.Name]bool      // zones that once lay below one of those; Run's alone
	world    atomic.Pointer[gslb.World]
	last     *gslb.World // Run's alone
	wg       sync.WaitGroup
}

// edgeZone is what works on one edge zone.
type edgeZone struct {
	ctx       context.Context //nolint:containedctx // it lives as long as the edge zone is kept
	stop      context.CancelFunc
	delegator *delegator
	beater    *beater
	witness   *witness
	assembler *assembler // with Objects, and then it alone
}

// removal asks to take a zone out of the edge.
type removal struct {
	zone, edge gslb.Name
	done       chan error // one place
}

// New makes a Keeper; [Keeper.Run] sets it to work.
func New(c Config) (*Keeper, error) {
	if c.Worlds == nil || c.Store == nil {
		return nil, errors.New("an edge keeper needs Worlds and a Store")
	}
	if c.Publisher != nil && (c.Instance == "" || len(c.Instance) > 64) {
		return nil, fmt.Errorf("instance %q has %d characters; an edge keeper needs 1 to 64", c.Instance, len(c.Instance))
	}
	if (c.Objects == nil) != (c.Reader == nil) || c.Objects != nil && c.Publisher != nil {
		return nil, errors.New("an edge keeper needs Objects and a Reader together, and then no Publisher")
	}
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("component", "edge")
	c.Addrs = sortedAddrs(c.Addrs)
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	k := &Keeper{
		Config: c, metrics: m, board: newBoard(c.Log, m), removals: make(chan removal),
		zones: make(map[gslb.Name]*edgeZone), retired: make(map[gslb.Name]bool),
		own: make(map[gslb.Name]bool), within: make(map[gslb.Name]bool),
	}
	if k.outside, err = newOutside(&k.Config); err != nil {
		return nil, err
	}
	if c.Publisher != nil {
		k.Publisher = &observed{next: c.Publisher, metrics: m, answered: k.outside.saw}
		k.reads = k.Publisher
	}
	if c.Reader != nil {
		k.reads = &observed{next: readOnly{c.Reader}, metrics: m, answered: k.outside.saw}
		k.outside.reader = k.reads
	}
	return k, nil
}

// Status says how every zone stands, by name. A zone is listed from the first
// World that has it.
func (k *Keeper) Status() []ZoneStatus { return k.board.list() }

// Changed receives after Status changed. It has one place and is for one reader.
func (k *Keeper) Changed() <-chan struct{} { return k.board.changed }

// Run keeps the edge until ctx ends; it then returns nil and leaves everything
// in place. It may be called once.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.wg.Wait()
	k.wg.Go(func() { k.outside.run(ctx) })
	var objects <-chan struct{}
	if k.Objects != nil {
		objects = k.Objects.Changed()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-k.Worlds:
			k.last = w
			k.world.Store(w)
			k.spread(ctx, w)
		case <-objects:
			for _, z := range k.zones {
				z.assembler.pokes.put(struct{}{})
			}
		case r := <-k.removals:
			k.remove(ctx, r)
		}
	}
}

// spread gives each edge zone its part of the World.
func (k *Keeper) spread(ctx context.Context, w *gslb.World) {
	for zone := range k.retired {
		if w.Zone(zone) == nil {
			delete(k.retired, zone)
		}
	}
	plans := make(map[gslb.Name][]Delegation)
	for _, d := range k.plan(w) {
		if !k.retired[d.Zone] {
			plans[d.EdgeZone] = append(plans[d.EdgeZone], d)
		}
	}
	silent := silentOf(w)
	k.outside.watch(silent)
	k.tellNested(w, plans)
	if k.reads == nil {
		k.noEdge(plans)
		return
	}
	for edge := range plans {
		k.edgeZone(ctx, edge, w)
	}
	writes := w.Ready && !w.Local.Incumbent // else what was told last goes on
	for edge, z := range k.zones {
		k.board.follow(edge, plans[edge])
		if z.assembler != nil {
			if writes {
				z.assembler.plans.put(fullPlans(w, plans[edge]))
			}
			continue
		}
		z.witness.watch.put(silent)
		if writes {
			z.delegator.plans.put(plans[edge])
			z.beater.targets.put(beatTarget{
				active: len(plans[edge]) > 0, ours: publishable(plans[edge]),
				missed: w.Alarm.Missed, conflicted: conflicted(plans[edge]), blind: isBlind(w),
			})
		}
	}
}

// plan is Plan with the configured addresses where the intent has none.
func (k *Keeper) plan(w *gslb.World) []Delegation {
	ds := Plan(w)
	for i := range ds {
		if d := &ds[i]; d.Reason == ReasonAddressUnknown && len(k.Addrs) > 0 {
			d.Addrs, d.Reason, d.Message = k.Addrs, "", ""
			d.settle()
		}
	}
	return ds
}

// noEdge says of every zone that there is no way to its edge zone.
func (k *Keeper) noEdge(plans map[gslb.Name][]Delegation) {
	for edge, ds := range plans {
		k.board.follow(edge, ds)
		for _, d := range ds {
			k.board.set(ZoneStatus{Zone: d.Zone, EdgeZone: d.EdgeZone, Reason: ReasonNoEdge,
				Message: "no edge is configured: delegate the zone by hand, or give --edge-dns and --edge-tsig-key"})
		}
	}
}

// edgeZone gives what works on an edge zone, and starts it if it is new.
func (k *Keeper) edgeZone(ctx context.Context, edge gslb.Name, w *gslb.World) *edgeZone {
	if z := k.zones[edge]; z != nil {
		return z
	}
	ctx, stop := context.WithCancel(ctx)
	k.wg.Go(func() { k.outside.follow(ctx, k.reads, edge, k.jitter) })
	if k.Objects != nil {
		z := &edgeZone{ctx: ctx, stop: stop, assembler: newAssembler(k, edge, w.Self)}
		k.zones[edge] = z
		k.outside.read(edge)
		k.wg.Go(func() { z.assembler.run(ctx) })
		return z
	}
	claim := &claim{}
	z := &edgeZone{
		ctx: ctx, stop: stop,
		delegator: newDelegator(k, edge, w.Self, w.SelfID, claim),
		beater:    newBeater(k, edge, w.Self, w.SelfID, claim),
		witness:   newWitness(k, edge, w.Self),
	}
	z.beater.claimed, z.delegator.raced, z.witness.answered = z.delegator.poke, z.beater.poke, z.beater.answers
	k.zones[edge] = z
	k.wg.Go(func() { z.delegator.run(ctx) })
	k.wg.Go(func() { z.beater.run(ctx) })
	k.wg.Go(func() { z.witness.run(ctx) })
	return z
}

func publishable(ds []Delegation) []Delegation {
	var out []Delegation
	for _, d := range ds {
		if d.Reason == "" {
			out = append(out, d)
		}
	}
	return out
}

func conflicted(ds []Delegation) string {
	for _, d := range ds {
		if d.Reason == ReasonGeoTagConflicted {
			return d.Message
		}
	}
	return ""
}

// jitter gives d, shortened or lengthened by up to a tenth.
func (k *Keeper) jitter(d time.Duration) time.Duration {
	return d + time.Duration((k.Rand()-0.5)*0.2*float64(d))
}
