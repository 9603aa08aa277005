// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/meridian-gslb/meridian/edge"
)

// glue knows the addresses of our own name servers: those that were configured, else
// those in the status of our own Service. A status that goes empty while the Service
// remains leaves the last addresses, and so does a host name that cannot be resolved.
// Safe for concurrent use.
//
//	configured | Service | its status | addresses
//	yes        | –       | –          | those configured
//	no         | there   | not empty  | those of the status, host names resolved
//	no         | there   | empty      | the last ones
//	no         | gone    | –          | none
type glue struct {
	fixed   []netip.Addr
	loop    bool // loopback addresses count
	changed func()
	locator *edge.Locator

	mu    sync.Mutex
	found []netip.Addr
}

func newGlue(cfg *Config, log *slog.Logger, changed func()) (*glue, error) {
	g := &glue{fixed: sorted(cfg.Addrs), loop: cfg.AllowLoopback, changed: changed}
	var err error
	g.locator, err = edge.NewLocator(edge.LocatorConfig{Resolver: cfg.Resolver, OnChange: g.take, Log: log})
	return g, err
}

func sorted(addrs []netip.Addr) []netip.Addr {
	return slices.Compact(slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare))
}

// run resolves host names until ctx ends.
func (g *glue) run(ctx context.Context) error { return g.locator.Run(ctx) }

// addrs gives the addresses, sorted; none: not known yet.
func (g *glue) addrs() []netip.Addr {
	if len(g.fixed) > 0 {
		return g.fixed
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found
}

// observe takes our own Service; nil: it is gone. It never waits: host names are resolved
// by run, addresses count at once.
func (g *glue) observe(svc *corev1.Service) {
	var places []string
	var addrs []netip.Addr
	if svc != nil {
		for _, point := range svc.Status.LoadBalancer.Ingress {
			if addr, err := netip.ParseAddr(point.IP); err == nil {
				addrs = append(addrs, addr)
				places = append(places, addr.Unmap().String())
			} else if point.Hostname != "" {
				places = append(places, point.Hostname)
			}
		}
		if len(places) == 0 {
			return // not known for the moment
		}
	}
	if len(addrs) == len(places) {
		g.take(addrs)
	}
	g.locator.Set(places)
}

// take takes over what the places of the status resolve to.
func (g *glue) take(addrs []netip.Addr) {
	var usable []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); a.IsGlobalUnicast() || g.loop && a.IsLoopback() {
			usable = append(usable, a)
		}
	}
	g.mu.Lock()
	g.found = sorted(usable)
	g.mu.Unlock()
	g.changed()
}
