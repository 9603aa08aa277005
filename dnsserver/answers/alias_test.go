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

var asCNAME = gslb.Policy{Strategy: gslb.Failover, FailoverOrder: []gslb.GeoTag{"eu", "us"}, CNAME: true}

func TestAHostThatIsAnsweredByName(t *testing.T) {
	table := build(t, dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1=eu.LB.example.net", "2001:db8::1=eu.LB.example.net"}, Policy: asCNAME})
	want := dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN CNAME eu.lb.example.net."}}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypeHTTPS, dns.TypeANY} {
		expect(t, table, dnstest.Query{Name: "app." + zone, Type: qtype}, want)
	}
	expect(t, table, dnstest.Query{Name: "no.such." + zone, Type: dns.TypeA}, dnstest.Expect{Rcode: dns.RcodeNameError, AA: true, Authority: []string{soa}})
}

func TestAnswersByNameAndByAddressAreDrawn(t *testing.T) {
	robin := gslb.Policy{Strategy: gslb.RoundRobin, CNAME: true}
	table := build(t, dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1=eu.lb.example.net"}, Others: map[string][]string{"us": {"198.51.100.1"}}, Policy: robin})
	a := lookup(table, "app."+zone, dns.TypeA)
	require.Len(t, a.Shares, 2)
	assert.Equal(t, []string{"", "eu.lb.example.net"}, []string{a.Shares[0].Target, a.Shares[1].Target})
	assert.Equal(t, a.Shares[0].Weight, a.Shares[1].Weight)
	for draw, want := range map[uint64]string{
		0:                     "app." + zone + ". 30 IN A 198.51.100.1",
		0xFFFF_FFFF_FFFF_FFFF: "app." + zone + ". 30 IN CNAME eu.lb.example.net.",
	} {
		m := message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, draw)
		dnstest.Expect{AA: true, Answer: []string{want}}.Check(t, m)
	}
	expect(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeAAAA}, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN CNAME eu.lb.example.net."}})
}

func TestACNAMEDoesNotStandBesideOtherRecords(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1=eu.lb.example.net"}, Policy: asCNAME})
	table := dnstest.Table(t, nil, w.Static(zone, dnstest.Records(t, zone, "app 60 TXT \"v\"\n")...))
	ask := func(qtype uint16, want dnstest.Expect) {
		t.Helper()
		expect(t, table, dnstest.Query{Name: "app." + zone, Type: qtype}, want)
	}
	ask(dns.TypeA, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN A 192.0.2.1"}})
	ask(dns.TypeTXT, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 60 IN TXT \"v\""}})
	ask(dns.TypeMX, dnstest.Expect{AA: true, Authority: []string{soa}})
	ask(dns.TypeAAAA, dnstest.Expect{AA: true, Authority: []string{soa}})

	table = dnstest.Table(t, table, w.Static(zone))
	ask(dns.TypeA, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN CNAME eu.lb.example.net."}})
	ask(dns.TypeTXT, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN CNAME eu.lb.example.net."}})
}

func TestAChainLeadsToAHostThatIsAnsweredByName(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1=eu.lb.example.net"}, Policy: asCNAME})
	table := dnstest.Table(t, nil, w.Static(zone, dnstest.Records(t, zone, "www 60 CNAME app."+zone+"\n")...))
	expect(t, table, dnstest.Query{Name: "www." + zone, Type: dns.TypeA}, dnstest.Expect{AA: true, Answer: []string{
		"www." + zone + ". 60 IN CNAME app." + zone + ".", "app." + zone + ". 30 IN CNAME eu.lb.example.net.",
	}})
}

func TestAHostThatTurnsIntoANameAndBack(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	var table *answers.Table
	set := func(addr string) {
		table = dnstest.Table(t, table, w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{addr}, Policy: asCNAME}))
	}
	q := dnstest.Query{Name: "app." + zone, Type: dns.TypeMX}
	set("192.0.2.1")
	expect(t, table, q, dnstest.Expect{AA: true, Authority: []string{soa}})
	set("192.0.2.1=eu.lb.example.net")
	expect(t, table, q, dnstest.Expect{AA: true, Answer: []string{"app." + zone + ". 30 IN CNAME eu.lb.example.net."}})
	set("192.0.2.1")
	expect(t, table, q, dnstest.Expect{AA: true, Authority: []string{soa}})
	table = dnstest.Table(t, table, w.Remove("app."+zone))
	expect(t, table, q, dnstest.Expect{Rcode: dns.RcodeNameError, AA: true, Authority: []string{soa}})
}

// TestTransfersCarryTheAddressesOfNames: a zone can hold no draw.
func TestTransfersCarryTheAddressesOfNames(t *testing.T) {
	table := build(t, dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1=eu.lb.example.net"}, Policy: asCNAME})
	sets := table.NameRRsets(gslb.MustName("app." + zone))
	require.Len(t, sets, 1)
	assert.Equal(t, dns.TypeA, sets[0].Type)
}
