// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func TestRFC4592_Wildcards(t *testing.T) {
	table := build(t,
		dnstest.Host{Name: "*.wild." + zone, Addrs: []string{"192.0.2.1"}},
		dnstest.Host{Name: "x.wild." + zone, Addrs: []string{"2001:db8::1"}},
		dnstest.Host{Name: "*.z." + zone, Addrs: []string{"192.0.2.2"}},
		dnstest.Host{Name: "a.b.z." + zone, Addrs: []string{"192.0.2.3"}},
	)
	data := func(owner, addr string) dnstest.Expect {
		return dnstest.Expect{AA: true, Answer: []string{owner + ".cloud.example.com. 30 IN A " + addr}}
	}
	noData := dnstest.Expect{AA: true, Authority: []string{soa}}
	nxDomain := dnstest.Expect{Rcode: dns.RcodeNameError, AA: true, Authority: []string{soa}}
	for _, c := range []struct {
		name  string
		qtype uint16
		want  dnstest.Expect
		why   string
	}{
		{"q.wild", dns.TypeA, data("q.wild", "192.0.2.1"), "synthesized, owned by the name asked (row 50)"},
		{"r.q.wild", dns.TypeA, data("r.q.wild", "192.0.2.1"), "two labels deep"},
		{"q.wild", dns.TypeAAAA, noData, "the wildcard has no such type (row 51)"},
		{"x.wild", dns.TypeA, noData, "an existing sibling is not synthesized (row 52)"},
		{"s.x.wild", dns.TypeA, nxDomain, "nor anything below it (row 53)"},
		{"wild", dns.TypeA, noData, "a wildcard does not match the name above it"},
		{"b.z", dns.TypeA, noData, "an empty non-terminal is not synthesized (row 54)"},
		{"c.b.z", dns.TypeA, nxDomain, "and is the closest encloser of what lies below"},
		{"c.z", dns.TypeA, data("c.z", "192.0.2.2"), "its sibling is synthesized"},
		{"*.wild", dns.TypeA, data("*.wild", "192.0.2.1"), "asked for by its own name (row 55)"},
		{"*.q.wild", dns.TypeA, data("*.q.wild", "192.0.2.1"), "an asterisk in a query is like any label"},
		{"s.*.wild", dns.TypeA, nxDomain, "the literal wildcard is the closest encloser"},
		{"_report.wild", dns.TypeA, data("_report.wild", "192.0.2.1"), "no report is there, so the wildcard is"},
		{`\000\255.wild`, dns.TypeA, data(`\000\255.wild`, "192.0.2.1"), "any octets (row 60)"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
			t.Log(c.why)
			expect(t, table, dnstest.Query{Name: c.name + "." + zone, Type: c.qtype}, c.want)
		})
	}
}

func TestLookupNamesTheWildcard(t *testing.T) {
	table := build(t, dnstest.Host{Name: "*.wild." + zone, Addrs: []string{"192.0.2.1"}})
	r := lookup(table, "q.wild."+zone, dns.TypeA)
	assert.True(t, r.Wildcard)
	assert.Equal(t, "*.wild."+zone, r.Owner.String())
	assert.Equal(t, "*.wild."+zone, r.Host.Name.String())
	assert.Equal(t, zone, r.Zone.String())
	literal := lookup(table, "*.wild."+zone, dns.TypeA)
	assert.False(t, literal.Wildcard)
}

func TestAWildcardAtTheApex(t *testing.T) {
	table := build(t, dnstest.Host{Name: "*." + zone, Addrs: []string{"192.0.2.1"}})
	expect(t, table, dnstest.Query{Name: "any." + zone, Type: dns.TypeA},
		dnstest.Expect{AA: true, Answer: []string{"any.cloud.example.com. 30 IN A 192.0.2.1"}})
	expect(t, table, dnstest.Query{Name: zone, Type: dns.TypeA}, dnstest.Expect{AA: true, Authority: []string{soa}})
	expect(t, table, dnstest.Query{Name: "any." + zone, Type: dns.TypeSOA}, dnstest.Expect{AA: true, Authority: []string{soa}})
}
