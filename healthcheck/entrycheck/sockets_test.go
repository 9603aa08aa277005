// SPDX-License-Identifier: Apache-2.0

package entrycheck_test

import (
	"context"
	"crypto/tls"
	"io"
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
	"github.com/meridian-gslb/meridian/healthcheck/entrycheck"
)

// TestAsAClientWould asks real servers on loopback by each scheme.
func TestAsAClientWould(t *testing.T) {
	var host, path, sni string
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host, path = r.Host, r.URL.Path }))
	defer web.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	secure.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { sni = h.ServerName; return nil, nil }}
	secure.StartTLS()
	defer secure.Close()
	banner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer banner.Close()
	go func() {
		for {
			c, err := banner.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "220 ready\r\n")
			_ = c.Close()
		}
	}()
	port := func(a net.Addr) uint16 { return netip.MustParseAddrPort(a.String()).Port() }
	cases := []struct {
		name  string
		host  gslb.Name
		ask   gslb.Ask
		check func()
	}{
		{"http", app, gslb.Ask{Scheme: "http", Port: port(web.Listener.Addr()), Path: "/shop"}, func() {
			assert.Equal(t, "app.cloud.example.com /shop", host+" "+path)
		}},
		{"wildcard", gslb.MustName("*.cloud.example.com"), gslb.Ask{Scheme: "http", Port: port(web.Listener.Addr())}, func() {
			assert.Equal(t, "meridian-check.cloud.example.com /", host+" "+path, "any name below it is one that clients ask for")
		}},
		{"wildcard with a name", gslb.MustName("*.cloud.example.com"), gslb.Ask{Scheme: "http", Port: port(web.Listener.Addr()), SNI: "probe.cloud.example.com"}, func() {
			assert.Equal(t, "probe.cloud.example.com /", host+" "+path, "the name that the report gives")
		}},
		{"https, 401", app, gslb.Ask{Scheme: "https", Port: port(secure.Listener.Addr())}, func() { assert.Equal(t, app.String(), sni) }},
		{"tls", app, gslb.Ask{Scheme: "tls", Port: port(secure.Listener.Addr()), SNI: "other.example.org"}, func() { assert.Equal(t, "other.example.org", sni) }},
		{"tcp", app, gslb.Ask{Scheme: "tcp", Port: port(banner.Addr())}, func() {}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answered := askOnce(t, c.host, c.ask)
			require.Equal(t, c.host, answered.Host)
			require.Equal(t, gslb.EntryAnswered, answered.Kind)
			c.check()
		})
	}
}

// askOnce runs a Checker in real time against a peer that was heard long ago,
// until it sights an entry.
func askOnce(t *testing.T, host gslb.Name, how gslb.Ask) gslb.Sighting {
	t.Helper()
	timing := gslb.DefaultTiming()
	timing.Alarm, timing.Lease, timing.Decide = time.Millisecond, time.Millisecond, time.Hour
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id", Timing: timing})
	require.NoError(t, err)
	got := make(sink, 1)
	c, err := entrycheck.New(entrycheck.Config{
		Store: got, Worlds: store.Mailbox().C(), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), AllowLoopback: true,
	})
	require.NoError(t, err)
	store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: gslb.MustName("example.com")}})
	e := gslb.Entry{Addr: netip.MustParseAddr("127.0.0.1"), Health: gslb.Healthy, Ask: how}
	require.NoError(t, store.SetReport(&gslb.Report{
		Cluster: "us", ClusterID: "id-us", Instance: "1", Zone: zone,
		Offers: map[gslb.Name]*gslb.Offer{host: {Host: host, Entries: []gslb.Entry{e}}},
	}))
	store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", At: time.Now()})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = store.Run(ctx) })
	wg.Go(func() { _ = c.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	return <-got
}

// sink keeps the first sighting.
type sink chan gslb.Sighting

func (s sink) Sight(v gslb.Sighting) {
	select {
	case s <- v:
	default:
	}
}
