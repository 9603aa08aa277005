// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// learnEvery is how long the NS set of an edge zone is remembered.
const learnEvery = 10 * time.Minute

// parentView is the delegation as one server of the edge zone says it.
type parentView struct {
	server  string
	derived bool              // found in the NS set of the edge zone, where everybody finds it
	set     []gslb.NameServer // by name; Addrs of those in the edge zone as that server has them
	usable  bool              // it answered for the edge zone
	problem string            // why not
	silent  bool              // it did not answer at all
	own     bool              // of a zone of ours that holds this one: it answers for both
}

// edgeServers are those of one edge zone.
type edgeServers struct {
	at      time.Time
	derived []string
}

// parents asks every server of the edge zone for the delegation of a zone. An
// error means that nobody is known who could be asked.
func (c *Checker) parents(ctx context.Context, w *gslb.World, z *gslb.Zone) ([]parentView, error) {
	var views []parentView
	if outer := edge.ServedParent(w, z); outer != nil {
		servers, err := c.ownServers(ctx, w, outer)
		if err != nil {
			return nil, err
		}
		for _, s := range servers {
			views = append(views, parentView{server: s, derived: true, own: true})
		}
		return c.askParents(ctx, z, views), nil
	}
	configured, err := c.Servers(ctx, z.EdgeZone)
	if err != nil || len(configured) == 0 {
		if err == nil {
			err = fmt.Errorf("no server of the edge zone %s is known; give --edge-dns", z.EdgeZone)
		}
		return nil, err
	}
	derived := c.derived(ctx, z.EdgeZone, configured)
	for _, s := range derived {
		views = append(views, parentView{server: s, derived: true})
	}
	for _, s := range configured {
		if !slices.Contains(derived, s) {
			views = append(views, parentView{server: s})
		}
	}
	return c.askParents(ctx, z, views), nil
}

// askParents asks so many of the servers as may be asked.
func (c *Checker) askParents(ctx context.Context, z *gslb.Zone, views []parentView) []parentView {
	views = views[:min(len(views), maxEdgeServers)]
	c.each(ctx, len(views), func(i int) { c.parent(ctx, z, &views[i]) })
	return views
}

// derived gives the servers in the NS set of the edge zone, as those that are
// configured have it: the ones that resolvers ask. The last good list is kept.
func (c *Checker) derived(ctx context.Context, zone gslb.Name, configured []string) []string {
	last := c.edges[zone]
	if last != nil && time.Since(last.at) < learnEvery {
		return last.derived
	}
	for _, server := range configured {
		in, err := c.either(ctx, server, zone, dns.TypeNS)
		if err != nil || in.Rcode != dns.RcodeSuccess {
			continue
		}
		names := namesOf(in.Answer, zone)
		if len(names) == 0 {
			continue
		}
		next := &edgeServers{at: time.Now()}
		for _, n := range names {
			for _, a := range c.locate(ctx, server, zone, n, in) {
				next.derived = append(next.derived, c.at(a))
			}
		}
		slices.Sort(next.derived)
		next.derived = slices.Compact(next.derived)
		c.edges[zone] = next
		return next.derived
	}
	if last != nil {
		return last.derived
	}
	return nil
}

// parent asks one server of the edge zone. It is right to answer by a referral,
// or from the zone itself where it happens to hold that too.
func (c *Checker) parent(ctx context.Context, z *gslb.Zone, v *parentView) {
	in, err := c.either(ctx, v.server, z.Zone, dns.TypeNS)
	if err != nil {
		v.silent, v.problem = true, err.Error()
		return
	}
	names := namesOf(in.Answer, z.Zone)
	if len(names) == 0 {
		names = namesOf(in.Ns, z.Zone)
	}
	switch {
	case in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError:
		v.problem = fmt.Sprintf("asked for %s NS, it answers %s", z.Zone.FQDN(), said(in))
		return
	case len(names) == 0 && !in.Authoritative:
		v.problem = fmt.Sprintf("asked for %s NS, it answers without authority and without a referral: it does not hold %s", z.Zone.FQDN(), z.EdgeZone)
		return
	}
	v.usable = true
	for _, n := range names[:min(len(names), maxNameServers)] {
		ns := gslb.NameServer{Cluster: edge.ClusterOf(n, z.Zone, z.EdgeZone), Name: n}
		if n.In(z.EdgeZone) {
			ns.Addrs = c.glue(ctx, v.server, n, in, stated(z, n))
		}
		v.set = append(v.set, ns)
	}
	slices.SortFunc(v.set, func(a, b gslb.NameServer) int { return a.Name.Compare(b.Name) })
}

// stated gives the addresses that the cluster of a name server states; nil: none
// that we know.
func stated(z *gslb.Zone, name gslb.Name) []netip.Addr {
	for i := range z.NameServers {
		if z.NameServers[i].Name == name {
			return z.NameServers[i].Addrs
		}
	}
	return nil
}

// glue gives the addresses of a name server in the edge zone: those beside the
// referral, and by questions of their own where that had not all that are due.
func (c *Checker) glue(ctx context.Context, server string, name gslb.Name, referral *dns.Msg, due []netip.Addr) []netip.Addr {
	addrs := addrsOf(referral.Extra, name)
	if len(addrs) > 0 && !slices.ContainsFunc(due, func(a netip.Addr) bool { return !slices.Contains(addrs, a) }) {
		return addrs
	}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if in, err := c.either(ctx, server, name, t); err == nil {
			addrs = append(addrs, addrsOf(slices.Concat(in.Answer, in.Extra), name)...)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// locate finds the addresses of a name server: in the zone, asked of a server of
// it, or by the resolver where the name lies elsewhere.
func (c *Checker) locate(ctx context.Context, server string, zone, name gslb.Name, in *dns.Msg) []netip.Addr {
	if name.In(zone) {
		return c.glue(ctx, server, name, in, nil)
	}
	return c.resolve(ctx, name)
}

func (c *Checker) resolve(ctx context.Context, name gslb.Name) []netip.Addr {
	if c.Resolver == nil {
		return nil
	}
	found, err := c.Resolver.LookupNetIP(ctx, "ip", name.FQDN())
	if err != nil {
		return nil
	}
	out := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		out = append(out, a.Unmap())
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// at gives ADDRESS:PORT of a name server.
func (c *Checker) at(a netip.Addr) string {
	return net.JoinHostPort(a.String(), strconv.Itoa(int(c.Port)))
}

// namesOf gives the name servers of an owner in a section, sorted.
func namesOf(section []dns.RR, owner gslb.Name) []gslb.Name {
	var out []gslb.Name
	for _, rr := range section {
		ns, ok := rr.(*dns.NS)
		if !ok || dns.CanonicalName(ns.Hdr.Name) != owner.FQDN() {
			continue
		}
		if n, err := gslb.ParseName(ns.Ns); err == nil {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, gslb.Name.Compare)
	return slices.Compact(out)
}

// addrsOf gives the addresses of an owner in a section, sorted.
func addrsOf(section []dns.RR, owner gslb.Name) []netip.Addr {
	var out []netip.Addr
	for _, rr := range section {
		if dns.CanonicalName(rr.Header().Name) != owner.FQDN() {
			continue
		}
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap())
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
