// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"slices"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// update holds a change of the edge zone against the rules: a cluster touches its
// own name server, glue and heartbeat; its heartbeat, which its processes share,
// only as it was read; another cluster's name server only under prerequisites on
// the set and on that cluster's heartbeat. The lock is held.
func (o *oracle) update(by *process, c edge.Change) {
	zone, parent := o.s.zone, o.s.zone.Parent()
	own, _ := gslb.NameServerName(by.c.tag, zone, parent)
	beat, _ := gslb.HeartbeatName(by.c.tag, parent)
	required := func(name gslb.Name, typ uint16) bool {
		return slices.ContainsFunc(c.Require, func(r edge.RRset) bool { return r.Name == name && r.Type == typ })
	}
	touch := func(name gslb.Name, typ uint16, data string, removes bool) {
		switch {
		case name == own && (typ == edge.TypeA || typ == edge.TypeAAAA):
		case name == beat && typ == edge.TypeTXT:
			if !required(beat, edge.TypeTXT) {
				o.fail(invFenced, by, "heartbeat %s is written without a prerequisite on what was there", name)
			}
		case name == zone && typ == edge.TypeNS && data == own.FQDN():
		case name == zone && typ == edge.TypeNS && removes:
			o.removesOther(by, c, data, required)
		default:
			if tag := edge.ClusterOf(name, zone, parent); tag != "" && removes && (typ == edge.TypeA || typ == edge.TypeAAAA) {
				o.removesOther(by, c, name.FQDN(), required)
				return
			}
			o.fail(invForeign, by, "it touches %s type %d (%s)", name, typ, data)
		}
	}
	for _, s := range c.Clear {
		touch(s.Name, s.Type, "", true)
	}
	for _, r := range c.Remove {
		touch(r.Name, r.Type, r.Data, true)
	}
	for _, r := range c.Add {
		touch(r.Name, r.Type, r.Data, false)
	}
}

// removesOther: agreement.md §6.
func (o *oracle) removesOther(by *process, c edge.Change, server string, required func(gslb.Name, uint16) bool) {
	name, err := gslb.ParseName(server)
	tag := gslb.GeoTag("")
	if err == nil {
		tag = edge.ClusterOf(name, o.s.zone, o.s.zone.Parent())
	}
	if tag == "" {
		o.fail(invForeign, by, "it removes name server %s", server)
		return
	}
	beat, _ := gslb.HeartbeatName(tag, o.s.zone.Parent())
	if !required(o.s.zone, edge.TypeNS) || !required(beat, edge.TypeTXT) {
		o.fail(invFenced, by, "it removes %s without prerequisites on the set and on that cluster's heartbeat", server)
	}
}

// edgeStands: what others have at the edge is as it was, and somebody is delegated
// to once somebody was. The lock is held.
func (o *oracle) edgeStands() {
	z := o.s.zoneAt
	for name, data := range foreign {
		if !slices.Equal(z.get(gslb.MustName(name), edge.TypeA), data) {
			o.fail(invForeign, nil, "%s is %v now", name, z.get(gslb.MustName(name), edge.TypeA))
		}
	}
	ns := z.get(o.s.zone, edge.TypeNS)
	if o.s.edge == edgeUpdates && !slices.Contains(ns, foreignServer) {
		o.fail(invForeign, nil, "name server %s was removed", foreignServer)
	}
	if len(ns) == 0 {
		o.fail(invLastNS, nil, "%s has no name server any more", o.s.zone)
	}
}
