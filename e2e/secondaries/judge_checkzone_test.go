// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/authtest"
	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// tidyZone has something of everything and breaks no rule of good practice.
func tidyZone(name string) judgeZone {
	z := judgeZone{name: name + "."}
	in := func(label string) string { return label + "." + z.name }
	z.hosts = []dnstest.Host{
		{Name: "app." + name, Addrs: []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, Policy: gslb.Policy{TTL: 30}},
		{Name: "*.wild." + name, Addrs: []string{"192.0.2.3"}, Policy: gslb.Policy{TTL: 30}},
		{Name: "deep.a.b." + name, Addrs: []string{"192.0.2.4"}, Policy: gslb.Policy{TTL: 30}},
	}
	for _, r := range [][3]string{
		{z.name, "MX", "10 " + in("mail")}, {z.name, "TXT", `"v=spf1 mx -all"`}, {z.name, "CAA", `0 issue "ca.example"`}, {z.name, "HTTPS", "1 . alpn=h2,h3"},
		{in("mail"), "A", "198.51.100.1"}, {in("mail"), "AAAA", "2001:db8:1::1"}, {in("marker"), "TXT", `"first"`},
		{in("alias"), "CNAME", in("app")}, {in("out"), "CNAME", "www.example."}, {in("*.aliases"), "CNAME", in("alias")},
		{in("_s._tcp"), "SRV", "0 5 443 " + in("app")}, {in("_443._tcp.app"), "TLSA", "3 1 1 " + strings.Repeat("b0", 32)},
		{in("sub"), "NS", in("ns1.sub")}, {in("sub"), "NS", "ns.example."}, {in("sub"), "DS", "12345 13 2 " + strings.Repeat("ab", 32)},
		{in("ns1.sub"), "A", "198.51.100.2"}, {in("ns1.sub"), "AAAA", "2001:db8:1::2"}, {in("sib"), "NS", in("ns1.sub")},
		{in("here"), "LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"}, {in("tel"), "NAPTR", `10 20 "S" "SIP+D2U" "" _sip._udp.example.`},
		{in("ssh"), "SSHFP", "4 2 " + strings.Repeat("0a", 32)}, {in("web"), "URI", `10 1 "https://example/x"`}, {in("new"), "TYPE65400", `\# 3 C00C00`},
		{in("_dns"), "SVCB", "1 dns.example. alpn=dot port=8853"}, {in("1"), "PTR", in("app")},
	} {
		z.add(r[0], r[1], 300, r[2])
	}
	return z
}

// dump writes a zone as dig transfers it from us.
func (p *primary) dump(zone string) string {
	p.t.Helper()
	out := bindtest.Dig(p.t, "@"+p.addr.Addr().String(), "-p", strings.Split(p.addr.String(), ":")[1], "-y", "hmac-sha256:"+p.key.Name+":"+p.key.Base64(),
		zone, "AXFR", "+noall", "+answer", "+onesoa")
	require.NotContains(p.t, out, "failed")
	out = regexp.MustCompile(`(?m)^transfer\.\s.*\sTSIG\s.*$`).ReplaceAllString(out, "")
	file := filepath.Join(p.t.TempDir(), zone+"zone")
	require.NoError(p.t, os.WriteFile(file, []byte(out), 0o600))
	return file
}

// fine is what the checkers write when there is nothing to say.
var fine = regexp.MustCompile(`^(zone \S+: loaded serial \d+|OK|zone \S+ is ok|\s*)$`)

// missing is what kzonecheck writes of a delegation without glue, of which random
// zones have some.
var missing = regexp.MustCompile(`missing glue record$|^Error summary:$`)

// The flags of named-checkzone, for zones that follow good practice and for
// others, and without asking anybody.
var (
	strict = []string{"-i", "local-sibling", "-m", "fail", "-M", "fail", "-S", "fail", "-n", "fail", "-r", "fail", "-k", "fail", "-W", "warn"}
	lax    = []string{"-i", "none", "-m", "ignore", "-M", "ignore", "-S", "ignore", "-n", "ignore", "-r", "ignore", "-k", "ignore"}
)

// checked reads a transferred zone with the tools of BIND, Knot and NSD: no
// complaint. A random zone may have delegations without glue, and bad practice.
func (p *primary) checked(zone string, random bool) {
	t, file, flags := p.t, p.dump(zone), strict
	t.Helper()
	if random {
		flags = lax
	}
	for _, c := range [][]string{
		append(append([]string{authtest.Program(t, "named-checkzone", "bind9-utils")}, flags...), zone, file),
		{authtest.Program(t, "nsd-checkzone", "nsd"), zone, file},
		{authtest.Program(t, "kzonecheck", "knot-dnssecutils"), "-o", zone, file},
	} {
		out, err := exec.CommandContext(t.Context(), c[0], c[1:]...).CombinedOutput()
		known := 0
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); random && missing.MatchString(line) {
				known++
				continue
			}
			assert.Regexp(t, fine, line, c[0])
		}
		if known == 0 {
			assert.NoError(t, err, "%s: %s", c[0], out)
		}
	}
}

// The checkers of zones have nothing to say of a transferred zone.
func TestTransferredZonesPassTheCheckers(t *testing.T) {
	tidy := tidyZone("tidy.test")
	p := startPrimary(t, []judgeZone{tidy})
	p.agree([]judgeZone{tidy})
	p.checked(tidy.name, false)
}
