// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// A million broken messages through the whole handler, over UDP and TCP: nothing
// panics, what is answered is a good message, and nothing is kept of any.
func TestAMillionMutatedMessages(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raceDetector {
		n = 50_000
	}
	s := unserved(t, dnsserver.Config{NSID: "eu-1", RateLimit: 100_000, RateSlip: 3})
	respond := dnsserver.Respond(s)
	m := dnstest.NewMutator(20, seeds(t))
	out := make([]byte, 0, 4096)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	answered := 0
	for i := range n {
		msg := m.Next()
		tcp := i%2 == 0
		got, ok := respond(out, msg, tcp)
		if !ok || len(got) == 0 {
			continue
		}
		answered++
		if len(got) < 12 || !bytes.Equal(got[:2], msg[:2]) || got[2]&0x80 == 0 || !tcp && len(got) > 1232 {
			t.Fatalf("message %d, %x: answered with %x", i, msg, got)
		}
		if i%16 == 0 {
			require.NoError(t, new(dns.Msg).Unpack(got), "message %d, %x", i, msg)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Zero(t, s.Panics())
	assert.Greater(t, answered, n/4, "many are worth an answer")
	assert.Less(t, int64(after.HeapInuse)-int64(before.HeapInuse), int64(16<<20), "nothing is kept")
	got, _ := respond(out, ask(t, "app", dns.TypeA), true)
	assert.Equal(t, byte(1), got[7], "and it still answers")
}

// The same against sockets: a socket takes whatever comes, and a stream ends or
// goes on, but the server stays.
func TestMutatedMessagesToSockets(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{Sockets: 2}, exampleTable(t))
	m := dnstest.NewMutator(21, seeds(t))
	for range 200 {
		udp := dnstest.Dial(t, "udp", addr)
		for range 100 { // as many as a socket's buffer holds
			_, err := udp.Conn.Write(m.Next())
			require.NoError(t, err)
		}
		goesOn(t, udp)
		tcp := dnstest.Dial(t, "tcp", addr)
		var stream []byte
		for range 50 {
			stream = append(stream, frame(m.Next())...)
		}
		if m.IntN(2) == 0 {
			stream = stream[:m.IntN(len(stream))]
		}
		_, _ = tcp.Conn.Write(stream) // it may be closed under us
		assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA, TCP: true}).Answer, 1)
	}
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1)
	assert.Zero(t, server.Panics())
}

// goesOn waits for the answer to a good query among answers to others.
func goesOn(t *testing.T, c *dns.Conn) {
	t.Helper()
	query := ask(t, "app", dns.TypeA).withID(0xD0E5)
	_, err := c.Conn.Write(query)
	require.NoError(t, err)
	buf := make([]byte, 65535)
	for {
		n, err := c.Conn.Read(buf)
		require.NoError(t, err, "a good query is not answered")
		if n > 12 && bytes.Equal(buf[:2], query[:2]) && buf[7] == 1 {
			return
		}
	}
}
