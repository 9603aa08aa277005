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
// of the ZoneDelegations in the folder; without any, that of the host's parent.
func explainFiles(ctx context.Context, dir, tag string, loopback bool, host gslb.Name, client netip.Addr) (*explain.Explanation, error) {
	self, err := gslb.ParseGeoTag(tag)
	if err != nil {
		return nil, usageError{fmt.Errorf("--geo-tag: with --manifests, say for which cluster: %w", err)}
	}
	store, err := gslb.NewStore(gslb.Config{Self: self, ClusterID: "explain"})
	if err != nil {
		return nil, err
	}
	zone := host.Parent()
	src, err := files.New(files.Config{
		Dir: dir, Store: store, Self: self, AllowLoopback: loopback, Zones: []gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent()}},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, fmt.Errorf("--manifests: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	worlds := store.Mailbox().C()
	running, stop := context.WithCancel(ctx)
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return src.Run(running) })
	g.Go(func() error { return store.Run(running) })
	var x *explain.Explanation
	for x == nil && err == nil {
		select {
		case <-running.Done():
			err = errors.New("the folder was not read within 10 s")
		case w := <-worlds:
			if w.Ready {
				x, err = explain.Of(w, host, client)
			}
		}
	}
	stop()
	if e := g.Wait(); e != nil {
		return nil, e
	}
	return x, err
}
