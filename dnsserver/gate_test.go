// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// ede gives the Extended DNS Errors of an answer.
func ede(t *testing.T, m *dns.Msg) []uint16 {
	t.Helper()
	opt := m.IsEdns0()
	require.NotNil(t, opt)
	var out []uint16
	for _, o := range opt.Option {
		out = append(out, o.(*dns.EDNS0_EDE).InfoCode)
	}
	return out
}

func TestBeforeAnythingIsKnownTheAnswerIsSERVFAIL(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{}, nil)
	w := dnstest.NewWorlds(t, zone)
	w.NotReady()
	check := func(why string) {
		t.Helper()
		assert.False(t, server.Ready())
		for _, name := range []string{"app." + zone, zone, "absent." + zone, "example.org"} {
			q := dnstest.Query{Name: name, Type: dns.TypeA}
			m := dnstest.Ask(t, addr, q)
			dnstest.Expect{Rcode: dns.RcodeServerFailure}.Check(t, m)
			assert.Nil(t, m.IsEdns0())
			q.EDNS = 1232
			assert.Equal(t, []uint16{dns.ExtendedErrorCodeNotReady}, ede(t, dnstest.Ask(t, addr, q)), "%s: %s", why, name)
		}
	}
	check("no table")
	server.Publish(dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}})))
	check("a table that is not ready")

	w = dnstest.NewWorlds(t, zone)
	server.Publish(dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}})))
	assert.True(t, server.Ready())
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1)
}

func TestRow104_AnIsolatedClusterSaysThatItsAnswersAreStale(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	cutOff := *w.Set(dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1"}})
	cutOff.Isolated = time.Now()
	_, addr := dnstest.Serve(t, dnsserver.Config{}, dnstest.Table(t, nil, &cutOff))
	for _, c := range []struct {
		name string
		code uint16
	}{
		{"app." + zone, dns.ExtendedErrorCodeStaleAnswer},
		{"absent." + zone, dns.ExtendedErrorCodeStaleAnswer},
		{"www.example.org", dns.ExtendedErrorCodeNotAuthoritative},
	} {
		q := dnstest.Query{Name: c.name, Type: dns.TypeA}
		assert.Nil(t, dnstest.Ask(t, addr, q).IsEdns0(), "only those who speak EDNS are told")
		q.EDNS = 1232
		assert.Equal(t, []uint16{c.code}, ede(t, dnstest.Ask(t, addr, q)), c.name)
	}
}

func TestRow95_NSIDForThoseWhoAsk(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{NSID: "eu-1"}, exampleTable(t))
	q := dnstest.Query{Name: "app." + zone, Type: dns.TypeA, EDNS: 1232}.Msg()
	assert.Empty(t, dnstest.Exchange(t, addr, q, false).IsEdns0().Option)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	got := dnstest.Exchange(t, addr, q, false).IsEdns0().Option
	require.Len(t, got, 1)
	assert.Equal(t, "65752d31", got[0].(*dns.EDNS0_NSID).Nsid, "eu-1 in hex")

	_, silent := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	assert.Empty(t, dnstest.Exchange(t, silent, q, false).IsEdns0().Option, "none is configured")
}

// A new table is in force for the next query, and only the hosts that it knows
// exist (row 49).
func TestRow49_PublishReplacesEveryAnswerAtOnce(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	first := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "a.ent." + zone, Addrs: []string{"192.0.2.1"}}))
	server, addr := dnstest.Serve(t, dnsserver.Config{}, first)
	rcode := func(name string) int {
		return dnstest.Ask(t, addr, dnstest.Query{Name: name + "." + zone, Type: dns.TypeA}).Rcode
	}
	assert.Equal(t, dns.RcodeSuccess, rcode("a.ent"))
	assert.Equal(t, dns.RcodeSuccess, rcode("ent"))
	server.Publish(dnstest.Table(t, first, w.Remove("a.ent."+zone)))
	assert.Equal(t, dns.RcodeNameError, rcode("a.ent"))
	assert.Equal(t, dns.RcodeNameError, rcode("ent"))
}
