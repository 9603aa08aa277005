// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// A socket that listens on all addresses answers from the one that was asked:
// connected clients take no other. Row 18.
func TestRow18_AnswersComeFromTheAddressThatWasAsked(t *testing.T) {
	decline := slowFunc(func(context.Context, []byte, netip.AddrPort, bool, func([]byte) error) bool { return false })
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 on loopback")
	}
	_, bound := dnstest.Serve(t, dnsserver.Config{Listen: []string{":0"}, SlowPath: decline}, exampleTable(t))
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.3.2.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			at := netip.AddrPortFrom(netip.MustParseAddr(host), bound.Port())
			for _, tcp := range []bool{false, true} {
				q := dnstest.Query{Name: "app." + zone, Type: dns.TypeA, TCP: tcp}
				if host == "::1" && !hasIPv6(t) {
					t.Skip("no IPv6 on this machine")
				}
				assert.Len(t, dnstest.Ask(t, at, q).Answer, 1)
				q.Type = dns.TypeIXFR // by way of the slow path
				assert.Equal(t, dns.RcodeRefused, dnstest.Ask(t, at, q).Rcode)
			}
		})
	}
}

func hasIPv6(t *testing.T) bool {
	t.Helper()
	s, err := dnsserver.New(dnsserver.Config{Listen: []string{"[::1]:0"}})
	if err != nil {
		return false
	}
	require.NoError(t, s.Close())
	return true
}

func TestAPortInUseIsOneClearError(t *testing.T) {
	first, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Close()) })
	taken := first.Addrs()[0]
	_, err = dnsserver.New(dnsserver.Config{Listen: []string{taken.String()}})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.EqualError(t, err, fmt.Sprintf("listening for DNS on tcp %s: bind: address already in use; stop the other program or choose another address", taken))
}

func TestWhatNewRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg dnsserver.Config
		err string
	}{
		{dnsserver.Config{}, `DNS server: no address to listen on; give one like ":5353"`},
		{dnsserver.Config{Listen: []string{"localhost:53"}}, `"localhost:53" is not an address to listen on: write one like ":5353", "127.0.1.1:53" or "[::1]:53"`},
		{dnsserver.Config{Listen: []string{":dns"}}, `":dns" is not an address to listen on: write one like ":5353" or "127.0.1.1:53"`},
		{dnsserver.Config{Listen: []string{":0"}, SlowAll: true}, "DNS server: every message should go to the slow path, but there is none"},
		{dnsserver.Config{Listen: []string{":0"}, MaxTCPConns: -1}, "DNS server: MaxTCPConns is -1; it must be positive"},
		{dnsserver.Config{Listen: []string{":0"}, TCPIdle: -1}, "DNS server: TCPIdle is -1ns; it must be positive"},
	} {
		_, err := dnsserver.New(c.cfg)
		assert.EqualError(t, err, c.err)
	}
}

// The addresses are free again when the metrics cannot be registered.
func TestMetricsTwiceInOneRegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	first, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, Registerer: reg})
	require.NoError(t, err)
	addr := first.Addrs()[0].String()
	require.NoError(t, first.Close())
	_, err = dnsserver.New(dnsserver.Config{Listen: []string{addr}, Registerer: reg})
	require.Error(t, err)
	again, err := dnsserver.New(dnsserver.Config{Listen: []string{addr}})
	require.NoError(t, err)
	require.NoError(t, again.Close())
	assert.EqualError(t, again.Run(t.Context()), "DNS server: it ran already")
}
