// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"net/netip"

	"github.com/meridian-gslb/meridian/gslb"
)

// holding is what the edge zone holds of one delegation.
type holding struct {
	server string
	ns     []string // names with trailing dot
	glue   []netip.Addr
	alias  string // a CNAME at our name server's name
}

func (d *delegator) read(ctx context.Context, want Delegation, server string) (holding, error) {
	ns, err := d.k.Publisher.Lookup(ctx, Query{Zone: want.EdgeZone, Name: want.Zone, Type: TypeNS, Server: server})
	if err != nil {
		return holding{}, err
	}
	h := holding{server: ns.Server, ns: ns.Data}
	var alias string
	h.glue, alias, err = readAddrs(ctx, d.k.Publisher, want.EdgeZone, want.NameServer, ns.Server)
	h.alias = alias
	return h, err
}

// readAddrs asks for A and AAAA of a name in an edge zone.
func readAddrs(ctx context.Context, p Reader, edge, name gslb.Name, server string) (addrs []netip.Addr, alias string, err error) {
	for _, t := range []uint16{TypeA, TypeAAAA} {
		a, err := p.Lookup(ctx, Query{Zone: edge, Name: name, Type: t, Server: server})
		if err != nil {
			return nil, "", err
		}
		alias = a.Alias
		for _, s := range a.Data {
			if addr, err := netip.ParseAddr(s); err == nil {
				addrs = append(addrs, addr)
			}
		}
	}
	return sortedAddrs(addrs), alias, nil
}

// nameServers gives the delegation as the edge serves it; addresses of ours only.
func (h *holding) nameServers(want Delegation) []gslb.NameServer {
	var out []gslb.NameServer
	for _, s := range h.ns {
		n, err := gslb.ParseName(s)
		if err != nil {
			continue
		}
		ns := gslb.NameServer{Cluster: ClusterOf(n, want.Zone, want.EdgeZone), Name: n}
		if n == want.NameServer {
			ns.Addrs = h.glue
		}
		out = append(out, ns)
	}
	return out
}
