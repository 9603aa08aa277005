// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

// exchange is the exchange between clusters, as the edge's keeper sees it.
type exchange struct{ *peers.Exchange }

// heard gives the last keep-alive numbers of every peer, for our alarm.
func (x *exchange) heard() []edge.HeardKeepAlive {
	var out []edge.HeardKeepAlive
	for tag, all := range x.InstanceKeepAlives() {
		for _, k := range all {
			out = append(out, edge.HeardKeepAlive{Cluster: tag, Instance: k.Instance, Number: k.Number, Age: max(time.Since(k.At), time.Millisecond)})
		}
	}
	return out
}

// addExchange makes the exchange and leads signed messages to it. keeper gives
// the edge's keeper once there is one; it tells where peers are.
func (p *process) addExchange(store *gslb.Store, clusterID string, discover func(context.Context, gslb.Zone) ([]gslb.NameServer, error)) (*exchange, error) {
	s := p.settings
	cfg := peers.Config{
		Self: s.Self, ClusterID: clusterID, Instance: p.instance, Store: store, Worlds: store.Mailbox().C(),
		Static: s.Peers, Discover: discover, Lease: s.Timing.Lease, RelayAfter: s.Timing.Alarm, Now: p.now, Log: p.log, Registerer: p.registry,
	}
	for _, k := range s.PeerKeys {
		cfg.Keys = append(cfg.Keys, peers.Key{Peer: k.Peer, Key: k.Key})
	}
	x, err := peers.New(cfg)
	if err != nil {
		return nil, err
	}
	p.slow.lead(placeExchange, x)
	return &exchange{x}, nil
}

// lookUp finds peers by the zone's name servers at the edge. The first look-up that
// succeeds lets the first World go; what it found is waited for. One that fails is tried
// again, and the World waits for it no longer than for a peer.
func lookUp(store *gslb.Store, self gslb.GeoTag, keeper *edge.Keeper) func(context.Context, gslb.Zone) ([]gslb.NameServer, error) {
	return func(ctx context.Context, z gslb.Zone) ([]gslb.NameServer, error) {
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		found, err := keeper.Discover(asking, z)
		for _, ns := range found {
			if tag := edge.ClusterOf(ns.Name, z.Zone, z.EdgeZone); tag != "" && tag != self {
				store.KnowPeer(tag)
			}
		}
		if err == nil {
			store.PeersSought()
		}
		return found, err
	}
}
