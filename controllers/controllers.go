// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/gslb"
)

// Controllers watches and writes the objects of one cluster. Make it with [New].
type Controllers struct {
	cfg       Config
	api       *api
	reach     *reach
	collector *collector
	verifier  *verifier
	writers   *writers
	election  *election
	refusals  refusals
	metrics   *metrics
	box       *gslb.Mailbox
	world     atomic.Pointer[gslb.World] // the newest that observe saw

	cache  cache.Cache
	client client.Client // reads the cache, writes the API
	events *eventer
	told   *told // what statuses of k8gb have no room for
	news   endpointNews
}

// New checks the configuration and prepares everything. Nothing is asked of the API
// before Run; the error says what is missing, or which credentials cannot be read.
func New(cfg Config) (*Controllers, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	log := cfg.Logger
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("metrics of the controllers: %w", err)
	}
	c := &Controllers{cfg: cfg, metrics: m, refusals: refusals{why: make(map[types.NamespacedName]string)}, told: newTold()}
	watched := kinds(cfg.K8gb)
	for _, k := range watched { // a closed list: each has a series from the start
		m.readErrors.WithLabelValues(k.name)
		m.drift.WithLabelValues(k.name)
	}
	c.reach = newReach(log.With("server", cfg.Rest.Host), cfg.BlindAfter, m, c.tellBlind)
	if c.api, err = newAPI(&c.cfg, c.reach); err != nil {
		return nil, fmt.Errorf("preparing the connection to the Kubernetes API: %w", err)
	}
	sources := make(map[string]*source)
	if c.cache, err = c.api.newCache(watched, c.reach, c.cfg.HoldEntries, log, sources); err != nil {
		return nil, fmt.Errorf("preparing the cache: %w", err)
	}
	if c.client, err = c.api.newClient(c.cache); err != nil {
		return nil, fmt.Errorf("preparing the connection to the Kubernetes API: %w", err)
	}
	c.writers = newWriters(log, m, c.reach, c.allTasks, map[what]writeFunc{
		writeStatus: c.writeStatus, writeIngress: c.writeIngress, writeAnnotated: c.writeAnnotated, writeZone: c.writeZone,
		writeEndpoint: c.writeEndpoint,
	})
	if c.collector, err = newCollector(&c.cfg, log, m, c.cache, c.writers.add); err != nil {
		return nil, err
	}
	if err := cfg.Registerer.Register(newInventory(c.cache, c.collector.synced)); err != nil {
		return nil, fmt.Errorf("metrics of the controllers: %w", err)
	}
	c.collector.sources, c.collector.claims.leads = sources, c.writers.leading
	c.collector.gates = newGates(c.api, log, func(g types.NamespacedName) { c.collector.add(item{g}) })
	stored := func(ctx context.Context, k kind) (map[string]string, error) {
		return c.api.versions(ctx, k, sources[k.name])
	}
	c.verifier = newVerifier(log, m, cfg.VerifyEvery, watched, stored, c.cached, sources)
	c.election = newElection(&c.cfg, log, c.api.kube, c.lead)
	c.box = cfg.Store.Mailbox()
	return c, nil
}

// Run reads and writes until ctx ends; it then returns nil. It never returns because the
// API is away, a CustomResourceDefinition is missing, or the Lease is lost: it goes on
// trying, and the log says what for. It may be called once.
func (c *Controllers) Run(ctx context.Context) error {
	synced, err := c.collector.watch(ctx, c.cache)
	if err != nil {
		return err
	}
	recorder, stop := c.api.newRecorder(ctx, c.cfg.Instance, c.cfg.Logger)
	c.events = newEventer(recorder, c.metrics)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { c.reach.run(ctx, c.api.probe); return nil })
	g.Go(func() error { return c.cache.Start(ctx) })
	g.Go(func() error { return c.collector.glue.run(ctx) })
	g.Go(func() error { return c.collector.names.Run(ctx) })
	g.Go(func() error { return c.collector.gates.run(ctx) })
	c.collector.operator.ended = func() { c.tellAll(ctx) }
	g.Go(func() error { return c.observe(ctx) })
	g.Go(func() error {
		if !toolscache.WaitForCacheSync(ctx.Done(), synced...) {
			return nil
		}
		c.observeControlPlane(ctx)
		return c.collector.run(ctx)
	})
	g.Go(c.onceSynced(ctx, c.watchControlPlane))
	g.Go(c.onceSynced(ctx, c.election.run))
	g.Go(c.onceSynced(ctx, c.verifier.run))
	return g.Wait()
}

// lead is one term of this process as the one that writes.
func (c *Controllers) lead(ctx context.Context) {
	var others sync.WaitGroup
	if c.cfg.Lead != nil {
		others.Go(func() { c.cfg.Lead(ctx) })
	}
	c.writers.lead(ctx)
	others.Wait()
}

// tellBlind tells the Store since when objects cannot be read; the zero time: they can.
func (c *Controllers) tellBlind(since time.Time) {
	c.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Blind = since })
}

// onceSynced runs f after everything was read: who knows nothing must not lead.
func (c *Controllers) onceSynced(ctx context.Context, f func(context.Context) error) func() error {
	return func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-c.collector.synced:
			return f(ctx)
		}
	}
}
