// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// Serve runs a server on 127.0.0.1, or where cfg says, until the test ends, and
// gives its first address. The test fails if the server recovered from a panic.
// A nil table is not published.
func Serve(t testing.TB, cfg dnsserver.Config, table *answers.Table) (*dnsserver.Server, netip.AddrPort) {
	t.Helper()
	if len(cfg.Listen) == 0 {
		cfg.Listen = []string{"127.0.0.1:0"}
	}
	s, err := dnsserver.New(cfg)
	require.NoError(t, err)
	if table != nil {
		s.Publish(table)
	}
	Run(t, s)
	t.Cleanup(func() { assert.Zero(t, s.Panics(), "the server recovered from panics") })
	return s, s.Addrs()[0]
}

// Run runs a server until the test ends.
func Run(t testing.TB, s *dnsserver.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
}

// Listen gives a port of 127.0.0.1 over TCP and UDP, for servers that are not ours. Of the
// ports that are free for TCP some are another process's over UDP: then it is another one.
func Listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	var err error
	for range 50 {
		l, failed := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, failed)
		var pc net.PacketConn
		if pc, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			return l, pc
		}
		_ = l.Close()
	}
	require.NoError(t, err, "no port is free for TCP and UDP")
	return nil, nil
}
