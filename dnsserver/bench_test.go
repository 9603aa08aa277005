// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// The usual path over UDP allocates nothing, whatever the answer is: a budget,
// because garbage of one query is paid by the next.
func TestAnsweringDoesNotAllocate(t *testing.T) {
	respond := dnsserver.Respond(unserved(t, dnsserver.Config{}))
	out := make([]byte, 0, 1500)
	for _, p := range []packet{
		ask(t, "app", dns.TypeA), ask(t, "many", dns.TypeA).opt(1232, 0), ask(t, "many", dns.TypeA),
		ask(t, "q.wild", dns.TypeA), ask(t, "absent", dns.TypeA), ask(t, "none", dns.TypeA), ask(t, "", dns.TypeSOA),
		ask(t, "www.example.org.", dns.TypeA), header(0, 1), ask(t, "app", dns.TypeA).opt(1232, 1<<16),
		at(t, "www", dns.TypeA), at(t, "type65400", 65400), at(t, "q.wild", dns.TypeTXT), at(t, "big", dns.TypeTXT), at(t, "", dns.TypeNS), at(t, "svc", dns.TypeANY),
		at(t, "srv", dns.TypeSRV).opt(1232, 0), at(t, "tofar", dns.TypeMX).opt(1232, 0), at(t, "one", dns.TypeA), at(t, "toother", dns.TypeA), at(t, "k0", dns.TypeA).opt(1232, 0),
		at(t, "loop1", dns.TypeA), at(t, "tonothing", dns.TypeA), at(t, "tocut", dns.TypeA), at(t, "x.sub", dns.TypeA), at(t, "x.bigsub", dns.TypeA).opt(1232, 0), at(t, "sub", dns.TypeDS),
	} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { respond(out, p, false) }), "%x", []byte(p))
	}
}

func BenchmarkRespond(b *testing.B) {
	plain := dnsserver.Respond(unserved(b, dnsserver.Config{}))
	limited := dnsserver.Respond(unserved(b, dnsserver.Config{RateLimit: 200}))
	m := func(name string, edns uint16) []byte {
		p, err := dnstest.Query{Name: name, Type: dns.TypeA, EDNS: edns}.Msg().Pack()
		require.NoError(b, err)
		return p
	}
	cookie := ask(b, "app", dns.TypeA).opt(1232, 0, cookieOption(make([]byte, 8))...)
	first, _ := plain(nil, cookie, false)
	known := ask(b, "app", dns.TypeA).opt(1232, 0, cookieOption(first[len(first)-24:])...)
	for _, c := range []struct {
		name    string
		msg     []byte
		respond func(out, msg []byte, tcp bool) ([]byte, bool)
	}{
		{"answer", m("app."+zone, 0), plain}, {"answer with EDNS", m("app."+zone, 1232), plain}, {"60 addresses", m("many."+zone, 1232), plain},
		{"nxdomain", m("absent."+zone, 0), plain},
		{"static", at(b, "www", dns.TypeA), plain}, {"additional", at(b, "srv", dns.TypeSRV).opt(1232, 0), plain}, {"chain", at(b, "one", dns.TypeA), plain},
		{"referral", at(b, "x.sub", dns.TypeA), plain}, {"refused", m("www.example.org", 0), plain},
		{"first cookie", cookie, plain}, {"known cookie", known, plain}, {"beyond the rate", m("app."+zone, 0), limited},
	} {
		b.Run(c.name, func(b *testing.B) {
			out := make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				c.respond(out, c.msg, false)
			}
		})
	}
}

// One client, one question at a time, over real loopback.
func BenchmarkServeUDP(b *testing.B) {
	_, addr := dnstest.Serve(b, dnsserver.Config{}, exampleTable(b))
	msg, err := dnstest.Query{Name: "app." + zone, Type: dns.TypeA}.Msg().Pack()
	require.NoError(b, err)
	b.RunParallel(func(pb *testing.PB) {
		c := dnstest.Dial(b, "udp", addr)
		buf := make([]byte, 1500)
		for pb.Next() {
			if _, err := c.Conn.Write(msg); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Conn.Read(buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// Weights 1:3, counted in what the server sends, with its own draws.
func TestWeightsInTenThousandAnswers(t *testing.T) {
	table := dnstest.Table(t, nil, dnstest.NewWorlds(t, zone).Set(dnstest.Host{
		Name: "app." + zone, Addrs: []string{"192.0.2.1"}, Others: map[string][]string{"us": {"198.51.100.1"}},
		Policy: gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}, {Cluster: "us", Weight: 3}}},
	}))
	s := unserved(t, dnsserver.Config{Seed: 42})
	s.Publish(table)
	respond := dnsserver.Respond(s)
	query := ask(t, "app", dns.TypeA)
	count := make(map[byte]int)
	for range 10_000 {
		out, _ := respond(nil, query, false)
		count[out[len(out)-4]]++
	}
	assert.Equal(t, 10_000, count[192]+count[198])
	assert.InDelta(t, 2_500, count[192], 150)
}
