// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// Discover reads who serves a zone: the delegation in its edge zone with the
// addresses of the name servers that lie there, ours included, by name. Cluster
// is "" for a name server whose name is not a cluster's; Addrs is empty where
// the edge zone has none. An error means that the edge could not be read, never
// that the zone has no servers.
func (k *Keeper) Discover(ctx context.Context, zone gslb.Zone) ([]gslb.NameServer, error) {
	if k.Publisher == nil {
		return nil, &Error{Reason: ReasonNoEdge, Message: "no edge is configured, so the clusters of " + zone.Zone.String() + " cannot be found there; give --peers"}
	}
	ns, err := k.Publisher.Lookup(ctx, Query{Zone: zone.EdgeZone, Name: zone.Zone, Type: TypeNS})
	if err != nil {
		return nil, err
	}
	var out []gslb.NameServer
	for _, s := range ns.Data {
		name, err := gslb.ParseName(s)
		if err != nil {
			continue
		}
		server := gslb.NameServer{Cluster: ClusterOf(name, zone.Zone, zone.EdgeZone), Name: name}
		if name.In(zone.EdgeZone) {
			if server.Addrs, _, err = readAddrs(ctx, k.Publisher, zone.EdgeZone, name, ns.Server); err != nil {
				return nil, err
			}
		}
		out = append(out, server)
	}
	slices.SortFunc(out, func(a, b gslb.NameServer) int { return a.Name.Compare(b.Name) })
	return out, nil
}
