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
// heartbeat shows that we, and no other instance, speak for our cluster.
func (d *delegator) diff(want Delegation, have holding) Change {
	c := Change{Zone: want.EdgeZone}
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
	return c
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
