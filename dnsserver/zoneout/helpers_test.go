// SPDX-License-Identifier: Apache-2.0

package zoneout_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/zoneout"
	"github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

const cloud = "cloud.example.com"

var (
	key   = tsigkey.FromSecret("transfer.", "hmac-sha256", bytes.Repeat([]byte("t"), 32))
	other = tsigkey.FromSecret("second.", "hmac-sha512", bytes.Repeat([]byte("s"), 64))
	alien = tsigkey.FromSecret("alien.", "hmac-sha256", bytes.Repeat([]byte("a"), 32))
	near  = netip.MustParseAddrPort("192.0.2.1:5300")
	far   = netip.MustParseAddrPort("198.51.100.9:5300")
)

// newServer makes a server for the two keys, and for whoever comes from 192.0.2.0/24.
func newServer(t testing.TB, adjust ...func(*zoneout.Config)) *zoneout.Server {
	t.Helper()
	c := zoneout.Config{
		Keys:  tsigkey.NewKeyring(key, other),
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Plain: func(msg []byte, _ netip.Addr, _ bool, _ int) []byte {
			out := bytes.Clone(msg[:12])
			out[2], out[5], out[11] = out[2]|0x80, 0, 0
			return out
		},
	}
	for _, f := range adjust {
		f(&c)
	}
	s, err := zoneout.New(c)
	require.NoError(t, err)
	return s
}

// publisher makes tables of Worlds and hands them to a server, as the process does.
type publisher struct {
	t      testing.TB
	worlds *dnstest.Worlds
	server *zoneout.Server
	table  *answers.Table
}

// publish gives the server what is known now. Tests on virtual time let a second
// pass before, so that the serial may move.
func (p *publisher) publish() {
	p.t.Helper()
	world := p.worlds.Table().World()
	p.table = dnstest.Table(p.t, p.table, world)
	p.server.Publish(p.table)
}

// secondary asks a server as somebody.
type secondary struct {
	t      testing.TB
	server *zoneout.Server
	key    *tsigkey.Key // nil: not signed
	from   netip.AddrPort
	udp    bool
}

// answer is what came back.
type answer struct {
	taken    bool
	messages []*dns.Msg
	records  []dns.RR // of all messages
}

func (a *answer) rcode() string { return dns.RcodeToString[a.messages[0].Rcode] }

// ask sends a message and checks the signatures of everything that comes.
func (s *secondary) ask(m *dns.Msg) *answer {
	s.t.Helper()
	wire, err := m.Pack()
	require.NoError(s.t, err)
	var v *tsig.Verifier
	if s.key != nil {
		wire, v, err = tsig.Request(s.key, wire, time.Now())
		require.NoError(s.t, err)
	}
	return s.send(wire, m.Id, v)
}

func (s *secondary) send(wire []byte, id uint16, v *tsig.Verifier) *answer {
	s.t.Helper()
	a := &answer{}
	a.taken = s.server.ServeSlow(s.t.Context(), wire, s.from, !s.udp, func(out []byte) error {
		in := new(dns.Msg)
		require.NoError(s.t, in.Unpack(out))
		assert.Equal(s.t, id, in.Id)
		assert.True(s.t, in.Response)
		assert.LessOrEqual(s.t, len(out), 65535)
		if v != nil {
			require.NoError(s.t, v.Verify(out, time.Now()))
		}
		a.messages = append(a.messages, in)
		a.records = append(a.records, in.Answer...)
		return nil
	})
	if v != nil && a.taken {
		assert.False(s.t, v.Pending(), "the last message is signed")
	}
	return a
}

func (s *secondary) axfr(zone string) *answer {
	s.t.Helper()
	return s.ask(new(dns.Msg).SetAxfr(dns.Fqdn(zone)))
}

func (s *secondary) ixfr(zone string, serial uint32) *answer {
	s.t.Helper()
	return s.ask(new(dns.Msg).SetIxfr(dns.Fqdn(zone), serial, "ns.", "mbox."))
}

// content is a zone as a secondary holds it: the text of each record.
type content map[string]bool

// text gives a record in one form.
func text(rr dns.RR) string { return rr.String() }

func serialOf(t testing.TB, rr dns.RR) uint32 {
	t.Helper()
	soa, ok := rr.(*dns.SOA)
	require.True(t, ok, "%s is no SOA", rr)
	return soa.Serial
}

// whole reads the records of an AXFR.
func whole(t testing.TB, records []dns.RR) (content, uint32) {
	t.Helper()
	require.GreaterOrEqual(t, len(records), 2)
	first, last := records[0], records[len(records)-1]
	require.Equal(t, text(first), text(last), "a zone stands between its SOA")
	c := content{}
	for _, rr := range records[:len(records)-1] {
		require.False(t, c[text(rr)], "%s comes twice", rr)
		c[text(rr)] = true
	}
	return c, serialOf(t, first)
}

// apply applies the answer to IXFR to what a secondary holds, the slow and strict
// way: nothing may be removed that is not there, nor added that is. differences
// says whether the answer was incremental.
func apply(t testing.TB, have content, serial uint32, records []dns.RR) (_ content, _ uint32, differences bool) {
	t.Helper()
	require.NotEmpty(t, records)
	if len(records) == 1 {
		require.Equal(t, serial, serialOf(t, records[0]), "the SOA alone says that nothing changed")
		return have, serial, true
	}
	if records[1].Header().Rrtype != dns.TypeSOA || serialOf(t, records[1]) == serialOf(t, records[0]) && len(records) == 2 {
		c, s := whole(t, records)
		return c, s, false
	}
	c := content{}
	for k := range have {
		c[k] = true
	}
	final := serialOf(t, records[0])
	require.Equal(t, text(records[0]), text(records[len(records)-1]))
	rest := records[1 : len(records)-1]
	for len(rest) > 0 {
		require.Equal(t, serial, serialOf(t, rest[0]), "each step begins where the one before ended")
		n := 1 + slices.IndexFunc(rest[1:], isSOA)
		require.Positive(t, n, "a step has two SOA")
		for _, rr := range rest[:n] {
			require.True(t, c[text(rr)], "%s is removed and not there", rr)
			delete(c, text(rr))
		}
		rest, serial = rest[n:], serialOf(t, rest[n])
		n = 1 + slices.IndexFunc(rest[1:], isSOA)
		if n == 0 {
			n = len(rest)
		}
		for _, rr := range rest[:n] {
			require.False(t, c[text(rr)], "%s is added and there", rr)
			c[text(rr)] = true
		}
		rest = rest[n:]
	}
	require.Equal(t, final, serial)
	return c, serial, true
}

func isSOA(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }

// many gives n hosts.
func many(n int) []dnstest.Host {
	var hosts []dnstest.Host
	for i := range n {
		hosts = append(hosts, dnstest.Host{
			Name:  fmt.Sprintf("host-with-a-long-name-%d.%s", i, cloud),
			Addrs: []string{fmt.Sprintf("192.0.2.%d", 1+i%250), fmt.Sprintf("2001:db8::%x", i)},
		})
	}
	return hosts
}

// running runs a server until the test ends.
func running(t testing.TB, s *zoneout.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
}

// ServeSlow implements dnsserver.SlowPath.
func (s slowPath) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	return (*s.to).ServeSlow(ctx, msg, from, tcp, reply)
}

// certificate writes a certificate and its key, and gives their files.
func certificate(t *testing.T) (crt, pkey string) {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ns.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	crt, pkey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(pkey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return crt, pkey
}
