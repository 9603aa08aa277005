// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
)

// explainFiles reads a folder as `meridian serve --manifests` would and explains
// a host from it: this cluster's part, without peers and probes. Zones are those
// of the ZoneDelegations in the folder; if there is none, the host's parent.
func explainFiles(ctx context.Context, dir, tag string, loopback bool, host gslb.Name, client netip.Addr) (*explain.Explanation, error) {
	self, err := gslb.ParseGeoTag(tag)
	if err != nil {
		return nil, usageError{fmt.Errorf("--geo-tag: with --manifests, say for which cluster: %w", err)}
	}
	w, found, err := readFolder(ctx, files.Config{Dir: dir, Self: self, AllowLoopback: loopback})
	if err == nil && len(w.Zones) == 0 {
		zone := host.Parent()
		w, found, err = readFolder(ctx, files.Config{Dir: dir, Self: self, AllowLoopback: loopback,
			Zones: []gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}}})
	}
	if err != nil {
		return nil, err
	}
	x, err := explain.Of(w, host, client)
	if err != nil {
		return nil, err
	}
	if at, err := gslb.ParseName(x.Host); err == nil {
		x.Notes = append(x.Notes, found.Findings(at)...) // a server tells it in conditions
	}
	return x, nil
}

// readFolder gives the World that a folder makes, and its source, which has ended.
func readFolder(ctx context.Context, cfg files.Config) (*gslb.World, *files.Source, error) {
	store, err := gslb.NewStore(gslb.Config{Self: cfg.Self, ClusterID: "explain"})
	if err != nil {
		return nil, nil, err
	}
	cfg.Store, cfg.Registerer = store, prometheus.NewRegistry()
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	src, err := files.New(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("--manifests: %w", err)
	}
	worlds := store.Mailbox().C()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { return src.Run(running) })
	g.Go(func() error { return store.Run(running) })
	var w *gslb.World
	for running.Err() == nil && (w == nil || !w.Ready) {
		select {
		case <-running.Done():
		case w = <-worlds:
		}
	}
	cancel()
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if w == nil || !w.Ready {
		return nil, nil, errors.New("the folder was not read within 10 s")
	}
	return w, src, nil
}
