// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// What comes while the queue of a socket is full is lost before we see it; it is
// counted nevertheless.
func TestWhatTheSystemDropsIsCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	s, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, Sockets: 1, Registerer: reg})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) }) // it never runs, so nothing is read
	c := dnstest.Dial(t, "udp", s.Addrs()[0])
	long := make([]byte, 60_000)
	for range 200 {
		_, err := c.Conn.Write(long)
		require.NoError(t, err)
	}
	dropped := value(t, reg, "meridian_dnsserver_dropped_total", "reason", "queue_full")
	assert.Greater(t, dropped, 50.0)
	assert.Less(t, dropped, 200.0, "some wait")
}
