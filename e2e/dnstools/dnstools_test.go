// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package dnstools_test asks the DNS server with the clients of other projects:
// dig and delv (BIND), kdig (Knot) and drill (NLnet Labs). What they warn of, an
// outside judge would find too.
package dnstools_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

const zone = "cloud.example.com"

// complaint is what the tools write when something is not as it should be.
var complaint = regexp.MustCompile(`(?i)warn|error|malform|mismatch|unexpected|bad |invalid|fail|timed? ?out|trailing|reset`)

// serve runs a server with a few hosts, over UDP, TCP and TLS.
func serve(t *testing.T) (plain, overTLS netip.AddrPort) {
	t.Helper()
	crt, pkey := certificate(t)
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i+1))
	}
	table := dnstest.Table(t, nil, dnstest.NewWorlds(t, zone).Set(
		dnstest.Host{Name: "app." + zone, Addrs: []string{"192.0.2.1", "2001:db8::1"}},
		dnstest.Host{Name: "*.wild." + zone, Addrs: []string{"192.0.2.9"}},
		dnstest.Host{Name: "none." + zone},
		dnstest.Host{Name: "many." + zone, Addrs: many},
	))
	s, plain := dnstest.Serve(t, dnsserver.Config{TLSListen: []string{"127.0.0.1:0"}, TLSCertFile: crt, TLSKeyFile: pkey, NSID: "eu-1"}, table)
	return plain, s.TLSAddrs()[0]
}

// certificate writes a certificate and its key, and gives their files.
func certificate(t *testing.T) (crt, pkey string) {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ns.example"}, DNSNames: []string{"ns.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	crt, pkey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(pkey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return crt, pkey
}

// tool gives the path of a program, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed; Debian has it in knot-dnsutils (kdig), ldnsutils (drill) or bind9-dnsutils (dig, delv)", name)
	}
	return path
}

// run calls a tool, which must end well, and gives what it wrote.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "%s %s\n%s", path, strings.Join(args, " "), out.String())
	return out.String()
}

// question is asked with every tool that can.
type question struct {
	name, qtype string
	args        string // for dig and kdig, beside +norec
	want        string // a pattern
}

var questions = []question{
	{"app", "A", "", `app\.cloud\.example\.com\.\s+30\s+IN\s+A\s+192\.0\.2\.1`},
	{"app", "AAAA", "", `2001:db8::1`},
	{"x.wild", "A", "", `x\.wild\.cloud\.example\.com\.\s+30\s+IN\s+A\s+192\.0\.2\.9`},
	{"none", "A", "", `NOERROR[\s\S]*SOA`},
	{"absent", "A", "", `NXDOMAIN[\s\S]*SOA`},
	{"", "SOA", "", `IN\s+SOA\s+gslb-ns-eu-cloud\.example\.com\.`},
	{"", "NS", "", `IN\s+NS\s+gslb-ns-eu-cloud\.example\.com\.`},
	{"", "DNSKEY", "+dnssec", `NOERROR[\s\S]*SOA`},
	{"app", "TYPE65280", "", `NOERROR[\s\S]*SOA`},
	{"app", "ANY", "+notcp", `192\.0\.2\.1`},
	{"many", "A", "+bufsize=4096", `192\.0\.2\.60`},
	{"many", "A", "+bufsize=512", `192\.0\.2\.60`},
	{"many", "A", "+noedns", `192\.0\.2\.60`},
	{"app", "A", "+tcp", `192\.0\.2\.1`},
	{"app", "A", "+nsid", `NSID:.*eu-1`},
	{"app", "A", "+subnet=198.51.100.0/24", `CLIENT-SUBNET:\s*198\.51\.100\.0/24/0`},
	{"app", "A", "+subnet=0.0.0.0/0", `192\.0\.2\.1`},
	{"app", "A", "+dnssec +bufsize=1232", `192\.0\.2\.1`},
}

func TestDig(t *testing.T) {
	dig := tool(t, "dig")
	plain, _ := serve(t)
	to := []string{"@" + plain.Addr().String(), "-p", strconv.Itoa(int(plain.Port())), "+norec", "+time=5", "+tries=1"}
	more := []question{
		{"app", "A", "+cookie", `COOKIE: [0-9a-f]{16}01000000[0-9a-f]{24} \(good\)`},
		{"app", "A", "+tcp +keepalive", `TCP.KEEPALIVE: 10\.0 secs`},
		{"app", "A", "+header-only", `QUERY: 0`},
		{"app", "A", "+ednsflags=0x4000 +ednsopt=65001:ff", `192\.0\.2\.1`},
		{"app", "A", "+edns=1 +noednsnegotiation", `BADVERS`},
		{"app", "A", "+edns=1", `192\.0\.2\.1`},
		{"app", "A", "+opcode=15", `NOTIMP`},
		{"app", "A", "+subnet=0", `192\.0\.2\.1`},
		{"app", "A", "+padding=128", `192\.0\.2\.1`},
		{"app", "A", "+zflag +aaflag +adflag +cdflag +tcflag", `192\.0\.2\.1`},
	}
	for _, q := range append(more, questions...) {
		t.Run(q.name+" "+q.qtype+" "+q.args, func(t *testing.T) {
			args := append(append([]string{}, to...), strings.Fields(q.args)...)
			out := run(t, dig, append(args, below(q.name), q.qtype)...)
			assert.Regexp(t, q.want, out)
			assert.Empty(t, complaints(out, "BADVERS"), out)
		})
	}
}

func below(name string) string { return strings.TrimPrefix(name+"."+zone, ".") }

// complaints gives the lines in which a tool complains, but not those that hold
// what is expected.
func complaints(out string, expected ...string) []string {
	var bad []string
lines:
	for _, line := range strings.Split(out, "\n") {
		for _, e := range expected {
			if strings.Contains(line, e) {
				continue lines
			}
		}
		if complaint.MatchString(strings.ReplaceAll(line, "NOERROR", "")) {
			bad = append(bad, line)
		}
	}
	return bad
}

func TestKdig(t *testing.T) {
	kdig := tool(t, "kdig")
	plain, overTLS := serve(t)
	ask := func(t *testing.T, q question, addr netip.AddrPort, more ...string) {
		t.Helper()
		args := append([]string{"@" + addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port())), "+norec", "+time=5", "+retry=0"}, more...)
		if !strings.Contains(q.args, "+noedns") {
			args = append(args, "+edns=0")
		}
		args = append(args, strings.Fields(q.args)...)
		out := run(t, kdig, append(args, below(q.name), q.qtype)...)
		assert.Regexp(t, q.want, out)
		assert.Empty(t, complaints(out, "truncated reply from"), out) // it warns of doing what TC asks for
	}
	more := []question{
		{"app", "A", "+cookie", `COOKIE: [0-9A-Fa-f]{48}`},
		{"app", "A", "+tcp +keepopen", `192\.0\.2\.1`},
		{"app", "A", "+tcp +fastopen", `192\.0\.2\.1`},
		{"app", "A", "+padding=64", `192\.0\.2\.1`},
		{"app", "A", "+edns=1", `BADVERS`},
	}
	for _, q := range append(more, questions...) {
		t.Run(q.name+" "+q.qtype+" "+q.args, func(t *testing.T) { ask(t, q, plain) })
		if strings.Contains(q.args, "tcp") || strings.Contains(q.args, "+noedns") {
			continue
		}
		t.Run("over TLS: "+q.name+" "+q.qtype+" "+q.args, func(t *testing.T) { ask(t, q, overTLS, "+tls") })
	}
	t.Run("over TLS, the certificate's name checked", func(t *testing.T) {
		args := []string{"@" + overTLS.Addr().String(), "-p", strconv.Itoa(int(overTLS.Port())), "+norec", "+tls", "+tls-ca=/nonexistent", below("app"), "A"}
		out, err := exec.CommandContext(t.Context(), kdig, args...).CombinedOutput()
		require.Error(t, err, "nobody vouches for it: %s", out)
	})
}

func TestDrill(t *testing.T) {
	drill := tool(t, "drill")
	plain, _ := serve(t)
	for _, q := range questions {
		if q.args != "" {
			continue
		}
		for _, transport := range []string{"-u", "-t"} {
			t.Run(transport+" "+q.name+" "+q.qtype, func(t *testing.T) {
				out := run(t, drill, transport, "-4", "-o", "rd", "-p", strconv.Itoa(int(plain.Port())), "@"+plain.Addr().String(), below(q.name), q.qtype)
				assert.Regexp(t, q.want, out)
				assert.Empty(t, complaints(out), out)
			})
		}
	}
}

func TestDelv(t *testing.T) {
	delv := tool(t, "delv")
	plain, _ := serve(t)
	for _, q := range questions {
		if q.args != "" || q.name == "absent" || q.name == "none" || strings.HasPrefix(q.qtype, "TYPE") {
			continue
		}
		for _, transport := range []string{"+notcp", "+tcp"} {
			t.Run(transport+" "+q.name+" "+q.qtype, func(t *testing.T) {
				out := run(t, delv, "-4", "-i", "+nocdflag", transport, "@"+plain.Addr().String(), "-p", strconv.Itoa(int(plain.Port())), below(q.name), q.qtype)
				assert.Regexp(t, q.want, out)
				assert.Empty(t, complaints(out), out)
			})
		}
	}
}
