// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/server"
)

// child serves cloud.example.com on a loopback port.
func child(t *testing.T) netip.AddrPort {
	t.Helper()
	text := `
$ORIGIN cloud.example.com.
$TTL 30
@ SOA ns hostmaster 7 3600 600 604800 30
@ NS ns.example.com.
app A 192.0.2.1
app A 192.0.2.2
`
	for i := range 100 {
		text += fmt.Sprintf("many AAAA 2001:db8::%x\n", i+1)
	}
	_, addr := edgetest.Serve(t, server.Config{Zone: "cloud.example.com", State: stateFile(t, text)})
	return addr
}

// parent delegates cloud.example.com to loopback addresses.
func parent(t *testing.T, port uint16, glue ...string) netip.AddrPort {
	t.Helper()
	state := "$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster 7 3600 600 604800 30\n@ NS ns\ninto CNAME app.cloud\n"
	for i, g := range glue {
		typ := "A"
		if netip.MustParseAddr(g).Is6() {
			typ = "AAAA"
		}
		state += fmt.Sprintf("cloud NS gslb-ns-%d\ngslb-ns-%d %s %s\n", i, i, typ, g)
	}
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, state), DelegationPort: port})
	return addr
}

func recursive(t *testing.T, addr netip.AddrPort, name string, typ uint16) *dns.Msg {
	t.Helper()
	m := dnstest.Query{Name: name, Type: typ, EDNS: 1232}.Msg()
	m.RecursionDesired = true
	return dnstest.Exchange(t, addr, m, true)
}

func TestFollowsDelegations(t *testing.T) {
	c := child(t)
	addr := parent(t, c.Port(), "127.0.0.1")
	for _, q := range []struct {
		name, why string
		typ       uint16
		rcode     int
		answers   int
		soa       bool
	}{
		{"app.cloud.example.com", "the final addresses", dns.TypeA, 0, 2, false},
		{"App.Cloud.example.com", "whatever the case", dns.TypeA, 0, 2, false},
		{"into.example.com", "through an alias of the edge zone", dns.TypeA, 0, 3, false},
		{"cloud.example.com", "the child's own NS set", dns.TypeNS, 0, 1, false},
		{"many.cloud.example.com", "by TCP where UDP is too small", dns.TypeAAAA, 0, 100, false},
		{"app.cloud.example.com", "NODATA with its SOA", dns.TypeTXT, 0, 0, true},
		{"nope.cloud.example.com", "NXDOMAIN with its SOA", dns.TypeA, dns.RcodeNameError, 0, true},
	} {
		in := recursive(t, addr, q.name, q.typ)
		assert.Equal(t, dns.RcodeToString[q.rcode], dns.RcodeToString[in.Rcode], q.why)
		assert.Len(t, in.Answer, q.answers, q.why)
		assert.True(t, in.RecursionAvailable, q.why)
		assert.False(t, in.Authoritative, "it is not our word")
		assert.Equal(t, q.soa, len(in.Ns) > 0, q.why)
		assert.Equal(t, dns.Fqdn(q.name), in.Question[0].Name)
	}
	in := recursive(t, addr, "example.com", dns.TypeSOA)
	assert.True(t, in.Authoritative, "our own names need no recursion")
}

func TestFollowTriesEveryServer(t *testing.T) {
	c := child(t)
	silent, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), c.Port())))
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	// 127.0.0.2 refuses, 127.0.0.3 is silent, 127.0.0.1 answers.
	addr := parent(t, c.Port(), "127.0.0.2", "127.0.0.3", "127.0.0.1")
	for range 5 {
		in := recursive(t, addr, "app.cloud.example.com", dns.TypeA)
		assert.Len(t, in.Answer, 2)
	}
}

func TestFollowFails(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{Zone: "other.example"}) // REFUSED for our names
	for name, p := range map[string]netip.AddrPort{
		"nobody there":   parent(t, addr.Port(), "127.0.0.2"),
		"lame":           parent(t, addr.Port(), "127.0.0.1"),
		"no glue at all": parent(t, addr.Port()),
	} {
		in := recursive(t, p, "app.cloud.example.com", dns.TypeA)
		want := dns.RcodeServerFailure
		if name == "no glue at all" {
			want = dns.RcodeNameError // then there is no delegation either
		}
		assert.Equal(t, dns.RcodeToString[want], dns.RcodeToString[in.Rcode], name)
	}
}

func TestFollowDoesNotCircle(t *testing.T) {
	state := "$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster 7 3600 600 604800 30\n@ NS ns\ncloud NS gslb-ns\ngslb-ns A 127.0.0.1\n"
	_, self := edgetest.Serve(t, server.Config{State: stateFile(t, state)})
	_, other := edgetest.Serve(t, server.Config{State: stateFile(t, state), DelegationPort: self.Port()})
	in := recursive(t, other, "app.cloud.example.com", dns.TypeA)
	assert.Equal(t, dns.RcodeServerFailure, in.Rcode, "a referral back is no answer, and is not followed")
}
