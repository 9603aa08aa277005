// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"crypto/tls"
	"fmt"
	"log/slog"
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

// Beginnings of TLS have a budget of time; each is charged what those before it
// cost, and settled afterwards.
func TestHandshakesHaveABudget(t *testing.T) {
	one := netip.MustParseAddr("192.0.2.1")
	count := func(b *dnsserver.Budget, at time.Duration, from func(i int) netip.Addr, cost time.Duration) (admitted int) {
		for i := range 5000 {
			if b.Admit(from(i), at, cost) {
				admitted++
			}
		}
		return admitted
	}
	same := func(int) netip.Addr { return one }
	others := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}) }

	t.Run("a second of a flood costs a quarter of a second of one processor", func(t *testing.T) {
		b := dnsserver.NewBudget(1)
		admitted := 0
		for at := time.Duration(0); at < 10*time.Second; at += 100 * time.Millisecond {
			admitted += count(b, at, others, time.Millisecond)
		}
		assert.InDelta(t, 2500, admitted, 100, "of 1 ms each, in 10 s")
	})
	t.Run("costly ones are fewer", func(t *testing.T) {
		b := dnsserver.NewBudget(1)
		admitted := 0
		for at := time.Duration(0); at < 10*time.Second; at += 100 * time.Millisecond {
			admitted += count(b, at, others, 10*time.Millisecond)
		}
		assert.InDelta(t, 250, admitted, 30)
	})
	t.Run("one network leaves half of the budget to others", func(t *testing.T) {
		b := dnsserver.NewBudget(1)
		assert.InDelta(t, 32+20, count(b, 0, same, time.Millisecond), 3, "half of the depth, then at its rate")
		assert.InDelta(t, 10, count(b, 0, others, time.Millisecond), 4)
	})
	t.Run("hidden clients are one", func(t *testing.T) {
		b := dnsserver.NewBudget(1)
		b.HideClients()
		assert.InDelta(t, 62, count(b, 0, same, time.Millisecond), 3)
	})
	t.Run("quiet time is not saved up", func(t *testing.T) {
		b := dnsserver.NewBudget(1)
		assert.InDelta(t, 62, count(b, time.Hour, others, time.Millisecond), 3)
	})
}

// A flood of TLS connections is shed and counted, who is connected goes on, and
// so does everybody over UDP.
func TestAFloodOfHandshakesIsShed(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	reg := prometheus.NewRegistry()
	cfg.Registerer = reg
	server, plain := dnstest.Serve(t, cfg, exampleTable(t))
	addr := server.TLSAddrs()[0]
	client := &tls.Config{RootCAs: pool, ServerName: "ns.example"}
	before, err := dialTLS(t, addr, client)
	require.NoError(t, err)

	dnsserver.UseUpHandshakes(server)
	_, err = dialTLS(t, addr, client)
	require.Error(t, err)
	assert.Eventually(t, func() bool {
		return value(t, reg, "meridian_dnsserver_tcp_ended_total", "reason", "handshake_limit") == 1
	}, time.Minute, time.Millisecond)
	_, err = before.Write(ask(t, "app", dns.TypeA).withID(0))
	require.NoError(t, err)
	expectAnswers(t, before, 1)
	assert.Len(t, dnstest.Ask(t, plain, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1)
	assert.Equal(t, 1.0, value(t, reg, "meridian_dnsserver_tcp_connections", "transport", "tls"))
	assert.Equal(t, 1.0, value(t, reg, "meridian_dnsserver_tcp_accepted_total", "transport", "tls"))
}

// A client that comes back resumes its session, which spares both the signature.
func TestSessionsOfTLSAreResumed(t *testing.T) {
	cfg, pool, _ := overTLS(t)
	server, _ := dnstest.Serve(t, cfg, exampleTable(t))
	client := &tls.Config{RootCAs: pool, ServerName: "ns.example", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i := range 3 {
		conn, err := dialTLS(t, server.TLSAddrs()[0], client)
		require.NoError(t, err)
		_, err = conn.Write(ask(t, "app", dns.TypeA).withID(0))
		require.NoError(t, err)
		expectAnswers(t, conn, 1)
		assert.Equal(t, i > 0, conn.Conn.(*tls.Conn).ConnectionState().DidResume)
		require.NoError(t, conn.Close())
	}
}

// A Secret that Kubernetes mounts changes all at once: "..data" is a symbolic link
// to a folder, and is replaced by one to another. Size and times may be the same.
func TestCertificatesOfAMountedSecretAreReadAgain(t *testing.T) {
	cfg, _, dir := overTLS(t)
	at := time.Now().Add(-time.Hour)
	mount := func(n int) *tls.Config {
		t.Helper()
		data := filepath.Join(dir, fmt.Sprintf("..%d", n))
		require.NoError(t, os.Mkdir(data, 0o700))
		pool := certificates(t, data, "ns.example")
		for _, f := range []string{"tls.crt", "tls.key"} {
			require.NoError(t, os.Chtimes(filepath.Join(data, f), at, at))
		}
		require.NoError(t, os.Symlink(filepath.Base(data), filepath.Join(dir, "..tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
		return &tls.Config{RootCAs: pool, ServerName: "ns.example"}
	}
	for _, f := range []string{"tls.crt", "tls.key"} {
		require.NoError(t, os.Remove(filepath.Join(dir, f)))
		require.NoError(t, os.Symlink(filepath.Join("..data", f), filepath.Join(dir, f)))
	}
	old := mount(1)
	cfg.Logger = slog.New(slog.DiscardHandler)
	server, _ := dnstest.Serve(t, cfg, exampleTable(t))
	_, err := dialTLS(t, server.TLSAddrs()[0], old)
	require.NoError(t, err)
	fresh := mount(2)
	dnsserver.LookAtFiles(server)
	_, err = dialTLS(t, server.TLSAddrs()[0], old)
	require.Error(t, err)
	_, err = dialTLS(t, server.TLSAddrs()[0], fresh)
	require.NoError(t, err)
}
