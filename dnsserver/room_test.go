// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// long is a good query that is padded to so many octets.
func long(t *testing.T, qtype uint16, octets int) packet {
	t.Helper()
	p := ask(t, "app", qtype)
	return p.opt(1232, 0, append([]byte{0, dns.EDNS0PADDING, byte((octets - len(p) - 15) >> 8), byte(octets - len(p) - 15)}, make([]byte, octets-len(p)-15)...)...)
}

// A long message takes memory as it comes, not as it is announced; all together
// have a bound, and who exceeds it is let go.
func TestLongMessagesOverTCPAreBoundedTogether(t *testing.T) {
	reg := prometheus.NewRegistry()
	server, addr := dnstest.Serve(t, dnsserver.Config{Registerer: reg, MaxTCPConnsPerClient: 1000, TCPMessage: time.Hour, TCPIdle: time.Hour}, exampleTable(t))
	message := frame(long(t, dns.TypeA, 60_000).withID(0))
	reading := func(n float64) func() bool {
		return func() bool { return value(t, reg, "meridian_dnsserver_tcp_connections", "state", "reading") == n }
	}

	c := dnstest.Dial(t, "tcp", addr)
	_, err := c.Conn.Write(message[:2])
	require.NoError(t, err)
	require.Eventually(t, reading(1), time.Minute, time.Millisecond)
	assert.Zero(t, dnsserver.LongBuffers(server), "announced")
	_, err = c.Conn.Write(message[2:])
	require.NoError(t, err)
	expectAnswers(t, c, 1)
	assert.Equal(t, 1, dnsserver.LongBuffers(server))

	var waiting []*dns.Conn
	for range 128 {
		w := dnstest.Dial(t, "tcp", addr)
		_, err := w.Conn.Write(message[:20_000])
		require.NoError(t, err)
		waiting = append(waiting, w)
	}
	require.Eventually(t, func() bool { return dnsserver.LongBuffers(server) == 128 }, time.Minute, time.Millisecond)
	_, err = c.Conn.Write(message)
	require.NoError(t, err)
	_, err = c.ReadMsg()
	require.Error(t, err, "let go")
	assert.InDelta(t, 1, value(t, reg, "meridian_dnsserver_tcp_ended_total", "reason", "memory"), 0)
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA, TCP: true}).Answer, 1, "others go on")
	for _, w := range waiting {
		_, err := w.Conn.Write(message[20_000:])
		require.NoError(t, err)
		expectAnswers(t, w, 1)
		require.NoError(t, w.Close())
	}
	again := dnstest.Dial(t, "tcp", addr)
	_, err = again.Conn.Write(message)
	require.NoError(t, err)
	expectAnswers(t, again, 1)
	assert.Equal(t, 128, dnsserver.LongBuffers(server), "they are used again")
	assert.Zero(t, server.Panics())
}

// Messages with the slow path are bounded in octets too: beyond, they are shed.
func TestLongMessagesOfTheSlowPathAreBoundedTogether(t *testing.T) {
	release := make(chan struct{})
	block := slowFunc(func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
		<-release
		return echo(ctx, msg, from, tcp, reply)
	})
	reg := prometheus.NewRegistry()
	server, addr := dnstest.Serve(t, dnsserver.Config{Registerer: reg, SlowPath: block}, exampleTable(t))
	room := dnsserver.SlowRoom(server)
	room.Store(100_000)
	c := dnstest.Dial(t, "tcp", addr)
	for range 3 {
		_, err := c.Write(long(t, dns.TypeAXFR, 40_000))
		require.NoError(t, err)
	}
	m, err := c.ReadMsg()
	require.NoError(t, err)
	assert.Equal(t, dns.RcodeServerFailure, m.Rcode, "the third is shed")
	assert.InDelta(t, 1, value(t, reg, "meridian_dnsserver_dropped_total", "reason", "slow_path_full"), 0)
	close(release)
	for range 2 {
		m, err = c.ReadMsg()
		require.NoError(t, err)
		assert.Equal(t, dns.RcodeNotAuth, m.Rcode)
	}
	require.Eventually(t, func() bool { return room.Load() == 100_000 }, time.Minute, time.Millisecond)
}
