// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// glue knows the addresses of our own name servers: those that were configured, else
// those in the status of our own Service. A status that goes empty while the Service
// remains leaves the last addresses, and so does a host name that cannot be resolved, or
// not yet. Safe for concurrent use.
//
//	configured | Service | its status            | addresses
//	yes        | –       | –                     | those configured
//	no         | there   | addresses             | those, at once
//	no         | there   | names, some resolved  | theirs, and the addresses beside them
//	no         | there   | names, none resolved  | the last ones
//	no         | there   | empty                 | the last ones
//	no         | gone    | –                     | none
type glue struct {
	fixed   []netip.Addr
	loop    bool // loopback addresses count
	changed func()
	names   *hostnames.Book[struct{}]

	mu    sync.Mutex
	known []netip.Addr // addresses of the status
	hosts []string     // host names of the status
	found []netip.Addr
}

func newGlue(cfg *Config, log *slog.Logger, changed func()) (*glue, error) {
	g := &glue{fixed: sorted(cfg.Addrs), loop: cfg.AllowLoopback, changed: changed}
	var err error
	g.names, err = hostnames.New(hostnames.Config[struct{}]{Asker: cfg.Asker, OnChange: func(string, []struct{}) { g.locate() }, Log: log})
	return g, err
}

func sorted(addrs []netip.Addr) []netip.Addr {
	return slices.Compact(slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare))
}

// run resolves host names until ctx ends.
func (g *glue) run(ctx context.Context) error { return g.names.Run(ctx) }

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
	var addrs []netip.Addr
	var hosts []string
	if svc != nil {
		for _, point := range svc.Status.LoadBalancer.Ingress {
			if addr, err := netip.ParseAddr(point.IP); err == nil {
				addrs = append(addrs, addr)
			} else if point.Hostname != "" {
				hosts = append(hosts, point.Hostname)
			}
		}
		if len(addrs)+len(hosts) == 0 {
			return // not known for the moment
		}
	}
	g.mu.Lock()
	g.known, g.hosts = addrs, hosts
	g.mu.Unlock()
	g.names.Want(struct{}{}, hosts)
	g.locate()
}

// locate takes over the addresses of the status, and those that its host names have.
func (g *glue) locate() {
	g.mu.Lock()
	all := slices.Clone(g.known)
	for _, h := range g.hosts {
		all = append(all, g.names.Addrs(h)...)
	}
	var usable []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); a.IsGlobalUnicast() || g.loop && a.IsLoopback() {
			usable = append(usable, a)
		}
	}
	kept := len(all) == 0 && len(g.hosts) > 0
	if !kept {
		g.found = sorted(usable)
	}
	g.mu.Unlock()
	if !kept {
		g.changed()
	}
}
