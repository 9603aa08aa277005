// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// diff says what must change. Data is compared, never TTLs: clusters with
// different TTLs would repair each other for ever. Old glue goes only while the
// heartbeat shows that we, and no other instance, speak for our cluster. What a process
// that cannot read its objects does not touch is told in kept.
func (d *delegator) diff(want Delegation, have holding) (c Change, kept string) {
	c = Change{Zone: want.EdgeZone}
	if !slices.Contains(have.ns, want.NameServer.FQDN()) {
		c.Add = append(c.Add, gslb.Record{Name: want.Zone, Type: TypeNS, TTL: d.k.TTL, Data: want.NameServer.FQDN()})
	}
	for _, a := range want.Addrs {
		if !slices.Contains(have.glue, a) {
			c.Add = append(c.Add, glueRecord(want.NameServer, a, d.k.TTL))
		}
	}
	if d.claim.mayRemove(time.Now()) {
		for _, a := range have.glue {
			if !slices.Contains(want.Addrs, a) {
				c.Remove = append(c.Remove, glueRecord(want.NameServer, a, 0))
			}
		}
	}
	if want.Blind {
		return d.withhold(c, want, have)
	}
	return c, ""
}

// withhold takes out of a change what a process may not do that cannot read its objects:
// another instance of its cluster may have, and published newer addresses. Nothing that
// is there is replaced; what is missing entirely is repaired.
//
//	our heartbeat states | our NS  | our glue    | is added
//	not known yet        | any     | any         | nothing
//	our addresses        | any     | any         | whatever is missing
//	nothing, or others   | any     | some        | the NS
//	nothing              | any     | none at all | NS and glue
//	others               | there   | none at all | the glue: old addresses are better than none
//	others               | missing | none at all | nothing: who sees took the zone away
func (d *delegator) withhold(c Change, want Delegation, have holding) (Change, string) {
	full := c
	c.Remove = nil
	ours, others := d.claim.stated()
	named := slices.Contains(have.ns, want.NameServer.FQDN())
	_, unnamed := gslb.HeartbeatName(d.self, d.edge) // then there is no heartbeat
	switch {
	case ours:
	case unnamed == nil && len(d.claim.lease()) == 0, others && !named && len(have.glue) == 0:
		c.Add = nil
	case len(have.glue) > 0:
		c.Add = slices.DeleteFunc(slices.Clone(c.Add), func(r gslb.Record) bool { return r.Type != TypeNS })
	case len(c.Add) > 0:
		c.Require = []RRset{{Name: want.NameServer, Type: TypeA}, {Name: want.NameServer, Type: TypeAAAA}}
	}
	if len(c.Add) == len(full.Add) && len(c.Remove) == len(full.Remove) {
		return c, ""
	}
	return c, fmt.Sprintf("this process cannot read its objects and last knew name-server addresses %v; what the edge zone holds may be newer and is left as it is", want.Addrs)
}

func glueRecord(ns gslb.Name, a netip.Addr, ttl uint32) gslb.Record {
	return gslb.Record{Name: ns, Type: typeOf(a), TTL: ttl, Data: a.String()}
}

// describe says what the server ignored.
func describe(left Change, have holding) string {
	var parts []string
	for _, r := range left.Add {
		parts = append(parts, fmt.Sprintf("%s %s %s is missing", r.Name.FQDN(), typeName(r.Type), r.Data))
	}
	for _, r := range left.Remove {
		parts = append(parts, fmt.Sprintf("%s %s %s is still there", r.Name.FQDN(), typeName(r.Type), r.Data))
	}
	msg := fmt.Sprintf("edge server %s said NOERROR to the update and ignored it: %s", have.server, strings.Join(parts, "; "))
	if have.alias != "" {
		msg += fmt.Sprintf("; a CNAME to %s stands at the name: remove it", have.alias)
	}
	return msg
}

func typeName(t uint16) string {
	switch t {
	case TypeA:
		return "A"
	case TypeNS:
		return "NS"
	case TypeTXT:
		return "TXT"
	case TypeAAAA:
		return "AAAA"
	}
	return fmt.Sprintf("TYPE%d", t)
}
