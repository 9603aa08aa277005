// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/leaving"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// collector turns events of the cache into inputs of the Store. Handlers of events only
// enqueue; one goroutine translates, so that what it keeps needs no locks.
type collector struct {
	cfg     *Config
	log     *slog.Logger
	metrics *metrics
	objects client.Reader // the cache
	tell    func(task)    // what may have to be written now
	meaning func(translate.Input) translate.Output

	queue   workqueue.TypedRateLimitingInterface[item]
	arrived arrivals
	deps    *refs.Index[types.NamespacedName]
	sources map[string]*source // by kind; of a test there are none
	last    *translations
	entries *leaving.Memory[types.UID]
	drains  *leaving.Drains
	claims  *claims
	began   *gslb.World // before anything was translated; nil: there was none, or everything was
	guard   *guard
	glue    *glue
	names   *hostnames.Book[types.NamespacedName]
	gates   *gates // nil: readiness gates cannot be told

	operator *operator // of k8gb
	lost     lostClusters
	had      populated
	bare     bareClusters
	beliefs  atomic.Uint64 // how often lost and bare changed

	templates atomic.Bool // the API server only hands objects on: see observeControlPlane

	zones   atomic.Pointer[translate.ZonesOutput]
	clients atomic.Int32                      // whether the addresses of clients are seen
	nodes   atomic.Pointer[map[string]string] // virtual node → cluster
	ranges  *translate.NodeRanges             // of the nodes that are read
	mark    atomic.Uint64                     // highest EndpointSlice resource version enqueued
	broken  map[types.NamespacedName]bool     // Gslbs whose translation fails
	moved   bool                              // the Store got something since the mark was published
	synced  chan struct{}                     // closed after everything was translated once
}

// item is something to translate: a Gslb, or the zones where it is the zero item.
type item struct{ gslb types.NamespacedName }

func newCollector(cfg *Config, log *slog.Logger, m *metrics, objects client.Reader, tell func(task)) (*collector, error) {
	c := &collector{
		cfg: cfg, log: log, metrics: m, objects: objects, tell: tell, meaning: translate.Build,
		queue:    workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[item]()),
		deps:     refs.NewIndex[types.NamespacedName](),
		last:     newTranslations(),
		entries:  leaving.NewMemory[types.UID](cfg.HoldEntries),
		claims:   newClaims(time.Now),
		guard:    newGuard(log, m, cfg.RemovalHold),
		operator: newOperator(log, m, cfg.Store),
		broken:   make(map[types.NamespacedName]bool),
		ranges:   translate.NewNodeRanges(),
		synced:   make(chan struct{}),
	}
	c.drains = leaving.NewDrains(cfg.HoldEntries, cfg.AsksDraining, c.entriesBefore)
	c.zones.Store(&translate.ZonesOutput{})
	switch {
	case cfg.ClientsHidden:
		c.clients.Store(clientsHidden)
	case cfg.ClientsSeen:
		c.clients.Store(clientsSeen)
	}
	c.nodes.Store(&map[string]string{})
	var err error
	if c.names, err = newNames(cfg, log, func(g types.NamespacedName) { c.add(item{g}) }); err != nil {
		return nil, err
	}
	c.glue, err = newGlue(cfg, log, func() { c.add(item{}) })
	return c, err
}

// run translates everything once, says that the cluster is synced, and goes on with
// what events enqueue until ctx ends. The cache is complete when it is called.
func (c *collector) run(ctx context.Context) error {
	c.began = c.cfg.Store.World()
	c.translateZones(ctx)
	began := time.Now()
	all, err := c.gslbs(ctx)
	if ctx.Err() != nil {
		return nil
	} else if err != nil {
		return fmt.Errorf("listing Gslbs in the cache: %w", err)
	}
	for _, key := range all {
		c.translate(ctx, key, began)
	}
	c.awaitNodes(ctx)
	c.awaitOthers(ctx, began)
	if c.zones.Load().Endpoints > 0 {
		c.translateZones(ctx) // now it is known who has which host
	}
	mark := c.mark.Load()
	c.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Synced, l.Mark = true, mark })
	c.moved, c.began = false, nil
	close(c.synced)
	c.observeReplicas()
	c.log.Info("every object was read", "gslbs", len(all), "zones", len(c.zones.Load().Zones), "mark", mark)

	stop := context.AfterFunc(ctx, c.queue.ShutDown)
	defer stop()
	for {
		next, shutdown := c.queue.Get()
		if shutdown {
			return nil
		}
		arrived := c.arrived.take(next)
		if next == (item{}) {
			c.translateZones(ctx)
		} else {
			c.translate(ctx, next.gslb, arrived)
		}
		c.queue.Done(next)
		c.publishMark()
	}
}

// publishMark states how far our knowledge goes, together with what it changed. Events
// enqueue before they move the mark, so with an empty queue all up to it is translated.
func (c *collector) publishMark() {
	mark := c.mark.Load()
	if !c.moved || c.queue.Len() > 0 {
		return
	}
	c.moved = false
	c.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = max(l.Mark, mark) })
}

// add enqueues an item for an event that arrives now.
func (c *collector) add(i item) {
	c.arrived.note(i)
	c.queue.Add(i)
}

// translate brings what one Gslb means up to date in the Store; arrived is when the first
// event that asks for it did.
func (c *collector) translate(ctx context.Context, key types.NamespacedName, arrived time.Time) {
	twins, err := c.twins(ctx, key)
	var meant bool
	if notFound(twins, err) {
		if c.stillAsked(ctx, key) {
			return
		}
		was := c.guard.status()
		if c.mayVanish(key) {
			c.guard.seen(key)
		}
		var wait time.Duration
		wait, meant = c.guard.holds(key, c.last.len(), time.Now())
		if c.guard.status() != was {
			c.tellZones()
		}
		if wait > 0 {
			c.queue.AddAfter(item{key}, wait)
			return
		}
	}
	chosen := twins.Choose()
	g := chosen.Gslb
	if err != nil || g == nil || !g.DeletionTimestamp.IsZero() {
		c.gone(key, arrived, meant)
		return
	}
	c.metrics.translations.Inc()
	beliefs := c.beliefs.Load()
	out, err := c.build(ctx, &chosen)
	if err != nil {
		c.failed(key, err)
		return
	}
	if c.broken[key] {
		delete(c.broken, key)
		c.log.Info("a Gslb is translated again", "gslb", key.String())
	}
	c.claim(key, g, &out)
	c.drain(key, &out)
	c.lookInside(key, &out)
	next := &translation{uid: g.UID, incumbent: chosen.Incumbent, asked: askedBy(g), out: out}
	c.learn(key, next, arrived)
	if c.beliefs.Load() != beliefs && elsewhere(next) { // whoever changed them did not find this one yet
		c.add(item{key})
	}
}

// learn takes over a translation, where it differs from the last.
func (c *collector) learn(key types.NamespacedName, next *translation, arrived time.Time) {
	old := c.last.get(key)
	if old != nil && old.uid == next.uid && old.incumbent == next.incumbent && reflect.DeepEqual(old.out, next.out) {
		return
	}
	c.last.put(key, next)
	c.names.Want(key, next.out.Hostnames)
	c.wantGates(key, next.out.Gates)
	c.metrics.objects.Set(float64(c.last.len()))
	if old == nil || !sameHosts(old.out.Offers, next.out.Offers) {
		c.recordsMayMove()
		c.claimsMoved(key, old, next)
	}
	if old == nil || !reflect.DeepEqual(old.out.Offers, next.out.Offers) {
		c.cfg.Store.SetObjectAt(arrived, next.out.Source, next.out.Offers)
		c.moved = true
	}
	if next.out.Ingress != nil {
		c.tell(task{writeIngress, key})
	}
	c.tell(task{writeStatus, key})
}

// gone takes a Gslb out of the Store, past the guard of hosts if that is meant.
func (c *collector) gone(key types.NamespacedName, arrived time.Time, meant bool) {
	c.drains.Forget(key)
	c.claims.forget(key)
	c.deps.Remove(key)
	delete(c.broken, key)
	old := c.last.get(key)
	if old == nil {
		return
	}
	c.last.put(key, nil)
	c.names.Want(key, nil)
	c.wantGates(key, nil)
	c.recordsMayMove()
	c.claimsMoved(key, old)
	c.metrics.objects.Set(float64(c.last.len()))
	src := gslb.Source{Kind: gslbv1beta1.GslbKind, Namespace: key.Namespace, Name: key.Name}
	if meant {
		c.cfg.Store.RemoveObjectAt(arrived, src)
	} else {
		c.cfg.Store.SetObjectAt(arrived, src, nil)
	}
	c.moved = true
}

// claimsMoved has the embedded Ingresses looked at of the other Gslbs that claim a host:
// whose it is decides whether they are written.
func (c *collector) claimsMoved(key types.NamespacedName, of ...*translation) {
	for _, t := range of {
		if t == nil {
			continue
		}
		for _, o := range t.out.Offers {
			for _, other := range c.last.having(o.Host) {
				if other != key {
					c.tell(task{writeIngress, other})
				}
			}
		}
	}
}

// build translates one Gslb. A panic is an error of this Gslb alone: the others go on.
func (c *collector) build(ctx context.Context, chosen *translate.Chosen) (out translate.Output, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("translation ended in a panic: %v\n%s", p, debug.Stack())
		}
	}()
	in, again := c.gather(ctx, chosen.Gslb)
	in.Incumbent, in.Notes = chosen.Incumbent, chosen.Notes
	if !again.IsZero() {
		c.queue.AddAfter(item{client.ObjectKeyFromObject(chosen.Gslb)}, time.Until(again))
	}
	return c.meaning(in), nil
}

// failed keeps the last good offers of a Gslb that cannot be translated.
func (c *collector) failed(key types.NamespacedName, err error) {
	c.metrics.failures.Inc()
	if !c.broken[key] {
		c.broken[key] = true
		c.log.Error("a Gslb cannot be translated; what it offered last stays", "gslb", key.String(), "error", err)
	}
}
