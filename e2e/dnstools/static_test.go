// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package dnstools_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// records are static records beside the hosts.
var records = `
@ 300 MX 10 app.cloud.example.com.
@ 300 MX 20 mail.example.org.
@ 300 CAA 0 issue "ca.example; account=\"1\""
@ 300 TXT "v=spf1 -all" "two \"strings\" \\ \255"
@ 300 TYPE65400 \# 5 0102C00CFF
@ 300 LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
_s._tcp 300 SRV 0 5 443 app.cloud.example.com.
_443._tcp.app 300 TLSA 3 1 1 ` + strings.Repeat("b0", 32) + `
ssh 300 SSHFP 4 2 ` + strings.Repeat("0a", 32) + `
tel 300 NAPTR 10 20 "S" "SIP+D2U" "" _sip._udp.example.org.
web 300 URI 10 1 "https://example.org/x"
app 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
_dns 300 SVCB 1 dns.example.org. alpn=dot port=8853
alias 300 CNAME app.cloud.example.com.
chain 300 CNAME alias.cloud.example.com.
out 300 CNAME www.example.org.
dangling 300 CNAME absent.cloud.example.com.
empty 300 CNAME none.cloud.example.com.
loop 300 CNAME pool.cloud.example.com.
pool 300 CNAME loop.cloud.example.com.
*.aliases 300 CNAME chain.cloud.example.com.
into 300 CNAME www.sub.cloud.example.com.
sub 300 NS ns.sub.cloud.example.com.
sub 300 NS ns.example.org.
ns.sub 300 A 192.0.2.77
ns.sub 300 AAAA 2001:db8::77
signed 300 NS ns.example.org.
signed 300 DS 12345 13 2 ` + strings.Repeat("cd", 32) + `
` + bigSet()

// bigSet is a set of 2.4 kB.
func bigSet() string {
	var b strings.Builder
	for i := range 9 {
		b.WriteString("big 300 TXT \"" + strconv.Itoa(i) + strings.Repeat("x", 250) + "\"\n")
	}
	return b.String()
}

// answers are questions with data at their end; delv, which is a resolver, is
// asked these only.
var answers = []question{
	{"", "MX", "", `IN\s+MX\s+20\s+mail\.example\.org\.`},
	{"", "CAA", "", `IN\s+CAA\s+0\s+issue\s+"ca\.example`},
	{"", "TXT", "", `"v=spf1 -all" "two \\"strings\\" \\\\ \\255"`},
	{"", "LOC", "", `IN\s+LOC\s+52\s+22`},
	{"_s._tcp", "SRV", "", `IN\s+SRV\s+0\s+5\s+443\s+app\.cloud\.example\.com\.`},
	{"_443._tcp.app", "TLSA", "", `IN\s+TLSA\s+3\s+1\s+1\s+[bB]0`},
	{"ssh", "SSHFP", "", `IN\s+SSHFP\s+4\s+2\s+0[aA]`},
	{"tel", "NAPTR", "", `IN\s+NAPTR\s+10\s+20\s+"S"\s+"SIP\+D2U"\s+""\s+_sip\._udp\.example\.org\.`},
	{"web", "URI", "", `IN\s+URI\s+10\s+1\s+"https://example\.org/x"`},
	{"app", "HTTPS", "", `IN\s+(HTTPS|TYPE65)\s`},
	{"_dns", "SVCB", "", `IN\s+(SVCB|TYPE64)\s`},
	{"alias", "A", "", `alias\.cloud\.example\.com\.\s+300\s+IN\s+CNAME\s+app\.cloud\.example\.com\.[\s\S]*app\.cloud\.example\.com\.\s+30\s+IN\s+A\s+192\.0\.2\.1`},
	{"chain", "AAAA", "", `CNAME\s+alias[\s\S]*CNAME\s+app[\s\S]*AAAA\s+2001:db8::1`},
	{"chain", "CNAME", "", `IN\s+CNAME\s+alias\.cloud\.example\.com\.`},
	{"q.aliases", "A", "", `q\.aliases\.cloud\.example\.com\.\s+300\s+IN\s+CNAME[\s\S]*192\.0\.2\.1`},
}

// others have negative answers, referrals, or chains that lead away.
var others = []question{
	{"", "TYPE65400", "", `TYPE65400\s+\\# 5\s+0102[cC]00[cC][fF]{2}`},
	{"out", "A", "", `NOERROR[\s\S]*IN\s+CNAME\s+www\.example\.org\.`},
	{"dangling", "A", "", `NXDOMAIN[\s\S]*IN\s+CNAME\s+absent\.cloud\.example\.com\.[\s\S]*SOA`},
	{"empty", "A", "", `NOERROR[\s\S]*IN\s+CNAME\s+none\.cloud\.example\.com\.[\s\S]*SOA`},
	{"alias", "MX", "", `NOERROR[\s\S]*IN\s+CNAME\s+app\.cloud\.example\.com\.[\s\S]*SOA`},
	{"loop", "A", "", `NOERROR[\s\S]*IN\s+CNAME\s+loop\.cloud\.example\.com\.`},
	{"into", "A", "", `IN\s+CNAME\s+www\.sub\.cloud\.example\.com\.[\s\S]*sub\.cloud\.example\.com\.\s+300\s+IN\s+NS\s+ns\.sub`},
	{"x.sub", "A", "", `NOERROR[\s\S]*sub\.cloud\.example\.com\.\s+300\s+IN\s+NS\s+ns\.(sub|example)[\s\S]*ns\.sub\.cloud\.example\.com\.\s+300\s+IN\s+A\s+192\.0\.2\.77`},
	{"sub", "NS", "", `NOERROR[\s\S]*ns\.sub\.cloud\.example\.com\.\s+300\s+IN\s+AAAA\s+2001:db8::77`},
	{"sub", "DS", "", `NOERROR[\s\S]*SOA`},
	{"signed", "DS", "", `IN\s+DS\s+12345\s+13\s+2\s+[cC][dD]`},
	{"x.signed", "A", "+dnssec", `NOERROR[\s\S]*signed\.cloud\.example\.com\.\s+300\s+IN\s+NS`},
	{"big", "TXT", "+bufsize=4096", `"8x{250}"`},
	{"big", "TXT", "+noedns", `"8x{250}"`},
	{"big", "TXT", "+tcp", `"8x{250}"`},
	{"app", "ANY", "+notcp +bufsize=512", `NOERROR[\s\S]*ANSWER: [1-9]`},
	{"app", "ANY", "+tcp", `NOERROR[\s\S]*ANSWER: [1-9]`},
	{"big", "ANY", "+notcp +ignore", `[fF]lags:[^;]* tc|ANSWER: [1-9]`},
	{"alias", "ANY", "+tcp", `IN\s+CNAME\s+app\.cloud\.example\.com\.`},
	{"chain", "A", "+nsid", `NSID:.*eu-1`},
	{"chain", "A", "+subnet=198.51.100.0/24", `CLIENT-SUBNET:\s*198\.51\.100\.0/24/0`},
	{"chain", "A", "+cookie", `COOKIE: [0-9a-fA-F]{16}`},
}

// serveRecords runs a server with the records, over UDP, TCP and TLS.
func serveRecords(t *testing.T) (plain, overTLS netip.AddrPort) {
	t.Helper()
	w := dnstest.NewWorlds(t, zone)
	w.Static(zone, dnstest.Records(t, zone, records)...)
	table := dnstest.Table(t, nil, w.Set(
		dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1", "2001:db8::1"}},
		dnstest.Host{Name: "none." + zone},
	))
	crt, key := certificate(t)
	s, plain := dnstest.Serve(t, dnsserver.Config{TLSListen: []string{"127.0.0.1:0"}, TLSCertFile: crt, TLSKeyFile: key, NSID: "eu-1"}, table)
	return plain, s.TLSAddrs()[0]
}

// to is where a tool asks.
func to(addr netip.AddrPort) []string {
	return []string{"@" + addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port()))}
}

// TestRecords asks each tool for static records in every way that it has.
func TestRecords(t *testing.T) {
	dig, kdig, drill, delv := tool(t, "dig"), tool(t, "kdig"), tool(t, "drill"), tool(t, "delv")
	plain, overTLS := serveRecords(t)
	ask := func(t *testing.T, want string, expected []string, path string, args ...string) {
		t.Helper()
		out := run(t, path, args...)
		assert.Regexp(t, want, out)
		assert.Empty(t, complaints(out, expected...), out)
	}
	for _, q := range append(append([]question{}, answers...), others...) {
		t.Run(q.name+" "+q.qtype+" "+q.args, func(t *testing.T) {
			asked := append(strings.Fields(q.args), below(q.name), q.qtype)
			ask(t, q.want, nil, dig, append(append(to(plain), "+norec", "+time=5", "+tries=1"), asked...)...)
			k := append(append(to(plain), "+norec", "+time=5", "+retry=0"), asked...)
			if !strings.Contains(q.args, "+noedns") {
				k = append(k, "+edns=0")
			}
			ask(t, q.want, []string{"truncated reply from"}, kdig, k...)
			if !strings.Contains(q.args, "tcp") && !strings.Contains(q.args, "+noedns") {
				ask(t, q.want, nil, kdig, append(append(to(overTLS), "+norec", "+time=5", "+retry=0", "+tls", "+edns=0"), asked...)...)
			}
			if q.args == "" {
				for _, transport := range []string{"-u", "-t"} {
					ask(t, q.want, nil, drill, append([]string{transport, "-4", "-o", "rd", to(plain)[0], "-p", to(plain)[2], below(q.name)}, q.qtype)...)
				}
			}
		})
	}
	t.Run("drill, 2.4 kB over TCP", func(t *testing.T) {
		ask(t, `"8x{250}"`, nil, drill, "-t", "-4", "-o", "rd", to(plain)[0], "-p", to(plain)[2], below("big"), "TXT")
	})
	for _, q := range answers {
		for _, transport := range []string{"+notcp", "+tcp"} {
			t.Run("delv "+transport+" "+q.name+" "+q.qtype, func(t *testing.T) {
				ask(t, q.want, nil, delv, append(to(plain), "-4", "-i", "+nocdflag", transport, below(q.name), q.qtype)...)
			})
		}
	}
}
