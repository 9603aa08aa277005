// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
)

// verdicts is a Store that only waits for verdicts.
type verdicts struct {
	mu   sync.Mutex
	last map[gslb.Name]gslb.Health
}

func (v *verdicts) SetVerdict(x gslb.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[x.Host] = x.Health
}

func (v *verdicts) DropVerdict(gslb.Name, netip.Addr) {}

func (v *verdicts) of(host gslb.Name) gslb.Health {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last[host]
}

// TestOnRealSockets puts the three kinds of probes to real servers on loopback.
func TestOnRealSockets(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "up.example.com" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer secure.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // never accepts: the kernel does
	require.NoError(t, err)
	defer silent.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())

	port := func(a net.Addr) uint16 { return netip.MustParseAddrPort(a.String()).Port() }
	cases := []struct {
		host  string
		check gslb.Check
		want  gslb.Health
		why   string
	}{
		{"up.example.com", gslb.Check{Kind: gslb.CheckHTTP, Port: port(plain.Listener.Addr())}, gslb.Healthy, "200"},
		{"down.example.com", gslb.Check{Kind: gslb.CheckHTTP, Port: port(plain.Listener.Addr())}, gslb.Unhealthy, "503 for this host"},
		{"example.com", gslb.Check{Kind: gslb.CheckHTTPS, Port: port(secure.Listener.Addr())}, gslb.Healthy, "the certificate is for it"},
		{"other.example.org", gslb.Check{Kind: gslb.CheckHTTPS, Port: port(secure.Listener.Addr())}, gslb.Unhealthy, "the certificate is not"},
		{"lax.example.org", gslb.Check{Kind: gslb.CheckHTTPS, Port: port(secure.Listener.Addr()), InsecureSkipVerify: true}, gslb.Healthy, "any certificate will do"},
		{"named.example.org", gslb.Check{Kind: gslb.CheckHTTPS, Port: port(secure.Listener.Addr()), Host: "example.com"}, gslb.Healthy, "asked by another name"},
		{"tcp.example.com", gslb.Check{Kind: gslb.CheckTCP, Port: port(silent.Addr())}, gslb.Healthy, "accepted"},
	}
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
	require.NoError(t, err)
	got := &verdicts{last: make(map[gslb.Name]gslb.Health)}
	m, err := healthcheck.New(healthcheck.Config{
		Store: got, Worlds: store.Mailbox().C(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Roots: roots,
	})
	require.NoError(t, err)
	for _, c := range cases {
		c.check.Rise, c.check.Fall, c.check.Interval = 1, 1, 5*time.Second
		src := gslb.Source{Kind: "Gslb", Name: c.host}
		store.SetObject(src, []*gslb.Offer{{
			Host: gslb.MustName(c.host), Source: src, Check: &c.check,
			Entries: []gslb.Entry{{Addr: netip.MustParseAddr("127.0.0.1"), Health: gslb.Healthy}},
		}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = store.Run(ctx) })
	wg.Go(func() { _ = m.Run(ctx) })
	for _, c := range cases {
		assert.Eventually(t, func() bool { return got.of(gslb.MustName(c.host)) == c.want }, time.Minute, 10*time.Millisecond, "%s: %s", c.host, c.why)
	}
	cancel()
	wg.Wait()
}
