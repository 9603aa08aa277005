// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"net"
	"net/netip"

	"github.com/meridian-gslb/meridian/gslb"
)

// instance stands in reports and sightings where Meridian names a process.
const instance = "k8gb"

// publish hands in the report of every zone that changed.
func (c *cluster) publish() {
	for zone, changed := range c.dirty {
		delete(c.dirty, zone)
		if _, served := c.serves[zone]; !served || !changed {
			continue
		}
		edge := c.a.edgeOf(zone)
		if edge.IsZero() {
			continue
		}
		err := c.a.cfg.Store.SetReport(c.report(zone, edge))
		switch {
		case err != nil && !c.refused:
			c.a.log.Warn("answers of a cluster that runs k8gb are not taken", "peer", c.tag, "zone", zone, "error", err)
		case err == nil && c.refused:
			c.a.log.Info("answers of a cluster that runs k8gb are taken again", "peer", c.tag, "zone", zone)
		}
		c.refused = err != nil
	}
	c.note()
}

// report makes a report of what is believed of a zone: addresses and name servers. It
// knows no policy, no clusters that this one hears, and no serial of the zone.
func (c *cluster) report(zone, edge gslb.Name) *gslb.Report {
	r := &gslb.Report{
		Cluster: c.tag, ClusterID: c.id, Instance: instance, Zone: zone, EdgeZone: edge, K8gb: true,
		Offers: make(map[gslb.Name]*gslb.Offer),
	}
	for name, t := range c.targets {
		if t.host.zone == zone && t.made != nil {
			r.Offers[name] = t.made
		}
	}
	if ns, err := gslb.NameServerName(c.tag, zone, edge); err == nil {
		r.NameServers = []gslb.NameServer{{Cluster: c.tag, Name: ns, Addrs: glueOf(c.serves[zone])}}
	}
	return r
}

// glueOf gives the addresses among HOST:PORT.
func glueOf(addrs []string) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		h, _, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if addr, err := netip.ParseAddr(h); err == nil {
			out = append(out, addr)
		}
	}
	return out
}

// note keeps the status up to date.
func (c *cluster) note() {
	hosts := 0
	for _, t := range c.targets {
		if t.made != nil {
			hosts++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stat.Hosts, c.stat.Round = hosts, max(askLeast, c.pace())
}
