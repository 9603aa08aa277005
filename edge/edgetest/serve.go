// SPDX-License-Identifier: Apache-2.0

package edgetest

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Key gives the key that [Serve] accepts unless told otherwise.
func Key() *tsigkey.Key {
	return tsigkey.FromSecret("meridian.", "hmac-sha256", []byte("0123456789abcdef0123456789abcdef"))
}

// Serve runs the small edge server on a loopback port of its own until the test
// ends. An empty Zone is example.com, nil Keys are [Key].
func Serve(t testing.TB, c server.Config) (*server.Server, netip.AddrPort) {
	t.Helper()
	if c.Zone == "" {
		c.Zone = "example.com"
	}
	if c.Keys == nil {
		c.Keys = tsigkey.NewKeyring(Key())
	}
	s, err := server.New(c)
	require.NoError(t, err)
	return s, Listen(t, s)
}

// Listen gives every message that comes to a loopback port to a slow path until
// the test ends.
func Listen(t testing.TB, path dnsserver.SlowPath) netip.AddrPort {
	t.Helper()
	d, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, SlowPath: path, SlowAll: true, Sockets: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
		assert.Zero(t, d.Panics(), "panics were recovered")
	})
	return d.Addrs()[0]
}
