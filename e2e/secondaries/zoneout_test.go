// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
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

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/authtest"
	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// cloud is the zone of docs/secondaries.md.
const cloud = "cloud.example.com"

// documented gives a block of docs/secondaries.md, with a secret and, in the place of
// 203.0.113.10, our address and port as each software writes them.
func documented(t *testing.T, kind string, key authtest.Key, changes ...string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/secondaries.md")
	require.NoError(t, err)
	m := regexp.MustCompile("(?s)```" + regexp.QuoteMeta(kind) + "\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, m, "docs/secondaries.md has no block of %s", kind)
	text := string(m[1])
	changes = append([]string{"SECRET", key.Base64()}, changes...)
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, text, changes[i], kind)
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	return text
}

// origin is a meridian process that secondaries follow.
type origin struct {
	*primary
	lab  *lab.Lab
	args []string
	dot  netip.AddrPort
	ca   string // file of its certificate
}

// startOrigin runs meridian with the flags of docs/secondaries.md, and over TLS.
func startOrigin(t *testing.T, told ...netip.AddrPort) *origin {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "meridian")
	require.NoError(t, gobuild.Build(t.Context(), "", "../../cmd/meridian", bin))
	o := &origin{
		primary: &primary{t: t, folder: filepath.Join(dir, "objects"), addr: authtest.FreePort(t), metrics: authtest.FreePort(t),
			key: authtest.Key{Name: "secondaries", Secret: []byte(strings.Repeat("k", 32))}},
		dot: authtest.FreePort(t),
	}
	require.NoError(t, os.Mkdir(o.folder, 0o700))
	crt, pkey := certificateFor(t, dir, "ns."+cloud)
	o.ca = crt
	keyFile := filepath.Join(dir, "transfer.key")
	require.NoError(t, os.WriteFile(keyFile, []byte(o.key.Base64()), 0o600))
	o.file("app.yaml", backends(t, "app", true))
	o.say("first")
	l, err := lab.New(t.Context(), dir, bin)
	require.NoError(t, err)
	o.lab = l
	t.Cleanup(func() {
		assert.NoError(t, o.lab.Close())
		if t.Failed() {
			t.Log(o.process.LogTail(60))
		}
	})
	addrs := make([]string, 0, len(told))
	for _, a := range told {
		addrs = append(addrs, a.String())
	}
	o.args = []string{
		"serve", "--geo-tag", "eu", "--manifests", o.folder, "--dns-listen", o.addr.String(), "--dns-address", "192.0.2.53",
		"--edge-provider", "none", "--metrics-listen", o.metrics.String(), "--probe-listen", "", "--entry-check", "off", "--log-level", "debug",
		"--dot-listen", o.dot.String(), "--dot-cert-file", crt, "--dot-key-file", pkey,
		"--transfer-tsig-key", o.key.Name + ":hmac-sha256:" + keyFile, "--notify", strings.Join(addrs, ","),
	}
	o.start("first")
	return o
}

// start runs the process and waits until it answers.
func (o *origin) start(text string) {
	o.t.Helper()
	var err error
	o.process, err = o.lab.Start("eu", o.args...)
	require.NoError(o.t, err)
	o.answersTXT("marker."+cloud+".", text)
}

// say writes the zone, with a TXT record of a text.
func (o *origin) say(text string) {
	o.t.Helper()
	o.file("zone.yaml", documents(o.t,
		object{"apiVersion": "gslb.meridian.dev/v1beta1", "kind": "ZoneDelegation", "metadata": object{"name": cloud},
			"spec": object{"loadBalancedZone": cloud, "parentZone": "example.com", "dnsZoneNegTTL": 30, "records": []object{
				{"name": "marker", "type": "TXT", "ttl": 60, "rdata": []string{`"` + text + `"`}},
				{"name": "*.wild", "type": "A", "ttl": 60, "rdata": []string{"192.0.2.9"}},
			}}},
		object{"apiVersion": "gslb.meridian.dev/v1beta1", "kind": "Gslb", "metadata": object{"name": "app", "namespace": "demo"},
			"spec": object{
				"ingress": object{"rules": []object{{"host": "app." + cloud, "http": object{"paths": []object{{"path": "/", "pathType": "Prefix",
					"backend": object{"service": object{"name": "app", "port": object{"number": 80}}}}}}}}},
				"strategy":       object{"type": "roundRobin"},
				"entryAddresses": []string{"192.0.2.1", "2001:db8::1"},
			}}))
}

// certificateFor writes a certificate for a name, signed by itself, and its key.
func certificateFor(t *testing.T, dir, name string) (crt, pkey string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	crt, pkey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(pkey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return crt, pkey
}

// has waits until a server answers with the text, and with our host.
func has(t *testing.T, s *authtest.Server, text string) {
	t.Helper()
	ask := func(name string, qtype uint16) string {
		in, err := dns.Exchange(new(dns.Msg).SetQuestion(name+"."+cloud+".", qtype), s.Addr.String())
		if err != nil || len(in.Answer) != 1 || !in.Authoritative {
			return ""
		}
		return in.Answer[0].String()
	}
	await(t, fmt.Sprintf("%s says %s", s.Software, text), func() bool { return strings.Contains(ask("marker", dns.TypeTXT), text) })
	assert.Contains(t, ask("app", dns.TypeA), "192.0.2.1", s.Software)
	assert.Contains(t, ask("app", dns.TypeAAAA), "2001:db8::1", s.Software)
	assert.Contains(t, ask("x.wild", dns.TypeA), "192.0.2.9", s.Software)
}

// counted waits until so many transfers of a kind were counted: that is after the last
// octet of each has gone.
func counted(o *origin, kind string, least int) {
	o.t.Helper()
	await(o.t, fmt.Sprintf("%d transfers are %q", least, kind), func() bool {
		n, err := strconv.Atoi(o.transfers()[kind])
		return err == nil && n >= least
	})
}

// TestDocumentedSecondaries runs BIND, over TCP and over TLS, Knot DNS and NSD as
// docs/secondaries.md configures them: the zone comes at first whole, changes come by
// NOTIFY and IXFR, and all of it goes on after a restart of ours.
func TestDocumentedSecondaries(t *testing.T) {
	kinds := []struct {
		name     string
		software authtest.Software
		addr     netip.AddrPort
	}{{"BIND", authtest.BIND, authtest.FreePort(t)}, {"BIND over TLS", authtest.BIND, authtest.FreePort(t)}, {"Knot DNS", authtest.Knot, authtest.FreePort(t)}, {"NSD", authtest.NSD, authtest.FreePort(t)}}
	var told []netip.AddrPort
	for _, k := range kinds {
		told = append(told, k.addr)
	}
	o := startOrigin(t, told...)
	port := strconv.Itoa(int(o.addr.Port()))
	confs := []string{
		documented(t, "named.conf", o.key, "203.0.113.10 key", "127.0.0.1 port "+port+" key", "/var/cache/bind/", "DIR/"),
		documented(t, "named.conf over TLS", o.key, "203.0.113.10 port 853", "127.0.0.1 port "+strconv.Itoa(int(o.dot.Port())), "/etc/bind/meridian-ca.crt", o.ca, "/var/cache/bind/", "DIR/"),
		"template:\n  - id: default\n    storage: DIR\n" + documented(t, "knot.conf", o.key, "203.0.113.10", "127.0.0.1@"+port),
		documented(t, "nsd.conf", o.key, "203.0.113.10", "127.0.0.1@"+port),
	}
	var others []*authtest.Server
	for i, k := range kinds {
		s := authtest.StartConf(t, k.software, k.addr, confs[i])
		others = append(others, s)
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(k.name, s.Log())
			}
		})
	}
	for _, s := range others {
		has(t, s, "first")
	}
	t.Log("a change comes by NOTIFY and IXFR")
	o.say("second")
	for _, s := range others {
		has(t, s, "second")
	}
	counted(o, "IXFR differences", len(others))

	t.Log("after a restart the zone comes whole, and then by differences again")
	require.NoError(t, o.process.Stop())
	await(t, "a second has gone: without --state-dir serials begin with the clock", func() bool {
		return time.Now().Unix() > int64(serials(t, others[0].Addr, []judgeZone{{name: cloud + "."}})[cloud+"."])
	})
	o.say("third")
	o.start("third")
	for _, s := range others {
		has(t, s, "third")
	}
	o.say("fourth")
	for _, s := range others {
		has(t, s, "fourth")
	}
	counted(o, "IXFR whole", 1) // from a serial of before the restart
	counted(o, "IXFR differences", 1)
}

// TestToolsTransferTheZone: dig, kdig and drill get the zone with the key, over TCP and
// TLS, and nothing without it or with another.
func TestToolsTransferTheZone(t *testing.T) {
	o := startOrigin(t)
	port, dot := strconv.Itoa(int(o.addr.Port())), strconv.Itoa(int(o.dot.Port()))
	good, wrong := "hmac-sha256:secondaries:"+o.key.Base64(), "hmac-sha256:secondaries:"+authtest.Key{Secret: []byte(strings.Repeat("w", 32))}.Base64()
	unknown := "hmac-sha256:nobody:" + o.key.Base64()
	drillKey := "secondaries:" + o.key.Base64() + ":hmac-sha256"
	serial := func(n int64) string {
		in, err := dns.Exchange(new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA), o.addr.String())
		require.NoError(t, err)
		return "ixfr=" + strconv.FormatInt(int64(in.Answer[0].(*dns.SOA).Serial)+n, 10)
	}
	const zone = `(?s)SOA.*app\.cloud\.example\.com\.\s+30\s+IN\s+A\s+192\.0\.2\.1.*marker\.cloud\.example\.com\..*"first".*SOA`
	for _, c := range []struct {
		why  string
		args []string
		want string
		not  string // not in what it writes
	}{
		{"dig, AXFR", []string{"dig", "@127.0.0.1", "-p", port, "-y", good, cloud, "AXFR"}, zone, "failed|error"},
		{"dig, IXFR from a serial of others", []string{"dig", "@127.0.0.1", "-p", port, "-y", good, cloud, serial(-1)}, zone, "failed|error"},
		{"dig, IXFR that is current", []string{"dig", "@127.0.0.1", "-p", port, "-y", good, cloud, serial(0)}, `XFR size: 1 records`, "failed|error"},
		{"dig, the SOA signed", []string{"dig", "@127.0.0.1", "-p", port, "-y", good, "+norec", cloud, "SOA"}, `status: NOERROR(?s:.*)TSIG\s+hmac-sha256.*NOERROR`, "verify|WARNING"},
		{"dig, no key", []string{"dig", "@127.0.0.1", "-p", port, cloud, "AXFR"}, "Transfer failed", "192.0.2.1"},
		{"dig, wrong secret", []string{"dig", "@127.0.0.1", "-p", port, "-y", wrong, cloud, "AXFR"}, "Transfer failed", `192\.0\.2\.1`},
		{"dig, unknown key", []string{"dig", "@127.0.0.1", "-p", port, "-y", unknown, cloud, "AXFR"}, "Transfer failed", `192\.0\.2\.1`},
		{"kdig, AXFR", []string{"kdig", "@127.0.0.1", "-p", port, "-y", good, cloud, "AXFR"}, zone, "WARNING|ERROR:"},
		{"kdig, AXFR over TLS, the name checked", []string{"kdig", "@127.0.0.1", "-p", dot, "-y", good, "+tls", "+tls-ca=" + o.ca, "+tls-hostname=ns." + cloud, cloud, "AXFR"}, zone, "WARNING|ERROR:"},
		{"kdig, IXFR over TLS", []string{"kdig", "@127.0.0.1", "-p", dot, "-y", good, "+tls", cloud, strings.ToUpper(serial(-1)[:4]) + serial(-1)[4:]}, zone, "WARNING|ERROR:"},
		{"kdig, wrong secret", []string{"kdig", "@127.0.0.1", "-p", port, "-y", wrong, cloud, "AXFR"}, "NOTAUTH|BADSIG|NOT SIGNED|failed", `192\.0\.2\.1`},
		{"kdig, wrong secret over TLS", []string{"kdig", "@127.0.0.1", "-p", dot, "-y", wrong, "+tls", cloud, "AXFR"}, "NOTAUTH|BADSIG|failed", `192\.0\.2\.1`},
		{"drill, AXFR", []string{"drill", "-p", port, "-y", drillKey, "@127.0.0.1", cloud, "AXFR"}, zone, "error|failed"},
		{"drill, no key", []string{"drill", "-p", port, "@127.0.0.1", cloud, "AXFR"}, "", `192\.0\.2\.1`},
	} {
		t.Run(c.why, func(t *testing.T) {
			path := authtest.Program(t, c.args[0], map[string]string{"dig": "bind9-dnsutils", "kdig": "knot-dnsutils", "drill": "ldnsutils"}[c.args[0]])
			out, _ := exec.CommandContext(t.Context(), path, c.args[1:]...).CombinedOutput() // what it thinks of an answer is in what it writes
			assert.Regexp(t, c.want, string(out))
			assert.NotRegexp(t, c.not, string(out))
		})
	}
}

// TestAWrongKeyGetsNothing: a secondary whose secret differs is told so and gets no zone.
func TestAWrongKeyGetsNothing(t *testing.T) {
	o := startOrigin(t)
	wrong := authtest.Key{Name: "secondaries", Secret: []byte(strings.Repeat("w", 32))}
	port := strconv.Itoa(int(o.addr.Port()))
	s := authtest.StartConf(t, authtest.Knot, netip.AddrPort{}, "template:\n  - id: default\n    storage: DIR\n"+documented(t, "knot.conf", wrong, "203.0.113.10", "127.0.0.1@"+port))
	await(t, "Knot is refused", func() bool { return strings.Contains(s.Log(), "failed") })
	assert.Regexp(t, `TSIG|NOTAUTH|BADSIG`, s.Log())
	in, err := dns.Exchange(new(dns.Msg).SetQuestion(cloud+".", dns.TypeSOA), s.Addr.String())
	require.NoError(t, err)
	assert.Empty(t, in.Answer)
	assert.Contains(t, o.process.Log(), "message with a bad signature")
}
