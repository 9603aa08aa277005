// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/internal/authtest"
)

// The small Internet of the resolver's test: servers on port 53 of addresses of
// their own, because referrals carry no port.
var (
	rootServer  = netip.MustParseAddrPort("127.0.83.1:53") // ., example.com and other.example
	ourServer   = netip.MustParseAddrPort("127.0.83.2:53") // cloud.example.com
	childServer = netip.MustParseAddrPort("127.0.83.3:53") // below.cloud.example.com
)

const rootZone = `
. 300 SOA root.test. hostmaster.test. 1 3600 600 604800 30
. 300 NS root.test.
root.test. 300 A 127.0.83.1
example.com. 300 NS ns.example.com.
ns.example.com. 300 A 127.0.83.1
other.example. 300 NS ns.example.com.
`

const edgeZone = `
@ 300 SOA ns hostmaster 1 3600 600 604800 30
@ 300 NS ns
ns 300 A 127.0.83.1
www 300 CNAME app.cloud
cloud 300 NS gslb-ns-eu-cloud
gslb-ns-eu-cloud 300 A 127.0.83.2
`

const otherZone = `
@ 300 SOA ns.example.com. hostmaster.example.com. 1 3600 600 604800 30
@ 300 NS ns.example.com.
www 300 A 198.51.100.80
back 300 CNAME app.cloud.example.com.
`

const childZone = `
@ 300 SOA ns hostmaster 1 3600 600 604800 30
@ 300 NS ns
ns 300 A 127.0.83.3
leaf 300 A 198.51.100.90
a.b.leaf 300 TXT "deep"
`

// resolved are questions to the resolver, and what has to come: records as
// zone-file lines beginning with their data, or none.
var resolved = []struct {
	name, typ string
	rcode     int
	want      []string // data of the answer's last RRset
}{
	{"app.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"app.cloud.example.com.", "AAAA", dns.RcodeSuccess, []string{"2001:db8::1"}},
	{"app.cloud.example.com.", "TXT", dns.RcodeSuccess, nil},
	{"absent.cloud.example.com.", "A", dns.RcodeNameError, nil},
	{"a.b.c.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.5"}},
	{"b.c.cloud.example.com.", "A", dns.RcodeSuccess, nil},
	{"x.y.wild.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.6"}},
	{"many.cloud.example.com.", "A", dns.RcodeSuccess, hundred()},
	{"none.cloud.example.com.", "A", dns.RcodeSuccess, nil},
	{"cloud.example.com.", "NS", dns.RcodeSuccess, []string{"gslb-ns-eu-cloud.example.com."}},
	{"www.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"back.other.example.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"alias.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"chain.cloud.example.com.", "AAAA", dns.RcodeSuccess, []string{"2001:db8::1"}},
	{"out.cloud.example.com.", "A", dns.RcodeSuccess, []string{"198.51.100.80"}},
	{"round.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"dangling.cloud.example.com.", "A", dns.RcodeNameError, []string{"absent.cloud.example.com."}},
	{"q.aliases.cloud.example.com.", "A", dns.RcodeSuccess, []string{"192.0.2.1", "192.0.2.2"}},
	{"into.cloud.example.com.", "A", dns.RcodeSuccess, []string{"198.51.100.90"}},
	{"leaf.below.cloud.example.com.", "A", dns.RcodeSuccess, []string{"198.51.100.90"}},
	{"a.b.leaf.below.cloud.example.com.", "TXT", dns.RcodeSuccess, []string{`"deep"`}},
	{"absent.below.cloud.example.com.", "A", dns.RcodeNameError, nil},
	{"below.cloud.example.com.", "NS", dns.RcodeSuccess, []string{"ns.below.cloud.example.com."}},
	{"below.cloud.example.com.", "DS", dns.RcodeSuccess, nil},
	{"signed.cloud.example.com.", "DS", dns.RcodeSuccess, []string{"12345 13 2 " + strings.Repeat("CD", 32)}},
	{"cloud.example.com.", "MX", dns.RcodeSuccess, []string{"10 app.cloud.example.com."}},
	{"cloud.example.com.", "CAA", dns.RcodeSuccess, []string{`0 issue "ca.example"`}},
	{"_s._tcp.cloud.example.com.", "SRV", dns.RcodeSuccess, []string{"0 0 443 app.cloud.example.com."}},
	{"app.cloud.example.com.", "HTTPS", dns.RcodeSuccess, []string{`1 . alpn="h2,h3"`}},
	{"cloud.example.com.", "TYPE65400", dns.RcodeSuccess, []string{"c00c00"}},
	{"long.cloud.example.com.", "TXT", dns.RcodeSuccess, []string{`"` + strings.Repeat("x", 250) + `" "` + strings.Repeat("y", 250) + `"`}},
}

func hundred() []string {
	var out []string
	for i := range 100 {
		out = append(out, fmt.Sprintf("192.0.2.%d", i+100))
	}
	return out
}

// Unbound finds everything from the root down, through us and to others and back,
// with minimised names in mixed letter case, and has nothing to complain of.
func TestAResolverFindsEverything(t *testing.T) {
	smallInternet(t)
	r := authtest.StartUnbound(t, rootServer.Addr(), "")
	for _, q := range resolved {
		t.Run(q.name+" "+q.typ, func(t *testing.T) {
			typ := dns.StringToType[q.typ]
			if typ == 0 {
				typ = 65400
			}
			m := new(dns.Msg).SetQuestion(q.name, typ)
			in := dnstest.Exchange(t, r.Addr, m, true)
			assert.Equal(t, dns.RcodeToString[q.rcode], dns.RcodeToString[in.Rcode])
			assert.Equal(t, q.want, lastSet(in.Answer))
		})
	}
	for line := range strings.Lines(r.Log()) {
		for _, complaint := range []string{"Capsforid", "caps-for-id", "LAME", "lame", "parse error", "malformed", "error:", "THROWAWAY"} {
			if strings.Contains(line, complaint) && !strings.Contains(line, "use-caps-for-id") {
				t.Error("Unbound says: " + line)
			}
		}
	}
}

// smallInternet runs the three servers. Where port 53 cannot be had the test is
// skipped.
func smallInternet(t *testing.T) {
	t.Helper()
	for _, a := range []netip.AddrPort{rootServer, ourServer, childServer} {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			t.Skipf("port 53 is needed, because referrals carry no port: %v", err)
		}
		_ = l.Close()
	}
	authtest.StartAt(t, authtest.NSD, rootServer, authtest.Zone{Name: ".", Text: rootZone},
		authtest.Zone{Name: "example.com", Text: edgeZone}, authtest.Zone{Name: "other.example", Text: otherZone})
	authtest.StartAt(t, authtest.Knot, childServer, authtest.Zone{Name: "below.cloud.example.com", Text: childZone})
	serveForResolver(t)
}

// lastSet gives the data of the records at the end of a chain.
func lastSet(answer []dns.RR) []string {
	var out []string
	var owner string
	for _, rr := range slices.Backward(answer) {
		h := rr.Header()
		if owner != "" && (h.Name != owner || h.Rrtype == dns.TypeCNAME) {
			break
		}
		owner = h.Name
		data := strings.TrimPrefix(rr.String(), h.String())
		if unknown, is := rr.(*dns.RFC3597); is {
			data = unknown.Rdata
		}
		out = append(out, data)
	}
	slices.Sort(out)
	return out
}

func serveForResolver(t *testing.T) {
	t.Helper()
	z := judgeZone{name: "cloud.example.com."}
	add := func(owner, typ string, data ...string) { z.add(owner+".cloud.example.com.", typ, 60, data...) }
	add("alias", "CNAME", "app.cloud.example.com.")
	add("chain", "CNAME", "alias.cloud.example.com.")
	add("out", "CNAME", "www.other.example.")
	add("round", "CNAME", "back.other.example.")
	add("dangling", "CNAME", "absent.cloud.example.com.")
	add("*.aliases", "CNAME", "chain.cloud.example.com.")
	add("into", "CNAME", "leaf.below.cloud.example.com.")
	add("below", "NS", "ns.below.cloud.example.com.")
	add("signed", "NS", "ns.below.cloud.example.com.")
	add("signed", "DS", "12345 13 2 "+strings.Repeat("cd", 32))
	add("ns.below", "A", childServer.Addr().String())
	add("_s._tcp", "SRV", "0 0 443 app.cloud.example.com.")
	add("app", "HTTPS", "1 . alpn=h2,h3")
	add("long", "TXT", `"`+strings.Repeat("x", 250)+`" "`+strings.Repeat("y", 250)+`"`)
	z.add(z.name, "MX", 60, "10 app.cloud.example.com.")
	z.add(z.name, "CAA", 60, `0 issue "ca.example"`)
	z.add(z.name, "TYPE65400", 60, `\# 3 C00C00`)
	worlds := dnstest.NewWorlds(t)
	worlds.SetZones(z.intent(t))
	world := worlds.Set(
		dnstest.Host{Name: "app.cloud.example.com", Addrs: []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}},
		dnstest.Host{Name: "a.b.c.cloud.example.com", Addrs: []string{"192.0.2.5"}},
		dnstest.Host{Name: "*.wild.cloud.example.com", Addrs: []string{"192.0.2.6"}},
		dnstest.Host{Name: "many.cloud.example.com", Addrs: hundred()},
		dnstest.Host{Name: "none.cloud.example.com"},
	)
	require.Nil(t, func() any {
		if s := worldZone(world, z.name).Static; s != nil && len(s.Conflicts) > 0 {
			return s.Conflicts
		}
		return nil
	}())
	dnstest.Serve(t, dnsserver.Config{Listen: []string{ourServer.String()}}, dnstest.Table(t, nil, world))
}
