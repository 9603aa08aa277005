// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// amplifiers is a server whose zone holds what gives long answers.
func amplifiers(t *testing.T, cfg dnsserver.Config) *dnsserver.Server {
	t.Helper()
	z := dnstest.Zone(zone)
	record := func(name string, typ uint16, format string, a ...any) {
		z.Records = append(z.Records, gslb.Record{Name: gslb.MustName(name + "." + zone), Type: typ, TTL: 60, Data: fmt.Sprintf(format, a...)})
	}
	record("txt", dns.TypeTXT, `"%s" "%s" "%s" "%s"`, strings.Repeat("a", 255), strings.Repeat("b", 255), strings.Repeat("c", 255), strings.Repeat("d", 255))
	for i := range 10 {
		record("long", dns.TypeTXT, `"%d%s"`, i, strings.Repeat("x", 240))
		record("mail", dns.TypeMX, "%d mx%d.%s.", i, i, zone)
		record("sub", dns.TypeNS, "ns%d.sub.%s.", i, zone)
		for j := range 3 {
			record(fmt.Sprintf("mx%d", i), dns.TypeA, "192.0.2.%d", 10*i+j+1)
			record(fmt.Sprintf("mx%d", i), dns.TypeAAAA, "2001:db8::%d:%d", i, j)
			record(fmt.Sprintf("ns%d.sub", i), dns.TypeAAAA, "2001:db8::%d:%d", i, j)
		}
	}
	w := dnstest.NewWorlds(t)
	w.SetZones(z)
	s := unserved(t, cfg)
	s.Publish(dnstest.Table(t, nil, w.Set(exampleHosts()...)))
	return s
}

// worst gives the longest answer over UDP, the largest ratio of octets of answer
// and question, and the question of that, among all kinds of questions without a
// valid cookie.
func worst(t *testing.T, s *dnsserver.Server) (longest int, ratio float64, of string) {
	t.Helper()
	respond := dnsserver.Respond(s)
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeMX, dns.TypeSRV, dns.TypeCNAME, dns.TypeDS, dns.TypeDNSKEY,
		dns.TypeHTTPS, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeRRSIG, 65280,
	}
	forms := map[string]func(p packet) packet{
		"plain":         func(p packet) packet { return p },
		"EDNS 1232":     func(p packet) packet { return p.opt(1232, 0) },
		"EDNS 65535":    func(p packet) packet { return p.opt(65535, do) },
		"client cookie": func(p packet) packet { return p.opt(4096, 0, cookieOption(make([]byte, 8))...) },
		"a false one":   func(p packet) packet { return p.opt(4096, 0, cookieOption(make([]byte, 24))...) },
		"NSID":          func(p packet) packet { return p.opt(4096, 0, 0, dns.EDNS0NSID, 0, 0) },
		"subnet":        func(p packet) packet { return p.opt(4096, 0, 0, dns.EDNS0SUBNET, 0, 7, 0, 1, 24, 0, 192, 0, 2) },
		"EDNS 1":        func(p packet) packet { return p.opt(4096, 1<<16) },
		"signed":        func(p packet) packet { return p.tsig() },
		"NOTIFY":        func(p packet) packet { return p.opcode(dns.OpcodeNotify) },
		"UPDATE":        func(p packet) packet { return p.opcode(dns.OpcodeUpdate) },
		"cut":           func(p packet) packet { return p[:len(p)-1] },
	}
	names := []string{
		"", "app", "many", "none", "absent", "a.b.z", "x.wild", "txt", "long", "mail", "mx1", "sub", "a.sub", "ns1.sub", "www.example.org.", ".",
		strings.Repeat(strings.Repeat("n", 63)+".", 3) + "n",
	}
	for _, name := range names {
		for _, qtype := range types {
			for form, make := range forms {
				p := make(ask(t, name, qtype))
				out, ok := respond(nil, p, false)
				require.True(t, ok)
				longest = max(longest, len(out))
				switch {
				case form == "plain" || form == "cut":
					assert.LessOrEqual(t, len(out), 512, "%s %s", name, dns.TypeToString[qtype])
				case qtype == dns.TypeANY && form != "signed":
					assert.LessOrEqual(t, len(out), 512, "%s ANY %s", name, form)
				}
				if r := float64(len(out)) / float64(len(p)); r > ratio {
					ratio, of = r, fmt.Sprintf("%q %s, %s: %d octets for %d", name, dns.TypeToString[qtype], form, len(out), len(p))
				}
			}
		}
	}
	return longest, ratio, of
}

// Nobody gets more than 1232 octets over UDP, whatever is asked, nor 512 without
// EDNS or for ANY; and those who do not prove their address no more than is
// configured.
func TestAmplificationIsBounded(t *testing.T) {
	longest, ratio, of := worst(t, amplifiers(t, dnsserver.Config{NSID: strings.Repeat("n", 128)}))
	t.Logf("at most %d octets, %.1f times the question: %s", longest, ratio, of)
	assert.LessOrEqual(t, longest, 1232)
	assert.Greater(t, longest, 1000, "there are long answers")
	assert.LessOrEqual(t, ratio, 1232/float64(12+1+len(zone)+1+4+11))

	for _, bound := range []int{128, 256, 512} {
		longest, ratio, of = worst(t, amplifiers(t, dnsserver.Config{MaxWithoutCookie: bound}))
		t.Logf("bound %d: at most %d octets, %.1f times: %s", bound, longest, ratio, of)
		// What says nothing but the question, or an error, is sent in any case.
		assert.LessOrEqual(t, longest, max(bound, 12+255+4+11+4+24+4+300))
		assert.LessOrEqual(t, ratio, max(float64(bound)/30, 3.5))
	}
}

// Whoever has a valid cookie gets the whole answer, others learn that there is
// more, and get it over TCP.
func TestAnswersWithoutACookieCanBeShort(t *testing.T) {
	s := amplifiers(t, dnsserver.Config{MaxWithoutCookie: 512})
	respond := dnsserver.Respond(s)
	get := func(p packet, tcp bool) *dns.Msg {
		out, ok := respond(nil, p, tcp)
		require.True(t, ok)
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(slices.Clone(out)))
		return m
	}
	query := ask(t, "many", dns.TypeA)
	first := get(query.opt(4096, 0, cookieOption(make([]byte, 8))...), false)
	assert.True(t, first.Truncated)
	assert.Empty(t, first.Answer)
	known := query.opt(4096, 0, cookieOption(unhex(t, cookieOf(first)))...)
	assert.Len(t, get(known, false).Answer, 60)
	assert.True(t, get(query.opt(4096, 0), false).Truncated, "no cookie")
	assert.Len(t, get(query.opt(4096, 0), true).Answer, 60, "TCP proves the address")
	assert.Len(t, get(ask(t, "app", dns.TypeA), false).Answer, 1, "what is short is answered")

	_, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, MaxWithoutCookie: 100})
	require.ErrorContains(t, err, "MaxWithoutCookie is 100; it is at least 128")
}
