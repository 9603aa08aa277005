// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/gslb"
)

// serveTCP answers questions over TCP as the zone file above says: the delegation as a
// referral, the rest with authority.
func serveTCP(t *testing.T, rcode int, authoritative bool) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetRcode(q, rcode)
		m.Authoritative = authoritative
		parser := dns.NewZoneParser(strings.NewReader(content), "", "")
		for rr, ok := parser.Next(); ok && rcode == dns.RcodeSuccess; rr, ok = parser.Next() {
			if dns.CanonicalName(rr.Header().Name) != dns.CanonicalName(q.Question[0].Name) || rr.Header().Rrtype != q.Question[0].Qtype {
				continue
			}
			if rr.Header().Rrtype == dns.TypeNS && rr.Header().Name != "example.com." {
				m.Ns, m.Authoritative = append(m.Ns, rr), false
			} else {
				m.Answer = append(m.Answer, rr)
			}
		}
		assert.Nil(t, q.IsTsig(), "a reader has no key")
		assert.False(t, q.RecursionDesired)
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown(); <-done })
	return l.Addr().String()
}

func reader(t *testing.T, c rfc2136.ReaderConfig) *rfc2136.Reader {
	t.Helper()
	r, err := rfc2136.NewReader(c)
	require.NoError(t, err)
	return r
}

func TestReaderReads(t *testing.T) {
	server := serveTCP(t, dns.RcodeSuccess, true)
	r := reader(t, rfc2136.ReaderConfig{Servers: server})
	for _, c := range []struct {
		name gslb.Name
		typ  uint16
		want []string
		why  string
	}{
		{childZone, edge.TypeNS, []string{"gslb-ns-us-cloud.example.com.", "ns.elsewhere.example."}, "the delegation comes as a referral"},
		{parentZone, edge.TypeNS, []string{"ns.example.com."}, "the zone's own NS as an answer"},
		{gslb.MustName("gslb-ns-us-cloud.example.com"), edge.TypeA, []string{"127.0.0.1"}, "glue in the zone"},
		{gslb.MustName("gslb-ns-us-cloud.example.com"), edge.TypeAAAA, nil, "an authoritative nothing"},
		{gslb.MustName("www.example.com"), edge.TypeAAAA, []string{"2001:db8::80"}, "addresses are canonical"},
	} {
		a, err := r.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: c.name, Type: c.typ})
		require.NoError(t, err, c.why)
		assert.Equal(t, c.want, a.Data, c.why)
		assert.Equal(t, server, a.Server)
	}
}

func TestReaderSaysWhyItCannotRead(t *testing.T) {
	nobody := "127.0.0.1:1"
	for _, c := range []struct {
		servers, rcode, says, why string
	}{
		{serveTCP(t, dns.RcodeRefused, false), "REFUSED", "does it hold that zone?", "it refuses"},
		{serveTCP(t, dns.RcodeServerFailure, false), "SERVFAIL", "does it hold that zone?", "it fails"},
		{serveTCP(t, dns.RcodeSuccess, false), "NOERROR", "without authority", "nothing, by somebody who cannot know"},
		{nobody, "", "does not answer over TCP", "nobody is there"},
		{nobody + "," + serveTCP(t, dns.RcodeRefused, false), "REFUSED", "REFUSED", "an answer tells more than silence"},
	} {
		r := reader(t, rfc2136.ReaderConfig{Servers: c.servers})
		_, err := r.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: euServer, Type: edge.TypeAAAA})
		e, ok := errors.AsType[*edge.Error](err)
		require.True(t, ok, c.why)
		assert.Equal(t, edge.ReasonUnreachable, e.Reason, c.why)
		assert.Equal(t, c.rcode, e.RCODE, c.why)
		assert.Contains(t, e.Error(), c.says, c.why)
	}
	r := reader(t, rfc2136.ReaderConfig{Servers: nobody + "," + serveTCP(t, dns.RcodeSuccess, true)})
	a, err := r.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
	require.NoError(t, err, "the next server is asked")
	assert.Equal(t, []string{"ns.example.com."}, a.Data)
}

// registry is a resolver that knows the servers of example.com, or fails.
type registry struct {
	asked int
	err   error
}

func (r *registry) LookupNS(_ context.Context, name string) ([]*net.NS, error) {
	r.asked++
	if name != "example.com." {
		return nil, errors.New("asked for " + name)
	}
	return []*net.NS{{Host: "ns1.example.com."}, {Host: "ns2.example.com."}}, r.err
}

func (r *registry) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host != "ns1.example.com." {
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.9.9.9")}, r.err
}

// TestReaderFindsServers finds loopback addresses that nobody serves: what matters is who
// would be asked, and how often the resolver is.
func TestReaderFindsServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := &registry{err: errors.New("no resolver")}
		r := reader(t, rfc2136.ReaderConfig{Resolver: known})
		ask := func() error {
			_, err := r.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
			return err
		}
		assert.ErrorContains(t, ask(), "the servers of the edge zone example.com cannot be found by the resolver of this Pod; name one in --edge-dns: no resolver")
		known.err = nil
		assert.ErrorContains(t, ask(), "server 127.9.9.9:53 of the edge zone example.com does not answer", "IPv4 first, port 53")
		assert.Equal(t, 2, known.asked)
		assert.Error(t, ask())
		assert.Equal(t, 2, known.asked, "what was found is used for a while")
		time.Sleep(11 * time.Minute)
		known.err = errors.New("no resolver")
		assert.ErrorContains(t, ask(), "does not answer", "the last servers stay while no others can be found")
		assert.Equal(t, 3, known.asked)
	})
}

func TestReaderNeedsServersOrAResolver(t *testing.T) {
	_, err := rfc2136.NewReader(rfc2136.ReaderConfig{})
	assert.ErrorContains(t, err, "needs Servers, or a Resolver")
	_, err = rfc2136.NewReader(rfc2136.ReaderConfig{Servers: "a:b:c"})
	assert.ErrorContains(t, err, "write HOST:PORT")
}

func TestReaderTellsWhomItAsks(t *testing.T) {
	given, err := reader(t, rfc2136.ReaderConfig{Servers: "192.0.2.1,192.0.2.2:5300"}).Servers(t.Context(), parentZone)
	require.NoError(t, err)
	assert.Equal(t, []string{"192.0.2.1:53", "192.0.2.2:5300"}, given)
	known := &registry{}
	r := reader(t, rfc2136.ReaderConfig{Resolver: known})
	found, err := r.Servers(t.Context(), parentZone)
	require.NoError(t, err)
	assert.Equal(t, []string{"127.9.9.9:53", "[::1]:53"}, found)
	_, err = r.Servers(t.Context(), gslb.MustName("example.org"))
	assert.ErrorContains(t, err, "name one in --edge-dns")
}
