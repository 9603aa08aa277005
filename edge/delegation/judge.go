// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// behindFor is how long a secondary may stand behind every cluster without moving
// before that is trouble.
const behindFor = time.Hour

// lag is a secondary that is behind.
type lag struct {
	serial uint32
	since  time.Time
}

// look asks from the edge down and says how the delegation of a zone is.
func (c *Checker) look(ctx context.Context, w *gslb.World, z *gslb.Zone) Status {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	s := Status{Zone: z.Zone, EdgeZone: z.EdgeZone, Checked: time.Now()}
	parents, err := c.parents(ctx, w, z)
	if o, ok := errors.AsType[*obstacle](err); ok {
		if o.reason == ReasonNotDelegated {
			s.Findings = []Finding{{Reason: o.reason, Text: o.text}}
			return settled(s)
		}
		s.Reason, s.Message = o.reason, o.text
		return s
	}
	if err != nil {
		s.Reason, s.Message = ReasonEdgeServersUnknown, err.Error()
		return s
	}
	ref := reference(parents)
	if ref == nil {
		s.Reason, s.Message = ReasonEdgeUnreachable, "no server of the edge zone can be asked: "+problems(parents)
		return s
	}
	s.Findings = parentFindings(z, ref, parents)
	children, nowhere := c.children(ctx, w, z, ref.set)
	if len(children) > 0 && !slices.ContainsFunc(children, func(v childView) bool { return !v.noWay }) {
		s.Reason, s.Message = ReasonNoRoute, "no name server of the zone can be asked from here: there is no route to their addresses"
		return s
	}
	for _, ns := range nowhere {
		s.Findings = append(s.Findings, missing(z, ref, ns))
	}
	s.Findings = append(s.Findings, glueFindings(w, z, ref)...)
	for i := range children {
		s.Findings = append(s.Findings, children[i].findings(z.Zone)...)
	}
	s.Findings = append(s.Findings, setFindings(w, z, ref, children)...)
	s.Findings = append(s.Findings, c.lagging(z, children)...)
	s.servers = ref.set
	return settled(s)
}

// reference gives the view that counts: that of a server which resolvers ask, and of
// servers of ours that of one which serves the zone; nil if no server gave a usable one.
func reference(views []parentView) *parentView {
	for i := range views {
		if v := &views[i]; v.own && v.usable && len(v.set) > 0 {
			return v
		}
	}
	for _, derived := range []bool{true, false} {
		for i := range views {
			if v := &views[i]; v.usable && v.derived == derived {
				return v
			}
		}
	}
	return nil
}

func problems(views []parentView) string {
	var out []string
	for i := range views {
		out = append(out, views[i].server+": "+views[i].problem)
	}
	return strings.Join(out, "; ")
}

// parentFindings says what is wrong with what the edge zone says. A server that
// only we were told of may refuse everybody, and one that is silent is the edge
// zone's own trouble while others answer.
func parentFindings(z *gslb.Zone, ref *parentView, views []parentView) []Finding {
	var out []Finding
	if len(ref.set) == 0 {
		out = append(out, Finding{Reason: ReasonNotDelegated, Server: ref.server,
			Text: fmt.Sprintf("asked for %s NS, it delegates the zone to nobody", z.Zone.FQDN())})
	}
	for i := range views {
		v := &views[i]
		switch {
		case v == ref, v.silent, !v.usable && !v.derived && ref.derived:
		case !v.usable:
			out = append(out, Finding{Reason: ReasonEdgeServersDiffer, Server: v.server, Text: v.problem})
		case v.own && len(v.set) == 0 && len(ref.set) > 0:
			out = append(out, Finding{Reason: ReasonEdgeServersDiffer, Server: v.server,
				Text: fmt.Sprintf("asked for %s NS, it has none, and %s has: its cluster serves %s and not %s; give it this ZoneDelegation too", z.Zone.FQDN(), ref.server, z.EdgeZone, z.Zone)})
		case describe(v.set) != describe(ref.set):
			out = append(out, Finding{Reason: ReasonEdgeServersDiffer, Server: v.server,
				Text: fmt.Sprintf("it delegates the zone to %s, and %s to %s", describe(v.set), ref.server, describe(ref.set))})
		}
	}
	return out
}

// describe says a delegation for people, and the same for the same.
func describe(set []gslb.NameServer) string {
	if len(set) == 0 {
		return "nobody"
	}
	var out []string
	for _, ns := range set {
		one := ns.Name.String()
		if len(ns.Addrs) > 0 {
			one += " (" + joinAddrs(ns.Addrs) + ")"
		}
		out = append(out, one)
	}
	return strings.Join(out, ", ")
}

// missing is a name server that nobody can find.
func missing(z *gslb.Zone, ref *parentView, ns gslb.NameServer) Finding {
	f := Finding{Reason: ReasonGlueMissing, NameServer: ns.Name, Cluster: ns.Cluster}
	if ns.Name.In(z.EdgeZone) {
		f.Text = fmt.Sprintf("asked for %s, edge server %s has neither A nor AAAA", ns.Name.FQDN(), ref.server)
	} else {
		f.Text = fmt.Sprintf("%s cannot be resolved", ns.Name.FQDN())
	}
	return f
}

// glueFindings compares the addresses at the edge with what the clusters state that
// we hear: what a silent one said last may be old. One that runs k8gb states none: where it
// was found may be another way to it (--k8gb-peers).
func glueFindings(w *gslb.World, z *gslb.Zone, ref *parentView) []Finding {
	var out []Finding
	for _, ns := range ref.set {
		due := slices.Clone(stated(z, ns.Name))
		cluster := w.Cluster(ns.Cluster)
		heard := cluster != nil && (cluster.Liveness == gslb.Self || cluster.Liveness == gslb.Fresh)
		if len(ns.Addrs) == 0 || len(due) == 0 || !heard || cluster.K8gb {
			continue
		}
		for i := range due {
			due[i] = due[i].Unmap()
		}
		slices.SortFunc(due, netip.Addr.Compare)
		if !slices.Equal(due, ns.Addrs) {
			out = append(out, Finding{Reason: ReasonGlueDiffers, NameServer: ns.Name, Cluster: ns.Cluster,
				Text: fmt.Sprintf("edge server %s has the glue %s, and the cluster is at %s", ref.server, joinAddrs(ns.Addrs), joinAddrs(due))})
		}
	}
	return out
}

// setFindings compares the NS RRset of the edge zone with the zone's own, as each
// name server gives it. Name servers of no cluster may stand at the edge alone:
// secondaries that an operator put there. So may those of clusters that run k8gb.
func setFindings(w *gslb.World, z *gslb.Zone, ref *parentView, children []childView) []Finding {
	var atEdge, clusters []gslb.Name
	for _, ns := range ref.set {
		atEdge = append(atEdge, ns.Name)
		if ns.Cluster != "" && !runsK8gb(w, ns.Cluster) {
			clusters = append(clusters, ns.Name)
		}
	}
	var out []Finding
	said := make(map[string]bool)
	for i := range children {
		v := &children[i]
		switch {
		case v.noWay || v.k8gb || v.udp != "" && v.tcp != "":
			continue
		case len(v.names) == 0:
			out = append(out, Finding{Reason: ReasonLame, NameServer: v.ns.Name, Cluster: v.ns.Cluster, Server: v.server,
				Text: fmt.Sprintf("asked for %s NS, it gives none", z.Zone.FQDN())})
			continue
		}
		only := func(in, of []gslb.Name) []gslb.Name {
			return slices.DeleteFunc(slices.Clone(in), func(n gslb.Name) bool { return slices.Contains(of, n) })
		}
		var parts []string
		if more := only(v.names, atEdge); len(more) > 0 {
			parts = append(parts, "the edge zone lacks "+joinNames(more))
		}
		if less := only(clusters, v.names); len(less) > 0 {
			parts = append(parts, "the edge zone has "+joinNames(less)+" besides")
		}
		text := strings.Join(parts, "; ")
		if text == "" || said[text] {
			continue
		}
		said[text] = true
		out = append(out, Finding{Reason: ReasonNameServersDiffer, NameServer: v.ns.Name, Cluster: v.ns.Cluster, Server: v.server,
			Text: fmt.Sprintf("asked for %s NS, it gives %s; %s", z.Zone.FQDN(), joinNames(v.names), text)})
	}
	return out
}

// lagging finds secondaries that have stood behind every cluster for long. Serials
// of clusters are their own: they differ, and none is behind.
func (c *Checker) lagging(z *gslb.Zone, children []childView) []Finding {
	var lowest uint32
	known := false
	for i := range children {
		if v := &children[i]; v.ns.Cluster != "" && (v.udp == "" || v.tcp == "") && !v.noWay && (!known || before(v.serial, lowest)) {
			lowest, known = v.serial, true
		}
	}
	var out []Finding
	for i := range children {
		v := &children[i]
		key := z.Zone.String() + " " + v.server
		if v.ns.Cluster != "" || !known || v.noWay || v.udp != "" && v.tcp != "" || !before(v.serial, lowest) {
			delete(c.behind, key)
			continue
		}
		was, ok := c.behind[key]
		if !ok || was.serial != v.serial {
			was = lag{v.serial, time.Now()}
			c.behind[key] = was
		}
		if time.Since(was.since) >= behindFor {
			out = append(out, Finding{Reason: ReasonSerialBehind, NameServer: v.ns.Name, Server: v.server,
				Text: fmt.Sprintf("its serial has stood at %d for more than an hour, behind every cluster: its transfers fail", v.serial)})
		}
	}
	return out
}

// before compares serials (RFC 1982 §3.2).
func before(a, b uint32) bool { return int32(a-b) < 0 }
