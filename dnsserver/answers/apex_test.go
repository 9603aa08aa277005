// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestTheApexAnswersForItself(t *testing.T) {
	table := build(t,
		dnstest.Host{Name: zone, Addrs: []string{"192.0.2.1"}, Others: map[string][]string{"us": {"198.51.100.1"}}},
	)
	for _, c := range []struct {
		qtype uint16
		want  dnstest.Expect
		why   string
	}{
		{dns.TypeSOA, dnstest.Expect{AA: true, Answer: []string{soa}}, "exactly one SOA (row 74)"},
		{dns.TypeNS, dnstest.Expect{AA: true, Answer: []string{
			"cloud.example.com. 300 IN NS gslb-ns-eu-cloud.example.com.",
			"cloud.example.com. 300 IN NS gslb-ns-us-cloud.example.com.",
		}}, "name servers of every cluster; their addresses are the edge zone's (row 71)"},
		{dns.TypeA, dnstest.Expect{AA: true, Answer: []string{
			"cloud.example.com. 30 IN A 192.0.2.1", "cloud.example.com. 30 IN A 198.51.100.1",
		}}, "the apex can be a host"},
		{dns.TypeAAAA, dnstest.Expect{AA: true, Authority: []string{soa}}, "without that family"},
		{dns.TypeDS, dnstest.Expect{AA: true, Authority: []string{soa}}, "our own SOA, because the parent is not ours (row 38)"},
		{dns.TypeANY, dnstest.Expect{AA: true, Answer: []string{soa}}, "one RRset (row 36)"},
		{dns.TypeCNAME, dnstest.Expect{AA: true, Authority: []string{soa}}, "never a CNAME (row 69)"},
	} {
		t.Run(dns.TypeToString[c.qtype], func(t *testing.T) {
			t.Log(c.why)
			expect(t, table, dnstest.Query{Name: zone, Type: c.qtype}, c.want)
		})
	}
}

func TestTheApexStaysWhenItsHostGoes(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	first := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: zone, Addrs: []string{"192.0.2.1"}}))
	second := dnstest.Table(t, first, w.Remove(zone))
	assert.Equal(t, answers.Answer, lookup(first, zone, dns.TypeA).Kind)
	assert.Equal(t, answers.NoData, lookup(second, zone, dns.TypeA).Kind)
	assert.Equal(t, answers.Answer, lookup(second, zone, dns.TypeSOA).Kind)
}

func TestNestedZonesByLongestMatch(t *testing.T) {
	const outer, inner = "example.com", "a.b.example.com"
	w := dnstest.NewWorlds(t, outer, inner)
	table := dnstest.Table(t, nil, w.Set(
		dnstest.Host{Name: "host.a.b.example.com", Addrs: []string{"192.0.2.1"}},
		dnstest.Host{Name: "*.example.com", Addrs: []string{"192.0.2.2"}},
	))
	for _, c := range []struct {
		name  string
		qtype uint16
		kind  answers.Kind
		zone  string
		why   string
	}{
		{"host.a.b.example.com", dns.TypeA, answers.Answer, inner, "the longest zone holds it"},
		{"x.a.b.example.com", dns.TypeA, answers.NXDomain, inner, "a wildcard does not reach over the cut"},
		{"a.b.example.com", dns.TypeSOA, answers.Answer, inner, "the inner apex"},
		{"a.b.example.com", dns.TypeDS, answers.NoData, outer, "DS lies above the cut (RFC 4035 §3.1.4.1)"},
		{"example.com", dns.TypeDS, answers.NoData, outer, "and at the outermost apex is ours"},
		{"b.example.com", dns.TypeA, answers.NoData, outer, "the cut makes an empty non-terminal above it"},
		{"x.b.example.com", dns.TypeA, answers.NXDomain, outer, "which blocks the wildcard"},
		{"y.example.com", dns.TypeA, answers.Answer, outer, "which serves elsewhere"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
			t.Log(c.why)
			r := lookup(table, c.name, c.qtype)
			assert.Equal(t, c.kind, r.Kind)
			assert.Equal(t, c.zone, r.Zone.String())
			if c.kind == answers.NoData || c.kind == answers.NXDomain {
				m := message(t, table, dnstest.Query{Name: c.name, Type: c.qtype}, 0)
				assert.Equal(t, c.zone+".", m.Ns[0].Header().Name, "owner of the SOA")
			}
		})
	}
}

func TestAZoneThatComesAndGoes(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.com")
	host := dnstest.Host{Name: "host.a.example.com", Addrs: []string{"192.0.2.1"}}
	first := dnstest.Table(t, nil, w.Set(host))
	second := dnstest.Table(t, first, w.SetZones(dnstest.Zone("example.com"), dnstest.Zone("a.example.com")))
	third := dnstest.Table(t, second, w.SetZones(dnstest.Zone("a.example.com")))
	fourth := dnstest.Table(t, third, w.SetZones())
	zoneOf := func(table *answers.Table) string { return lookup(table, host.Name, dns.TypeA).Zone.String() }
	assert.Equal(t, "example.com", zoneOf(first))
	assert.Equal(t, "a.example.com", zoneOf(second))
	assert.Equal(t, "a.example.com", zoneOf(third))
	assert.Equal(t, answers.Refused, lookup(third, "b.example.com", dns.TypeA).Kind)
	assert.Equal(t, answers.Refused, lookup(fourth, host.Name, dns.TypeA).Kind)
	assert.Zero(t, fourth.Len())
}

// A zone whose name looks like a wildcard is a zone: nothing is synthesized
// from its apex for names of the zone around it.
func TestAZoneIsNoWildcard(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.com", "*.example.com")
	table := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "*.example.com", Addrs: []string{"192.0.2.1"}}))
	assert.Equal(t, answers.NXDomain, lookup(table, "y.example.com", dns.TypeA).Kind)
	assert.Equal(t, answers.Answer, lookup(table, "*.example.com", dns.TypeA).Kind)
}

// Names of the longest form, and name servers that share nothing with the zone,
// still make a message that parses.
func TestLongNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := gslb.MustName(strings.Join([]string{label, label, label, strings.Repeat("b", 43), zone}, "."))
	w := dnstest.NewWorlds(t, zone)
	table := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: long.String(), Addrs: []string{"192.0.2.1"}}))
	assert.Equal(t, answers.Answer, lookup(table, long.String(), dns.TypeA).Kind)
	expect(t, table, dnstest.Query{Name: long.String(), Type: dns.TypeAAAA}, dnstest.Expect{AA: true, Authority: []string{soa}})
}
