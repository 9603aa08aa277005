// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// served is the whole of a delegation as the edge zone serves it.
type served struct {
	server      string
	nameServers []gslb.NameServer // by name; Addrs of those in the edge zone only
}

// read asks for a delegation, and keeps it as what was read last.
func (a *assembler) read(ctx context.Context, zone gslb.Name) (served, error) {
	server, all, err := readServers(ctx, a.k.reads, zone, a.edge)
	if err != nil {
		return served{}, err
	}
	now := served{server, all}
	a.served[zone] = now
	return now, nil
}

// readServers asks for the delegation of a zone and the glue in the edge zone.
func readServers(ctx context.Context, r Reader, zone, edge gslb.Name) (server string, all []gslb.NameServer, err error) {
	ns, err := r.Lookup(ctx, Query{Zone: edge, Name: zone, Type: TypeNS})
	if err != nil {
		return "", nil, err
	}
	for _, s := range ns.Data {
		name, err := gslb.ParseName(s)
		if err != nil || len(all) == maxNameServers {
			continue
		}
		one := gslb.NameServer{Cluster: ClusterOf(name, zone, edge), Name: name}
		if name.In(edge) {
			if one.Addrs, _, err = readAddrs(ctx, r, edge, name, ns.Server); err != nil {
				return "", nil, err
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, byName)
	return ns.Server, all, nil
}

// differences says, for people, in what the edge zone differs from a full
// delegation; TTLs are never compared.
func differences(want FullDelegation, have served) []string {
	var out []string
	find := func(set []gslb.NameServer, name gslb.Name) (gslb.NameServer, bool) {
		i := slices.IndexFunc(set, func(ns gslb.NameServer) bool { return ns.Name == name })
		if i < 0 {
			return gslb.NameServer{}, false
		}
		return set[i], true
	}
	for _, ns := range want.NameServers {
		there, ok := find(have.nameServers, ns.Name)
		if !ok {
			out = append(out, fmt.Sprintf("%s NS %s is missing", want.Zone.FQDN(), ns.Name.FQDN()))
			continue
		}
		out = append(out, addrDifferences(ns, there.Addrs)...)
	}
	for _, ns := range have.nameServers {
		if _, ok := find(want.NameServers, ns.Name); !ok {
			out = append(out, fmt.Sprintf("%s NS %s is not ours to be there", want.Zone.FQDN(), ns.Name.FQDN()))
		}
	}
	return out
}

func addrDifferences(want gslb.NameServer, have []netip.Addr) []string {
	var out []string
	for _, a := range want.Addrs {
		if !slices.Contains(have, a) {
			out = append(out, fmt.Sprintf("%s %s %s is missing", want.Name.FQDN(), typeName(typeOf(a)), a))
		}
	}
	for _, a := range have {
		if !slices.Contains(want.Addrs, a) {
			out = append(out, fmt.Sprintf("%s %s %s is still there", want.Name.FQDN(), typeName(typeOf(a)), a))
		}
	}
	return out
}

func typeOf(a netip.Addr) uint16 {
	if a.Is6() {
		return TypeAAAA
	}
	return TypeA
}
