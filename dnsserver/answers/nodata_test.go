// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestRFC2308_NegativeAnswersCarryTheSOA(t *testing.T) {
	table := build(t,
		dnstest.Host{Name: "app.cloud.example.com", Addrs: []string{"192.0.2.1"}},
		dnstest.Host{Name: "none.cloud.example.com"},
		dnstest.Host{Name: "six.cloud.example.com", Addrs: []string{"2001:db8::1"}},
	)
	negative := func(rcode int) dnstest.Expect {
		return dnstest.Expect{Rcode: rcode, AA: true, Authority: []string{soa}}
	}
	for _, c := range []struct {
		name  string
		qtype uint16
		want  dnstest.Expect
		why   string
	}{
		{"app", dns.TypeAAAA, negative(dns.RcodeSuccess), "the name exists, the family does not"},
		{"six", dns.TypeA, negative(dns.RcodeSuccess), "the other way round"},
		{"app", dns.TypeTXT, negative(dns.RcodeSuccess), "a type that no host has"},
		{"app", 0, negative(dns.RcodeSuccess), "type 0 is a type that is absent (row 30)"},
		{"app", 65280, negative(dns.RcodeSuccess), "so are private ones"},
		{"app", 65535, negative(dns.RcodeSuccess), "and the last one"},
		{"app", dns.TypeRRSIG, negative(dns.RcodeSuccess), "nothing is signed (row 40)"},
		{"app", dns.TypeNSEC, negative(dns.RcodeSuccess), "nor denied by NSEC"},
		{"app", dns.TypeOPT, negative(dns.RcodeSuccess), "a meta type has no data (row 31)"},
		{"none", dns.TypeA, negative(dns.RcodeSuccess), "a host with nothing to answer exists (row 77)"},
		{"none", dns.TypeTXT, negative(dns.RcodeSuccess), "for any type"},
		{"none", dns.TypeANY, dnstest.Expect{AA: true, Answer: []string{`none.cloud.example.com. 30 IN TYPE65500 \# 0`}}, "but that of its placeholder"},
		{"absent", dns.TypeA, negative(dns.RcodeNameError), "no such name"},
		{"x.app", dns.TypeA, negative(dns.RcodeNameError), "nothing lies below a leaf (row 48)"},
		{"_report.eu", dns.TypeA, negative(dns.RcodeNameError), "reports do not exist for plain queries"},
		{"a._report.eu", dns.TypeSOA, negative(dns.RcodeNameError), "nor anything below"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
			t.Log(c.why)
			expect(t, table, dnstest.Query{Name: c.name + "." + zone, Type: c.qtype}, c.want)
		})
	}
}

func TestTheSOATTLEqualsItsMinimum(t *testing.T) {
	w := dnstest.NewWorlds(t)
	z := dnstest.Zone(zone)
	z.NegTTL = 7
	m := message(t, dnstest.Table(t, nil, w.SetZones(z)), dnstest.Query{Name: "absent." + zone, Type: dns.TypeA}, 0)
	require.Len(t, m.Ns, 1)
	rr := m.Ns[0].(*dns.SOA)
	assert.Equal(t, uint32(7), rr.Hdr.Ttl)
	assert.Equal(t, uint32(7), rr.Minttl)
}

func TestOutsideOurZonesIsRefused(t *testing.T) {
	table := build(t, dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}})
	for _, name := range []string{".", "com", "example.com", "xcloud.example.com", "a.example.org", `cloud\.example.com`, `www\.cloud.example.com`} {
		t.Run(name, func(t *testing.T) {
			expect(t, table, dnstest.Query{Name: name, Type: dns.TypeA}, dnstest.Expect{Rcode: dns.RcodeRefused})
		})
	}
}

func TestATableThatIsNotReadyFindsNothingAtAll(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	w.NotReady()
	table := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}}))
	assert.False(t, table.Ready())
	for _, name := range []string{"app." + zone, zone, "absent." + zone, "example.org"} {
		assert.Equal(t, answers.NotReady, lookup(table, name, dns.TypeA).Kind, name)
	}
}

func TestTTLsAreBoundedAndAlikeInBothFamilies(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	world := w.Set(
		dnstest.Host{Name: "low." + zone, Addrs: []string{"192.0.2.1", "2001:db8::1"}, Policy: gslb.Policy{TTL: 1}},
		dnstest.Host{Name: "high." + zone, Addrs: []string{"192.0.2.1", "2001:db8::1"}, Policy: gslb.Policy{TTL: 1<<32 - 1}},
	)
	bounded, err := answers.Builder{MinTTL: 5, MaxTTL: 60}.Build(nil, world)
	require.NoError(t, err)
	widest, err := answers.Builder{MaxTTL: 1<<32 - 1}.Build(bounded, world)
	require.NoError(t, err)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		assert.Equal(t, uint32(5), lookup(bounded, "low."+zone, qtype).TTL)
		assert.Equal(t, uint32(60), lookup(bounded, "high."+zone, qtype).TTL)
		assert.Equal(t, uint32(1), lookup(widest, "low."+zone, qtype).TTL)
		assert.Equal(t, uint32(1<<31-1), lookup(widest, "high."+zone, qtype).TTL, "RFC 2181 §8")
	}
}
