// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"

	edgecheck "github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

// addChecks makes the check of delegations from outside; nil where no server of an
// edge zone is known, or it is turned off.
func (p *process) addChecks(store *gslb.Store) (*edgecheck.Checker, error) {
	if !p.settings.DelegationCheck || p.edgeServers == nil {
		return nil, nil
	}
	c, err := edgecheck.New(edgecheck.Config{
		Worlds: store.Mailbox().C(), Servers: p.edgeServers, Resolver: net.DefaultResolver, Log: p.log, Registerer: p.registry,
	})
	if err != nil {
		return nil, err
	}
	p.checks.Store(c)
	p.run("delegation check", c.Run)
	return c, nil
}

// fixedServers gives servers of the edge zones that the configuration names.
func fixedServers(servers []string) func(context.Context, gslb.Name) ([]string, error) {
	return func(context.Context, gslb.Name) ([]string, error) { return servers, nil }
}

// aboutZone gives what else is known of a zone, for `meridian explain`.
func (p *process) aboutZone(zone gslb.Name) []string {
	c := p.checks.Load()
	if c == nil {
		return nil
	}
	s, known := c.Of(zone)
	if !known || s.State != edgecheck.Broken {
		return nil
	}
	return []string{"the delegation of " + zone.String() + " does not work as it should (" + string(s.Reason) + "): " + s.Message}
}
