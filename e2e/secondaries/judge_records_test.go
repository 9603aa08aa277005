// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// stated gives the record as it is in a zone's intent; false: it is refused
// before that.
func (r judgeRecord) stated(t testing.TB) (gslb.Record, bool) {
	t.Helper()
	name, err := gslb.ParseName(r.owner)
	require.NoError(t, err)
	typ, err := rdata.ParseType(r.typ)
	require.NoError(t, err)
	if rdata.Servable(typ) != nil {
		return gslb.Record{}, false
	}
	data, err := rdata.Canonical(typ, r.data)
	require.NoError(t, err, "%s %s", r.typ, r.data)
	return gslb.Record{Name: name, Type: typ, TTL: r.ttl, Data: data}, true
}

// queries gives the names to ask for: what the source names, what lies above,
// below and beside it, and what is not in the zone at all.
func (z *judgeZone) queries() []string {
	seen := make(map[string]bool)
	add := func(n string) {
		if _, ok := dns.IsDomainName(n); ok && len(n) < 250 {
			seen[strings.ToLower(n)] = true
		}
	}
	near := func(owner string) {
		for n := owner; dns.IsSubDomain(z.name, n); {
			add(n)
			_, above, _ := strings.Cut(n, ".")
			if n == z.name {
				break
			}
			add("c." + above)
			add("zz." + above)
			n = above
		}
		for _, p := range []string{"a.", "zz.", "b.a.", "*.", "zz.*."} {
			add(p + owner)
		}
	}
	for _, h := range z.hosts {
		near(strings.ToLower(h.Name) + ".")
	}
	for _, r := range z.records {
		near(strings.ToLower(r.owner))
		if r.typ == "NS" || r.typ == "CNAME" {
			if dns.IsSubDomain(z.name, strings.ToLower(r.data)) {
				near(strings.ToLower(r.data))
			}
		}
	}
	near(z.name)
	add("x" + z.name)
	add("test.")
	add(".")
	out := make([]string, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// intent gives the records as a cluster states them.
func (z *judgeZone) intent(t testing.TB) gslb.ZoneIntent {
	t.Helper()
	in := dnstest.Zone(strings.TrimSuffix(z.name, "."))
	in.Addrs = []netip.Addr{netip.MustParseAddr("192.0.2.53")}
	for _, r := range z.records {
		if rec, ok := r.stated(t); ok {
			in.Records = append(in.Records, rec)
		}
	}
	return in
}

// text gives the zone file of what is served: the hosts of the source, and of
// its records what the World says; soa and ns are the apex.
func (z *judgeZone) text(t testing.TB, zone *gslb.Zone, apex []dns.RR) string {
	t.Helper()
	var b strings.Builder
	for _, rr := range apex {
		fmt.Fprintln(&b, rr)
	}
	for _, h := range z.hosts {
		if len(h.Addrs) == 0 && !stands(zone, h.Name) { // what a host is known by that has nothing to answer
			fmt.Fprintf(&b, "%s. %d IN TYPE%d \\# 0\n", h.Name, zone.NegTTL, answers.TypePlaceholder)
		}
		for _, a := range h.Addrs {
			typ := "A"
			if strings.Contains(a, ":") {
				typ = "AAAA"
			}
			fmt.Fprintf(&b, "%s. %d IN %s %s\n", h.Name, h.Policy.TTL, typ, a)
		}
	}
	if zone.Static != nil {
		for _, s := range zone.Static.Sets {
			for _, d := range s.Data {
				fmt.Fprintf(&b, "%s %d IN %s %s\n", s.Name.FQDN(), s.TTL, rdata.TypeName(s.Type), d)
			}
		}
	}
	require.NotEmpty(t, b.String())
	return b.String()
}

// stands reports that a static record is served at a name, or that it is the apex.
func stands(zone *gslb.Zone, name string) bool {
	if name == zone.Zone.String() {
		return true
	}
	return zone.Static != nil && slices.ContainsFunc(zone.Static.Sets, func(s gslb.RecordSet) bool { return s.Name.String() == name })
}
