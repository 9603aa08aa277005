// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// childView is the zone as one address of one name server answers for it.
type childView struct {
	ns     gslb.NameServer // without addresses
	server string
	k8gb   bool   // its cluster runs k8gb: it sets no AA, and its NS RRset is its own affair
	noWay  bool   // it cannot be asked from here, or there was no time left
	udp    string // what is wrong with the answer over UDP; "": nothing
	tcp    string // the same over TCP
	silent struct{ udp, tcp bool }
	serial uint32
	names  []gslb.Name // the zone's own NS RRset, sorted; nil: not answered
}

// children asks every address of every name server for the zone. Those without an
// address are in nowhere.
func (c *Checker) children(ctx context.Context, w *gslb.World, z *gslb.Zone, set []gslb.NameServer) (views []childView, nowhere []gslb.NameServer) {
	for _, ns := range set {
		addrs := ns.Addrs
		if !ns.Name.In(z.EdgeZone) {
			if c.Resolver == nil {
				continue
			}
			addrs = c.resolve(ctx, ns.Name)
		}
		if len(addrs) == 0 {
			nowhere = append(nowhere, ns)
		}
		for _, a := range addrs[:min(len(addrs), maxAddrs)] {
			views = append(views, childView{ns: gslb.NameServer{Name: ns.Name, Cluster: ns.Cluster}, server: c.at(a), k8gb: runsK8gb(w, ns.Cluster)})
		}
	}
	c.each(ctx, len(views), func(i int) { c.child(ctx, z.Zone, &views[i]) })
	return views, nowhere
}

// runsK8gb reports that a cluster runs k8gb.
func runsK8gb(w *gslb.World, tag gslb.GeoTag) bool {
	c := w.Cluster(tag)
	return c != nil && c.K8gb
}

// child asks one address: SOA over UDP and over TCP, and the NS RRset.
func (c *Checker) child(ctx context.Context, zone gslb.Name, v *childView) {
	in, err := c.udp(ctx, v.server, zone, dns.TypeSOA)
	if errors.Is(err, errNoRoute) {
		v.noWay = true
		return
	}
	v.silent.udp = err != nil
	v.udp = v.judge(zone, in, err)
	in, err = c.tcp(ctx, v.server, zone, dns.TypeSOA)
	v.silent.tcp = err != nil
	v.tcp = v.judge(zone, in, err)
	if ctx.Err() != nil { // silence says nothing then
		v.noWay = true
		return
	}
	if v.k8gb || v.udp != "" && v.tcp != "" {
		return
	}
	ask := c.either
	if v.udp != "" {
		ask = c.tcp
	}
	if in, err = ask(ctx, v.server, zone, dns.TypeNS); err == nil && in.Rcode == dns.RcodeSuccess {
		v.names = namesOf(in.Answer, zone)
	}
	v.noWay = ctx.Err() != nil
}

// judge says what is wrong with the answer to a question for the zone's SOA.
func (v *childView) judge(zone gslb.Name, in *dns.Msg, err error) string {
	if err != nil {
		return err.Error()
	}
	if in.Rcode != dns.RcodeSuccess {
		return said(in)
	}
	for _, rr := range in.Answer {
		soa, ok := rr.(*dns.SOA)
		if !ok || dns.CanonicalName(soa.Hdr.Name) != zone.FQDN() {
			continue
		}
		if !in.Authoritative && !v.k8gb {
			return "an answer without authority (AA)"
		}
		v.serial = soa.Serial
		return ""
	}
	if namesOf(in.Ns, zone) != nil && !in.Authoritative {
		return "a referral to the zone itself: it does not hold the zone"
	}
	return "NOERROR without a SOA"
}

// findings says what is wrong with one address.
//
//	over UDP      | over TCP      | reason
//	good          | good          | –
//	no answer     | no answer     | NameServerSilent
//	wrong answer  | any           | LameDelegation
//	any           | wrong answer  | LameDelegation
//	no answer     | good          | SilentOverUDP
//	good          | no answer     | SilentOverTCP
func (v *childView) findings(zone gslb.Name) []Finding {
	f := Finding{NameServer: v.ns.Name, Cluster: v.ns.Cluster, Server: v.server}
	asked := "asked for " + zone.FQDN() + " SOA"
	switch {
	case v.noWay || v.udp == "" && v.tcp == "":
		return nil
	case v.silent.udp && v.silent.tcp:
		f.Reason, f.Text = ReasonNameServerSilent, fmt.Sprintf("%s, over UDP %s, over TCP %s", asked, v.udp, v.tcp)
	case v.udp != "" && !v.silent.udp:
		f.Reason, f.Text = ReasonLame, fmt.Sprintf("%s over UDP, it gives %s", asked, v.udp)
	case v.tcp != "" && !v.silent.tcp:
		f.Reason, f.Text = ReasonLame, fmt.Sprintf("%s over TCP, it gives %s", asked, v.tcp)
	case v.udp != "":
		f.Reason, f.Text = ReasonSilentOverUDP, fmt.Sprintf("%s over UDP: %s; over TCP it answers", asked, v.udp)
	default:
		f.Reason, f.Text = ReasonSilentOverTCP, fmt.Sprintf("%s over TCP: %s; over UDP it answers", asked, v.tcp)
	}
	return []Finding{f}
}

func joinNames(names []gslb.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return strings.Join(out, ", ")
}

func joinAddrs(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
