// SPDX-License-Identifier: Apache-2.0

package dnstest

import (
	"context"
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
