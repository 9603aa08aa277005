// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/controllers/challenges"
	"github.com/meridian-gslb/meridian/dnsserver"
	dnsupdate "github.com/meridian-gslb/meridian/dnsserver/update"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/edge"
	edgecheck "github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/health"
	"github.com/meridian-gslb/meridian/internal/observe"
)

// goodbye is how long peers get at most to read our announcement before we stop.
const goodbye = 2 * time.Second

func newServe() *cobra.Command {
	cfg := config.Default()
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Meridian in this cluster",
		Long: `Serve reads the objects of this cluster, exchanges reports with the others, answers
DNS for the zone, and keeps its delegation in the edge zone. Every flag can also
be given as MERIDIAN_… in the environment (--geo-tag as MERIDIAN_GEO_TAG) or in the
YAML file of --config, under its name; a flag wins over the environment, the
environment over the file.`,
		Example: `  meridian serve --geo-tag eu --zone cloud.example.com --edge-zone example.com \
      --edge-dns 192.0.2.53 --edge-tsig-key edge:hmac-sha256:/etc/meridian/edge.key \
      --peer-tsig-key peers:hmac-sha256:/etc/meridian/peers.key`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.Load(cmd.Flags(), file, os.LookupEnv); err != nil {
				return usageError{err}
			}
			s, err := cfg.Settings()
			if err != nil {
				return usageError{err}
			}
			return serve(cmd.Context(), s)
		},
	}
	cfg.Bind(cmd.Flags())
	cmd.Flags().StringVar(&file, "config", "", "YAML file with values for these flags")
	return cmd
}

// process is one running Meridian: what all its parts share.
type process struct {
	settings *config.Settings
	log      *slog.Logger
	registry *prometheus.Registry
	instance string
	now      func() time.Time           // wall clock of signatures between clusters and of updates of the edge
	aside    int                        // saved worlds that were put out of use at the start
	store    atomic.Pointer[gslb.Store] // nil until the cluster's identity is known
	dns      *dnsserver.Server
	ready    *health.Readiness
	exchange atomic.Pointer[exchange]          // nil until it runs
	keeper   atomic.Pointer[edge.Keeper]       // nil until it runs, or without an edge
	checks   atomic.Pointer[edgecheck.Checker] // nil until it runs, or without one
	// edgeServers gives servers of an edge zone; nil: nobody knows any.
	edgeServers func(context.Context, gslb.Name) ([]string, error)
	slow        *slowPath
	lead        func(context.Context) // writes beside the controllers while this process leads; nil: nothing does
	updates     *dnsupdate.Handler    // nil: none are taken
	transfers   *zoneout.Server       // nil: nobody may have our zones
	challenges  *challenges.Object    // what they leave, in Kubernetes; nil: elsewhere, or nowhere
	group       *errgroup.Group
	ctx         context.Context // the life of the process, with which its parts end
}

// serve runs until ctx ends or a part fails. The order of the start:
//
//  1. sockets: a port in use is an error at once; DNS answers SERVFAIL from here on
//  2. the identity of the cluster: that of the saved world, or waited for as long as it takes
//  3. the Store and everything around it; objects are read
//  4. ready, at once with a saved world, else when objects were read and peers were heard or given up
//
// The end:
//
//  1. not ready any more, and a pause is announced to the peers
//  2. --shutdown-delay passes, in which everything goes on, so that those who send
//     clients here can stop
//  3. everything stops
func serve(ctx context.Context, s *config.Settings) error {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group, gctx := errgroup.WithContext(life)
	p := &process{
		settings: s, log: newLogger(s), registry: prometheus.NewRegistry(), slow: newSlowPath(),
		group: group, ctx: gctx,
	}
	var err error
	if p.now, err = wallClock(); err != nil {
		return err
	}
	if p.instance, err = newInstance(); err != nil {
		return err
	}
	if err := p.registerCommon(); err != nil {
		return err
	}
	if err := p.listen(ctx); err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
			p.stop()
		case <-gctx.Done():
		}
		cancel()
	}()
	saved := p.loadSaved()
	source, err := p.openSource(gctx, saved)
	if err == nil {
		err = p.start(source, saved)
	}
	if err != nil {
		cancel()
		if ctx.Err() != nil { // told to stop while waiting: that is no failure
			err = nil
		}
		return errors.Join(err, group.Wait())
	}
	return group.Wait()
}

// stop ends being ready, announces the restart (or, of a cluster that goes for good,
// takes its delegation back and says goodbye), and returns when the peers that
// read us were told, or after a moment, and the delay is over.
func (p *process) stop() {
	over := time.NewTimer(p.settings.ShutdownDelay)
	defer over.Stop()
	p.ready.Stop()
	announced := gslb.Pausing
	if p.settings.Leaves {
		announced = gslb.Leaving
	}
	p.log.Info("stopping", "announced", string(announced), "delay", p.settings.ShutdownDelay)
	if p.settings.Leaves {
		p.withdraw(p.keeper.Load(), p.currentWorld())
	}
	if x := p.exchange.Load(); x != nil {
		ctx, cancel := context.WithTimeout(p.ctx, goodbye)
		defer cancel()
		if err := x.Announce(ctx, announced); err != nil {
			p.log.Warn("not every peer was told", "error", err)
		}
	}
	select {
	case <-over.C:
	case <-p.ctx.Done():
	}
}

// run adds a part that ends with the process; its failure ends the process.
func (p *process) run(name string, f func(context.Context) error) {
	p.group.Go(func() error {
		if err := f(p.ctx); err != nil && p.ctx.Err() == nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// cookieSeed gives what all replicas of a cluster have and nobody else: a peer key and
// their geo tag; nil without a key. A key that cannot be read now is told by the exchange.
func (p *process) cookieSeed() []byte {
	for _, k := range p.settings.PeerKeys {
		if secret, err := k.Key.Secret(); err == nil {
			return slices.Concat(secret, []byte(p.settings.Self))
		}
	}
	return nil
}

// listen binds every socket and starts to answer.
func (p *process) listen(ctx context.Context) error {
	var err error
	d := &p.settings.DNS
	p.dns, err = dnsserver.New(dnsserver.Config{
		Listen: p.settings.DNSListen, SlowPath: p.slow, KnowsKey: knownKeys(p.settings), Logger: p.log, Registerer: p.registry,
		TLSListen: d.TLSListen, TLSCertFile: d.TLSCertFile, TLSKeyFile: d.TLSKeyFile,
		CookieSecretFile: d.CookieSecretFile, CookieSeed: p.cookieSeed(), RateLimit: d.RateLimit, RateSlip: d.RateSlip, NSID: d.NSID, MaxWithoutCookie: d.MaxWithoutCookie,
		MaxTCPConns: d.TCPConns, MaxTCPConnsPerClient: d.TCPConnsPerClient, TCPIdle: d.TCPIdle,
	})
	if err != nil {
		return fmt.Errorf("the flags of the DNS server: %w", err)
	}
	p.dns.HideClients(d.Clients == config.ClientsHidden)
	if err := p.listenWebs(ctx); err != nil {
		return errors.Join(err, p.dns.Close())
	}
	p.run("dns server", p.dns.Run)
	p.log.Info("listening", "dns", p.dns.Addrs(), "metrics", p.settings.MetricsListen, "probes", p.settings.ProbeListen)
	return nil
}

// start makes the Store and everything around it, and sets it to work.
func (p *process) start(src source, saved *gslb.Saved) error {
	if saved != nil && saved.ClusterID != src.clusterID {
		_ = p.setAside(saved, src.clusterID) // logged
		saved = nil
	}
	store, err := gslb.NewStore(gslb.Config{
		Self: p.settings.Self, ClusterID: src.clusterID, Instance: p.instance, Saved: saved, RemovalHold: p.settings.RemovalHold, Timing: p.settings.Timing,
		MeasuresOutside: p.settings.MeasuresOutside(), SeeksPeers: p.settings.SeeksPeers(),
	})
	if err != nil {
		return err
	}
	if err := p.addState(store, src); err != nil {
		return err
	}
	publish, err := p.publisher()
	if err != nil {
		return err
	}
	store.OnWorld(publish)
	changes, err := observe.NewChanges(p.log, p.registry)
	if err != nil {
		return err
	}
	worlds := store.Mailbox().C()
	p.run("changes", func(ctx context.Context) error { return changes.Run(ctx, worlds) })
	if err := p.addParts(store, src); err != nil {
		return err
	}
	if err := p.watchKeys(); err != nil {
		return err
	}
	p.store.Store(store)
	p.run("store", store.Run)
	return nil
}

// newInstance makes the random id of this process.
func newInstance() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("making an instance id: %w", err)
	}
	return hex.EncodeToString(b), nil
}
