// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// rich is a zone with everything that a lab may want.
const rich = `
$ORIGIN example.com.
$TTL 300
@ 3600 IN SOA ns hostmaster 7 3600 600 604800 30
@ NS ns
ns A 192.0.2.53
ns AAAA 2001:db8::53
www A 192.0.2.80
WWW6 AAAA 2001:db8::80
alias CNAME www
chain CNAME alias
away CNAME www.example.net.
into CNAME app.cloud
loop CNAME loop2
loop2 CNAME loop
dangling CNAME nothing
a.b.ent A 192.0.2.1
*.wild A 192.0.2.99
x.wild TXT "here"
cloud NS gslb-ns-eu-cloud
cloud NS gslb-ns-us-cloud
cloud NS ns.example.net.
gslb-ns-eu-cloud A 192.0.2.10
gslb-ns-eu-cloud AAAA 2001:db8::10
gslb-ns-us-cloud A 192.0.2.20
sub.cloud NS ns.example.net.
`

func stateFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "example.com.zone")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestAnswers(t *testing.T) {
	soa := "example.com. 30 IN SOA ns.example.com. hostmaster.example.com. 7 3600 600 604800 30"
	referral := []string{
		"cloud.example.com. 300 IN NS gslb-ns-eu-cloud.example.com.",
		"cloud.example.com. 300 IN NS gslb-ns-us-cloud.example.com.",
		"cloud.example.com. 300 IN NS ns.example.net.",
	}
	glue := []string{
		"gslb-ns-eu-cloud.example.com. 300 IN A 192.0.2.10",
		"gslb-ns-eu-cloud.example.com. 300 IN AAAA 2001:db8::10",
		"gslb-ns-us-cloud.example.com. 300 IN A 192.0.2.20",
	}
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, rich)})
	for _, c := range []struct {
		name   string
		qname  string
		qtype  uint16
		rcode  int
		aa     bool
		answer []string
		ns     []string
		extra  []string
	}{
		{"address", "www.example.com", dns.TypeA, 0, true, []string{"www.example.com. 300 IN A 192.0.2.80"}, nil, nil},
		{"capitals in the data", "www6.example.com", dns.TypeAAAA, 0, true, []string{"WWW6.example.com. 300 IN AAAA 2001:db8::80"}, nil, nil},
		{"no such type", "www.example.com", dns.TypeAAAA, 0, true, nil, []string{soa}, nil},
		{"no such name", "nope.example.com", dns.TypeA, dns.RcodeNameError, true, nil, []string{soa}, nil},
		{"empty non-terminal", "b.ent.example.com", dns.TypeA, 0, true, nil, []string{soa}, nil},
		{"empty non-terminal, two up", "ent.example.com", dns.TypeA, 0, true, nil, []string{soa}, nil},
		{"below a leaf", "x.www.example.com", dns.TypeA, dns.RcodeNameError, true, nil, []string{soa}, nil},
		{"wildcard", "q.wild.example.com", dns.TypeA, 0, true, []string{"q.wild.example.com. 300 IN A 192.0.2.99"}, nil, nil},
		{"wildcard, two deep", "p.q.wild.example.com", dns.TypeA, 0, true, []string{"p.q.wild.example.com. 300 IN A 192.0.2.99"}, nil, nil},
		{"wildcard, absent type", "q.wild.example.com", dns.TypeTXT, 0, true, nil, []string{soa}, nil},
		{"sibling of a wildcard", "x.wild.example.com", dns.TypeA, 0, true, nil, []string{soa}, nil},
		{"child of that sibling", "y.x.wild.example.com", dns.TypeA, dns.RcodeNameError, true, nil, []string{soa}, nil},
		{"alias", "chain.example.com", dns.TypeA, 0, true, []string{"chain.example.com. 300 IN CNAME alias.example.com.",
			"alias.example.com. 300 IN CNAME www.example.com.", "www.example.com. 300 IN A 192.0.2.80"}, nil, nil},
		{"alias itself", "alias.example.com", dns.TypeCNAME, 0, true, []string{"alias.example.com. 300 IN CNAME www.example.com."}, nil, nil},
		{"alias to outside", "away.example.com", dns.TypeA, 0, true, []string{"away.example.com. 300 IN CNAME www.example.net."}, nil, nil},
		{"alias to nothing", "dangling.example.com", dns.TypeA, dns.RcodeNameError, true, []string{"dangling.example.com. 300 IN CNAME nothing.example.com."}, []string{soa}, nil},
		{"alias into a delegation", "into.example.com", dns.TypeA, 0, true, []string{"into.example.com. 300 IN CNAME app.cloud.example.com."}, referral, glue},
		{"referral", "app.cloud.example.com", dns.TypeA, 0, false, nil, referral, glue},
		{"referral from the highest cut", "app.sub.cloud.example.com", dns.TypeA, 0, false, nil, referral, glue},
		{"referral for the cut's NS", "cloud.example.com", dns.TypeNS, 0, false, nil, referral, glue},
		{"DS at the cut is ours", "cloud.example.com", dns.TypeDS, 0, true, nil, []string{soa}, nil},
		{"NS of the zone", "example.com", dns.TypeNS, 0, true, []string{"example.com. 300 IN NS ns.example.com."}, nil,
			[]string{"ns.example.com. 300 IN A 192.0.2.53", "ns.example.com. 300 IN AAAA 2001:db8::53"}},
		{"ANY is one RRset", "www.example.com", dns.TypeANY, 0, true, []string{"www.example.com. 300 IN A 192.0.2.80"}, nil, nil},
		{"outside", "example.org", dns.TypeA, dns.RcodeRefused, false, nil, nil, nil},
		{"looks alike", "xexample.com", dns.TypeA, dns.RcodeRefused, false, nil, nil, nil},
		{"AXFR by UDP", "example.com", dns.TypeAXFR, dns.RcodeFormatError, false, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := dnstest.Ask(t, addr, dnstest.Query{Name: c.qname, Type: c.qtype})
			assert.Equal(t, dns.RcodeToString[c.rcode], dns.RcodeToString[m.Rcode])
			assert.Equal(t, c.aa, m.Authoritative, "AA")
			assert.False(t, m.RecursionAvailable)
			assert.Equal(t, c.answer, lines(m.Answer), "answer")
			assert.ElementsMatch(t, c.ns, lines(m.Ns), "authority")
			assert.ElementsMatch(t, c.extra, lines(m.Extra), "additional")
		})
	}
}

func lines(rrs []dns.RR) (out []string) {
	for _, rr := range rrs {
		out = append(out, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	return out
}

func TestLoopsEnd(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, rich)})
	m := dnstest.Ask(t, addr, dnstest.Query{Name: "loop.example.com", Type: dns.TypeA})
	assert.LessOrEqual(t, len(m.Answer), 8)
}

func TestQuestionIsEchoedAsItCame(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, rich)})
	m := dnstest.Ask(t, addr, dnstest.Query{Name: "wWw.ExAmPlE.cOm", Type: dns.TypeA})
	assert.Equal(t, "wWw.ExAmPlE.cOm.", m.Question[0].Name)
	assert.Len(t, m.Answer, 1)
}

func TestEDNSAndSizes(t *testing.T) {
	text := rich
	for i := range 60 {
		text += "many A 192.0.2." + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "\n"
	}
	text = strings.ReplaceAll(text, "192.0.2.0", "192.0.2.")
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, text)})
	ask := func(q dnstest.Query) *dns.Msg { return dnstest.Ask(t, addr, q) }
	m := ask(dnstest.Query{Name: "many.example.com", Type: dns.TypeA})
	assert.True(t, m.Truncated)
	assert.Empty(t, m.Answer)
	assert.Nil(t, m.IsEdns0())
	m = ask(dnstest.Query{Name: "many.example.com", Type: dns.TypeA, EDNS: 4096})
	assert.False(t, m.Truncated)
	assert.Len(t, m.Answer, 60)
	require.NotNil(t, m.IsEdns0())
	m = ask(dnstest.Query{Name: "many.example.com", Type: dns.TypeA, TCP: true})
	assert.Len(t, m.Answer, 60)

	q := dnstest.Query{Name: "www.example.com", Type: dns.TypeA, EDNS: 1232}.Msg()
	q.IsEdns0().SetVersion(1)
	m = dnstest.Exchange(t, addr, q, false)
	assert.Equal(t, dns.RcodeBadVers, m.Rcode)
	assert.Equal(t, uint8(0), m.IsEdns0().Version())
}

func TestOtherMessages(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{})
	for name, c := range map[string]struct {
		change func(m *dns.Msg)
		rcode  int
	}{
		"class CH":        {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"NOTIFY":          {func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, dns.RcodeRefused},
		"STATUS":          {func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus }, dns.RcodeNotImplemented},
		"unsigned UPDATE": {func(m *dns.Msg) { m.SetUpdate("example.com.") }, dns.RcodeRefused},
		"two OPT":         {func(m *dns.Msg) { m.SetEdns0(1232, false); m.SetEdns0(1232, false) }, dns.RcodeFormatError},
		"OPT elsewhere":   {func(m *dns.Msg) { m.SetEdns0(1232, false); m.Answer, m.Extra = m.Extra, nil }, dns.RcodeFormatError},
	} {
		t.Run(name, func(t *testing.T) {
			m := dnstest.Query{Name: "example.com", Type: dns.TypeSOA}.Msg()
			c.change(m)
			in := dnstest.Exchange(t, addr, m, true)
			assert.Equal(t, dns.RcodeToString[c.rcode], dns.RcodeToString[in.Rcode])
			assert.Equal(t, m.Opcode, in.Opcode)
			assert.Empty(t, in.Answer)
		})
	}
}

func TestNewZone(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}})
	got := s.Records()
	assert.Len(t, got, 4, "SOA, NS and the server's own addresses: %v", got)
	m := dnstest.Ask(t, addr, dnstest.Query{Name: "ns.example.com", Type: dns.TypeAAAA})
	assert.Len(t, m.Answer, 1)
}

func TestStateFile(t *testing.T) {
	t.Run("broken ones are refused with the place", func(t *testing.T) {
		for text, want := range map[string]string{
			"www A 192.0.2.1 extra":                "line: 1",
			"@ 300 IN NS ns\n":                     "one SOA",
			rich + "www.example.org. A 192.0.2.1":  "does not belong to example.com.",
			rich + "$INCLUDE /etc/passwd":          "INCLUDE",
			rich + "www 300 CH TXT \"x\"":          "",
			"@ 300 IN SOA ns hostmaster 7 1 1 1 1": "NS record",
		} {
			_, err := server.New(server.Config{Zone: "example.com", Keys: tsigkey.NewKeyring(edgetest.Key()), State: stateFile(t, text)})
			assert.ErrorContains(t, err, want, text)
		}
	})
	t.Run("own addresses follow the flags", func(t *testing.T) {
		file := stateFile(t, rich)
		s, _ := edgetest.Serve(t, server.Config{State: file, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.9")}})
		assert.Contains(t, strings.Join(s.Records(), "\n"), "127.0.0.9")
		assert.NotContains(t, strings.Join(s.Records(), "\n"), "192.0.2.53")
	})
	t.Run("a folder that is not there fails the update, not the zone", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gone", "zone")
		s, addr := edgetest.Serve(t, server.Config{State: file})
		before := s.Records()
		m := newUpdate()
		m.Insert([]dns.RR{rr(t, "www.example.com. 60 IN A 192.0.2.1")})
		assert.Equal(t, "SERVFAIL", signedRcode(t, addr, edgetest.Key(), m))
		assert.Equal(t, before, s.Records())
	})
}

func TestNewRefuses(t *testing.T) {
	ring := tsigkey.NewKeyring(edgetest.Key())
	for want, c := range map[string]server.Config{
		"not a domain name": {Zone: "exa..mple", Keys: ring},
		"is not a domain":   {Keys: ring},
		"no TSIG key":       {Zone: "example.com"},
		"no TSIG":           {Zone: "example.com", Keys: tsigkey.NewKeyring()},
	} {
		_, err := server.New(c)
		assert.ErrorContains(t, err, want)
	}
	reg := prometheus.NewRegistry()
	_, err := server.New(server.Config{Zone: "example.com", Keys: ring, Registerer: reg})
	require.NoError(t, err)
	_, err = server.New(server.Config{Zone: "example.com", Keys: ring, Registerer: reg})
	assert.ErrorContains(t, err, "metrics")
}
