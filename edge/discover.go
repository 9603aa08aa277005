// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"

	"github.com/meridian-gslb/meridian/gslb"
)

// Discover reads who serves a zone: the delegation in its edge zone with the
// addresses of the name servers that lie there, ours included, by name. Cluster
// is "" for a name server whose name is not a cluster's; Addrs is empty where
// the edge zone has none. Of a zone below another of ours it reads who serves that
// one: they are who is to be asked for both. An error means that the edge could not be
// read, never that the zone has no servers.
func (k *Keeper) Discover(ctx context.Context, zone gslb.Zone) ([]gslb.NameServer, error) {
	if k.reads == nil {
		return nil, &Error{Reason: ReasonNoEdge, Message: "no edge is configured, so the clusters of " + zone.Zone.String() + " cannot be found there; give --peers"}
	}
	if w := k.world.Load(); w != nil {
		for outer := ServedParent(w, &zone); outer != nil; outer = ServedParent(w, outer) {
			zone = *outer
		}
	}
	_, all, err := readServers(ctx, k.reads, zone.Zone, zone.EdgeZone)
	return all, err
}
