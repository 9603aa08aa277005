// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
)

// A cookie costs no memory either, whatever it is worth.
func TestCookiesDoNotAllocate(t *testing.T) {
	respond := dnsserver.Respond(unserved(t, dnsserver.Config{}))
	out := make([]byte, 0, 1500)
	first := ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(make([]byte, 8))...)
	answer, ok := respond(nil, first, false)
	require.True(t, ok)
	known := ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(answer[len(answer)-24:])...)
	wrong := ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(bytes.Repeat([]byte{7}, 24))...)
	for _, p := range []packet{first, known, wrong} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { respond(out, p, false) }), "%x", []byte(p))
	}
}

// canned is a connection on which the same bytes arrive again and again.
type canned struct {
	net.Conn
	bytes  []byte
	times  int
	rest   []byte
	writes int
	wrote  int
}

func (c *canned) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.times == 0 {
			return 0, io.EOF
		}
		c.times--
		c.rest = c.bytes
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *canned) Write(p []byte) (int, error) {
	c.writes++
	c.wrote += len(p)
	return len(p), nil
}

func (c *canned) Close() error                     { return nil }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 9} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// Queries that arrive together are answered together: one write, and nothing
// allocated once the connection has its buffers.
func TestPipelinedQueriesAreAnsweredInOneWrite(t *testing.T) {
	s := unserved(t, dnsserver.Config{})
	const together = 20
	var batch []byte
	for i := range together {
		p := ask(t, "app", dns.TypeA)
		if i%2 == 1 {
			p = p.opt(1232, 0, cookieOption(make([]byte, 8))...)
		}
		batch = append(binary.BigEndian.AppendUint16(batch, uint16(len(p))), p...)
	}
	serve := func(times int) *canned {
		c := &canned{bytes: batch, times: times}
		dnsserver.ServeStream(s, c)
		return c
	}
	one := serve(1)
	assert.Equal(t, 1, one.writes)
	many := serve(500)
	assert.Equal(t, 500, many.writes)
	assert.Equal(t, 500*one.wrote, many.wrote)

	if raceDetector {
		t.Skip("under the race detector a sync.Pool forgets at random")
	}
	short := testing.AllocsPerRun(5, func() { serve(1) })
	long := testing.AllocsPerRun(5, func() { serve(500) })
	assert.InDelta(t, short, long, 20, "a connection allocates, its messages do not")
}
