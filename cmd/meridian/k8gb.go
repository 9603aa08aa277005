// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers/k8gb"
)

// addK8gb makes what asks the clusters that run k8gb, where that is wanted and there
// can be some. keeper tells who serves a zone; nil: nobody does.
func (p *process) addK8gb(store *gslb.Store, x *exchange, keeper *edge.Keeper) error {
	s := p.settings
	if !s.K8gb || keeper == nil && len(s.K8gbPeers) == 0 {
		return nil
	}
	cfg := k8gb.Config{
		Self: s.Self, Store: store, Worlds: store.Mailbox().C(), Static: s.K8gbPeers, ClusterOf: edge.ClusterOf,
		Foreign: x.SetForeign, AllowLoopback: s.Loopback, Log: p.log, Registerer: p.registry,
	}
	if keeper != nil {
		cfg.Discover = p.strangers(keeper)
	}
	if len(s.PeerKeys) == 0 { // the exchange looks for nobody
		cfg.Sought = store.PeersSought
	}
	asker, err := k8gb.New(cfg)
	if err != nil {
		return err
	}
	p.run("k8gb", asker.Run)
	return nil
}

// strangers finds the name servers of a zone at the edge that could be k8gb's: those of
// --peers are Meridian's.
func (p *process) strangers(keeper *edge.Keeper) func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
	return func(ctx context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
		found, err := keeper.Discover(ctx, z)
		return slices.DeleteFunc(found, func(ns gslb.NameServer) bool {
			return p.settings.Peers[edge.ClusterOf(ns.Name, z.Zone, z.EdgeZone)] != nil
		}), err
	}
}

// dropUnsigned takes what k8gb's clusters told out of a saved world.
func dropUnsigned(saved *gslb.Saved) {
	saved.Reports = slices.DeleteFunc(saved.Reports, func(r *gslb.Report) bool { return r.K8gb })
}
