// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/edge"
	edgecheck "github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/entrycheck"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// addParts makes everything around the Store. Observers are added before the
// Store runs; the parts run from then on, in no particular order.
func (p *process) addParts(store *gslb.Store, src source) error {
	// The exchange finds peers through the edge's keeper, and the keeper writes the
	// exchange's keep-alive numbers: the one knows the other by a function.
	var keeper *edge.Keeper
	var discover func(context.Context, gslb.Zone) ([]gslb.NameServer, error)
	if p.settings.SeeksPeers() {
		discover = func(ctx context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
			return lookUp(store, p.settings.Self, keeper)(ctx, z)
		}
	}
	exchange, err := p.addExchange(store, src.clusterID, discover)
	if err != nil {
		return err
	}
	if keeper, err = p.addEdge(store, src, exchange); err != nil {
		return err
	}
	p.run("exchange", exchange.Run)
	p.exchange.Store(exchange)
	var watched *delegation
	if keeper != nil {
		p.keeper.Store(keeper)
		watched = &delegation{keeper, make(chan struct{}, 1)}
	}
	checks, err := p.addChecks(store)
	if err != nil {
		return err
	}
	if watched != nil {
		p.run("delegation", func(ctx context.Context) error { return watched.run(ctx, exchange, checks) })
	}
	if err := p.addK8gb(store, exchange, keeper); err != nil {
		return err
	}
	if err := p.addProbes(store); err != nil {
		return err
	}
	if err := p.addUpdates(store, src); err != nil {
		return err
	}
	if err := p.addTransfers(); err != nil {
		return err
	}
	if src.rest == nil {
		return p.addFiles(store)
	}
	return p.addControllers(store, src, watched, checks)
}

// addEdge makes the keeper of the delegation; nil with no edge and no anchors.
func (p *process) addEdge(store *gslb.Store, src source, x *exchange) (*edge.Keeper, error) {
	s := p.settings
	if len(s.EdgeServers) > 0 {
		p.edgeServers = fixedServers(s.EdgeServers)
	} else if len(s.EdgeAsked) > 0 {
		p.edgeServers = fixedServers(s.EdgeAsked)
	}
	if !s.ExternalDNS && len(s.EdgeServers) == 0 && len(s.Anchors) == 0 {
		p.log.Info("no edge is kept: give --edge-dns and --edge-tsig-key, or --edge-provider externaldns, to have the delegation written")
		return nil, nil
	}
	cfg := edge.Config{
		Worlds: store.Mailbox().C(), Store: store, Instance: p.instance, Addrs: s.DNSAddrs,
		Heard: x.heard, Sent: x.Sent, Anchors: s.Anchors, Ask: rfc2136.Ask, Resolver: net.DefaultResolver,
		Log: p.log, Registerer: p.registry,
	}
	switch {
	case s.ExternalDNS:
		if err := p.addExternalDNS(&cfg, src); err != nil {
			return nil, err
		}
	case len(s.EdgeServers) > 0:
		pub, err := rfc2136.New(rfc2136.Config{Servers: strings.Join(s.EdgeServers, ","), Key: s.EdgeKey, Now: p.now, Log: p.log})
		if err != nil {
			return nil, fmt.Errorf("--edge-dns: %w", err)
		}
		cfg.Publisher = pub
	}
	keeper, err := edge.New(cfg)
	if err != nil {
		return nil, err
	}
	p.run("edge", keeper.Run)
	return keeper, nil
}

// addProbes makes the probes of our own entries, and the entry checks of others'.
func (p *process) addProbes(store *gslb.Store) error {
	monitor, err := healthcheck.New(healthcheck.Config{Store: store, Worlds: store.Mailbox().C(), Log: p.log, Registerer: p.registry})
	if err != nil {
		return err
	}
	p.run("probes", monitor.Run)
	if !p.settings.EntryCheck {
		return nil
	}
	checker, err := entrycheck.New(entrycheck.Config{
		Store: store, Worlds: store.Mailbox().C(), Log: p.log, Registerer: p.registry, AllowLoopback: p.settings.Loopback,
		Interval: p.settings.EntryCheckInterval, Doubt: p.settings.Timing.Decide - p.settings.Timing.Lease,
	})
	if err != nil {
		return err
	}
	p.run("entry checks", checker.Run)
	return nil
}

// asker makes what resolves the names of load balancers.
func (p *process) asker() (hostnames.Asker, error) {
	if len(p.settings.Resolvers) > 0 {
		return hostnames.NewStub(p.settings.Resolvers)
	}
	return hostnames.StubOf(hostnames.DefaultResolvConf)
}

func (p *process) addFiles(store *gslb.Store) error {
	s := p.settings
	var zones []gslb.ZoneIntent
	if s.Zone != nil {
		zones = append(zones, *s.Zone)
	}
	asker, err := p.asker()
	if err != nil {
		return err
	}
	src, err := files.New(files.Config{
		Dir: s.Manifests, Store: store, Self: s.Self, Zones: zones, Addrs: s.DNSAddrs, AllowLoopback: s.Loopback, Names: s.Names,
		InternalCIDRs: s.InternalCIDRs, EntryCIDRs: s.EntryCIDRs, NoK8gb: !s.K8gb,
		Logger: p.log, Registerer: p.registry, Asker: asker,
		Known: hostnames.Remembered(store.World, s.Self), AsksDraining: s.EntryCheck,
	})
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	p.run("files", src.Run)
	return nil
}

func (p *process) addControllers(store *gslb.Store, src source, watched *delegation, checks *edgecheck.Checker) error {
	s := p.settings
	asker, err := p.asker()
	if err != nil {
		return err
	}
	cfg := controllers.Config{
		Asker: asker,
		Rest:  src.rest, Store: store, Self: s.Self, Zone: s.Zone, Addrs: s.DNSAddrs, OwnService: src.service,
		Names: s.Names, InternalCIDRs: s.InternalCIDRs, EntryCIDRs: s.EntryCIDRs,
		AllowLoopback: s.Loopback, RemovalHold: s.RemovalHold, K8gb: s.K8gb, PeerKey: len(s.PeerKeys) > 0, Namespace: src.namespace, LeaseName: s.LeaseName,
		Instance: p.instance, Logger: p.log, Registerer: p.registry, Lead: p.lead,
	}
	if x := p.exchange.Load(); x != nil {
		cfg.Replicas = x.ReplicasAt
	}
	if watched != nil {
		cfg.Edge = watched
	}
	if checks != nil {
		cfg.Delegations = checks
	}
	if s.DNS.Clients == config.ClientsAuto {
		cfg.HideClients = p.dns.HideClients
	}
	cfg.AsksDraining = s.EntryCheck
	cfg.SavedWorldLost = p.aside > 0
	cfg.ClientsHidden, cfg.ClientsSeen = s.DNS.Clients == config.ClientsHidden, s.DNS.Clients == config.ClientsVisible
	c, err := controllers.New(cfg)
	if err != nil {
		return err
	}
	p.run("controllers", p.afterChallenges(c.Run))
	return nil
}
