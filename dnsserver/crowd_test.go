// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// A thousand idle clients and two hundred that send a query octet by octet, none
// of whom ever goes away: they make room for a newcomer, and UDP goes on.
func TestACrowdOfIdleAndSlowClients(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{TCPIdle: time.Hour, TCPMessage: time.Hour}, exampleTable(t))
	query := frame(ask(t, "app", dns.TypeA).withID(0))
	connect := func(client string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		c, err := d.DialContext(t.Context(), "tcp", addr.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for i := range 1000 {
		connect(fmt.Sprintf("127.0.1.%d", 1+i%100))
	}
	var slow []net.Conn
	for i := range 200 {
		slow = append(slow, connect(fmt.Sprintf("127.0.2.%d", 1+i%100)))
	}
	for i := range 20 {
		for _, c := range slow {
			_, _ = c.Write(query[i : i+1]) // it may have made room for others
		}
		newcomer := connect("127.0.3.1")
		require.NoError(t, newcomer.SetDeadline(time.Now().Add(time.Minute)))
		_, err := newcomer.Write(query)
		require.NoError(t, err)
		expectAnswers(t, &dns.Conn{Conn: newcomer}, 1)
		c := &dns.Client{Timeout: time.Minute}
		m, _, err := c.Exchange(dnstest.Query{Name: "app." + zone, Type: dns.TypeA}.Msg(), addr.String())
		require.NoError(t, err)
		assert.Len(t, m.Answer, 1)
	}
	assert.Zero(t, server.Panics())
}
