// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// certificates writes a self-signed certificate and its key, over what is there,
// and gives a pool that trusts it.
func certificates(t testing.TB, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

// overTLS is a configuration with a certificate for ns.example.
func overTLS(t testing.TB) (dnsserver.Config, *x509.CertPool, string) {
	t.Helper()
	dir := t.TempDir()
	pool := certificates(t, dir, "ns.example")
	return dnsserver.Config{
		Listen: []string{"127.0.0.1:0"}, TLSListen: []string{"127.0.0.1:0"},
		TLSCertFile: filepath.Join(dir, "tls.crt"), TLSKeyFile: filepath.Join(dir, "tls.key"),
	}, pool, dir
}

func dialTLS(t testing.TB, addr netip.AddrPort, cfg *tls.Config) (*dns.Conn, error) {
	t.Helper()
	raw := dnstest.Dial(t, "tcp", addr)
	c := tls.Client(raw.Conn, cfg)
	return &dns.Conn{Conn: c}, c.HandshakeContext(t.Context())
}

func TestRFC7858_DNSOverTLS(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	reg := prometheus.NewRegistry()
	cfg.Registerer = reg
	server, plain := dnstest.Serve(t, cfg, exampleTable(t))
	require.Len(t, server.TLSAddrs(), 1)
	require.Len(t, server.Addrs(), 1)
	addr := server.TLSAddrs()[0]
	for _, c := range []struct {
		why  string
		cfg  *tls.Config
		alpn string
		fail bool
	}{
		{"a client that says nothing of what it speaks", &tls.Config{}, "", false},
		{"one that speaks DNS", &tls.Config{NextProtos: []string{"dot"}}, "dot", false},
		{"one that speaks HTTP", &tls.Config{NextProtos: []string{"h2"}}, "", true},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, "", false},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			c.cfg.RootCAs, c.cfg.ServerName = pool, "ns.example"
			conn, err := dialTLS(t, addr, c.cfg)
			if c.fail {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			state := conn.Conn.(*tls.Conn).ConnectionState()
			assert.Equal(t, c.alpn, state.NegotiatedProtocol)
			for i := range 200 {
				_, err := conn.Write(ask(t, "app", dns.TypeA).withID(uint16(i)))
				require.NoError(t, err)
			}
			expectAnswers(t, conn, 200)
			require.NoError(t, conn.Conn.(*tls.Conn).CloseWrite())
			closed(t, conn)
		})
	}
	assert.Len(t, dnstest.Ask(t, plain, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1, "plain DNS goes on beside it")
	assert.InDelta(t, 600, value(t, reg, "meridian_dnsserver_queries_total", "transport", "tls"), 0)
	assert.Eventually(t, func() bool {
		return value(t, reg, "meridian_dnsserver_tcp_ended_total", "reason", "handshake") == 2
	}, time.Minute, time.Millisecond)
}

// value adds up the samples of a metric that have a label.
func value(t testing.TB, reg prometheus.Gatherer, name, label, is string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() == is {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// Certificates are renewed by writing their files; half of a renewal leaves the
// one before.
func TestCertificatesAreReadAgain(t *testing.T) {
	cfg, old, dir := overTLS(t)
	cfg.Logger = slog.New(slog.DiscardHandler)
	server, _ := dnstest.Serve(t, cfg, exampleTable(t))
	addr := server.TLSAddrs()[0]
	shown := func(pool *x509.CertPool) error {
		_, err := dialTLS(t, addr, &tls.Config{RootCAs: pool, ServerName: "ns.example"})
		return err
	}
	require.NoError(t, shown(old))
	keep, err := os.ReadFile(filepath.Join(dir, "tls.key"))
	require.NoError(t, err)
	fresh := certificates(t, dir, "ns.example")
	key, err := os.ReadFile(filepath.Join(dir, "tls.key"))
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), keep, 0o600))
	dnsserver.LookAtFiles(server)
	require.NoError(t, shown(old), "key and certificate do not belong together yet")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), key, 0o600))
	dnsserver.LookAtFiles(server)
	require.Error(t, shown(old))
	require.NoError(t, shown(fresh))
}

// Who connects and does not begin TLS is let go, and counts among TCP clients.
func TestConnectionsThatDoNotBeginTLS(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	cfg.TCPIdle, cfg.MaxTCPConns = 50*time.Millisecond, 2
	server, _ := dnstest.Serve(t, cfg, exampleTable(t))
	addr := server.TLSAddrs()[0]
	silent := dnstest.Dial(t, "tcp", addr)
	closed(t, silent)
	noise := dnstest.Dial(t, "tcp", addr)
	_, err := noise.Conn.Write(frame(ask(t, "app", dns.TypeA)))
	require.NoError(t, err)
	_, err = noise.ReadMsg()
	require.Error(t, err, "DNS without TLS is not answered")
	conn, err := dialTLS(t, addr, &tls.Config{RootCAs: pool, ServerName: "ns.example"})
	require.NoError(t, err)
	_, err = conn.Write(ask(t, "app", dns.TypeA).withID(0))
	require.NoError(t, err)
	expectAnswers(t, conn, 1)
}

// Answers over TLS to those who pad are padded to blocks, others are not, and
// nothing is padded in the clear (RFC 7830, RFC 8467 §4.1).
func TestRFC7830_AnswersArePadded(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	server, plain := dnstest.Serve(t, cfg, exampleTable(t))
	padded := []byte{0, dns.EDNS0PADDING, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, name := range []string{"app", "many", "absent", "q.wild"} {
		query := ask(t, name, dns.TypeA)
		conn, err := dialTLS(t, server.TLSAddrs()[0], &tls.Config{RootCAs: pool, ServerName: "ns.example"})
		require.NoError(t, err)
		octets := func(p packet) int {
			_, err := conn.Write(p)
			require.NoError(t, err)
			buf := make([]byte, 65535)
			n, err := conn.Read(buf)
			require.NoError(t, err)
			require.NoError(t, new(dns.Msg).Unpack(buf[:n]))
			return n
		}
		assert.Zero(t, octets(query.opt(1232, 0, padded...))%468, name)
		assert.NotZero(t, octets(query.opt(1232, 0))%468, name)
		assert.NotZero(t, octets(query)%468, name)
		assert.Len(t, dnstest.TCP(t, plain, query.opt(1232, 0, padded...)), len(dnstest.TCP(t, plain, query.opt(1232, 0))), name)
	}
}

func TestTLSThatIsRefused(t *testing.T) {
	_, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, TLSListen: []string{"127.0.0.1:0"}})
	require.ErrorContains(t, err, "DNS over TLS needs a certificate and its key")
	cfg, _, dir := overTLS(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.crt"), nil, 0o600))
	_, err = dnsserver.New(cfg)
	require.ErrorContains(t, err, "certificate for DNS over TLS")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cfg, _, _ = overTLS(t)
	cfg.TLSListen = []string{l.Addr().String()}
	_, err = dnsserver.New(cfg)
	require.ErrorContains(t, err, "address already in use")
}

// Transfers over TLS need its version 1.3 (RFC 9103 §7.1); other questions do not.
func TestRFC9103_TransfersNeedTLS13(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	cfg.SlowPath = slowFunc(echo)
	server, _ := dnstest.Serve(t, cfg, exampleTable(t))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		want := dns.RcodeNotAuth // says the slow path
		if version == tls.VersionTLS12 {
			want = dns.RcodeRefused
		}
		for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR, dns.TypeA} {
			conn, err := dialTLS(t, server.TLSAddrs()[0], &tls.Config{RootCAs: pool, ServerName: "ns.example", NextProtos: []string{"dot"}, MinVersion: version, MaxVersion: version})
			require.NoError(t, err)
			_, err = conn.Write(ask(t, "app", qtype))
			require.NoError(t, err)
			m, err := conn.ReadMsg()
			require.NoError(t, err)
			if qtype == dns.TypeA {
				assert.Len(t, m.Answer, 1)
				continue
			}
			assert.Equal(t, want, m.Rcode, "%s over %s", dns.TypeToString[qtype], tls.VersionName(version))
		}
	}
}
