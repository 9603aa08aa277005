// SPDX-License-Identifier: Apache-2.0

package hostnames_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// serve answers on a loopback address over UDP and TCP.
func serve(t *testing.T, h dns.HandlerFunc) string {
	t.Helper()
	l, pc := dnstest.Listen(t)
	for _, s := range []*dns.Server{{Listener: l, Handler: h}, {PacketConn: pc, Handler: h}} {
		started, done := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(started) }
		go func() { done <- s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return l.Addr().String()
}

func records(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		require.NoError(t, err)
		all = append(all, rr)
	}
	return all
}

func TestWhatAResolverSays(t *testing.T) {
	soa := "example.net. 600 IN SOA ns.example.net. h.example.net. 1 2 3 4 45"
	for _, c := range []struct {
		why    string
		rcode  int
		answer map[uint16][]string
		ns     []string
		want   []string
		ttl    time.Duration
		err    string
	}{
		{why: "both families, the least TTL", answer: map[uint16][]string{
			dns.TypeA:    {"lb.example.net. 60 IN A 198.51.100.2", "lb.example.net. 60 IN A 198.51.100.1"},
			dns.TypeAAAA: {"lb.example.net. 30 IN AAAA 2001:db8::1"},
		}, want: []string{"198.51.100.1", "198.51.100.2", "2001:db8::1"}, ttl: 30 * time.Second},
		{why: "one family has none, which says nothing of how long the other is good", answer: map[uint16][]string{
			dns.TypeA: {"lb.example.net. 60 IN A 198.51.100.1"},
		}, ns: []string{soa}, want: []string{"198.51.100.1"}, ttl: time.Minute},
		{why: "a chain, in any order, in mixed case", answer: map[uint16][]string{
			dns.TypeA: {"b.example.net. 60 IN A 198.51.100.1", "a.example.net. 20 IN CNAME b.example.net.", "LB.example.net. 300 IN CNAME A.example.NET."},
		}, ns: []string{soa}, want: []string{"198.51.100.1"}, ttl: 20 * time.Second},
		{why: "records of other names do not count", answer: map[uint16][]string{
			dns.TypeA: {"other.example.net. 60 IN A 198.51.100.1"},
		}, ns: []string{soa}, ttl: 45 * time.Second},
		{why: "a name that does not exist: as long as its SOA says", rcode: dns.RcodeNameError, ns: []string{soa}, ttl: 45 * time.Second},
		{why: "without SOA for a moment only", rcode: dns.RcodeNameError, ttl: 5 * time.Second},
		{why: "a circle", answer: map[uint16][]string{
			dns.TypeA: {"lb.example.net. 60 IN CNAME a.example.net.", "a.example.net. 60 IN CNAME lb.example.net."},
		}, ns: []string{soa}, err: "circle"},
		{why: "SERVFAIL is not known", rcode: dns.RcodeServerFailure, err: "SERVFAIL"},
		{why: "REFUSED is not known", rcode: dns.RcodeRefused, err: "REFUSED"},
	} {
		t.Run(c.why, func(t *testing.T) {
			server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
				r := new(dns.Msg)
				r.SetRcode(q, c.rcode)
				r.RecursionAvailable = true
				r.Answer, r.Ns = records(t, c.answer[q.Question[0].Qtype]...), records(t, c.ns...)
				_ = w.WriteMsg(r)
			})
			stub, err := hostnames.NewStub([]string{server})
			require.NoError(t, err)
			got, err := stub.Ask(t.Context(), "lb.example.net")
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			var want []netip.Addr
			for _, a := range c.want {
				want = append(want, netip.MustParseAddr(a))
			}
			assert.Equal(t, hostnames.Answer{Addrs: want, TTL: c.ttl}, got)
		})
	}
}

// TestAServerThatFailsForOneFamilyIsBelievedOfTheOther: name servers that mishandle AAAA
// (RFC 4074 §4) are common enough.
func TestAServerThatFailsForOneFamilyIsBelievedOfTheOther(t *testing.T) {
	for _, c := range []struct {
		fails uint16
		lacks hostnames.Family
		want  string
	}{
		{dns.TypeAAAA, hostnames.IPv6, "198.51.100.1"},
		{dns.TypeA, hostnames.IPv4, "2001:db8::1"},
	} {
		server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
			r := new(dns.Msg)
			r.SetReply(q)
			r.RecursionAvailable = true
			switch q.Question[0].Qtype {
			case c.fails:
				r.Rcode = dns.RcodeServerFailure
			case dns.TypeA:
				r.Answer = records(t, "lb.example.net. 60 IN A 198.51.100.1")
			case dns.TypeAAAA:
				r.Answer = records(t, "lb.example.net. 60 IN AAAA 2001:db8::1")
			}
			_ = w.WriteMsg(r)
		})
		stub, err := hostnames.NewStub([]string{server})
		require.NoError(t, err)
		got, err := stub.Ask(t.Context(), "lb.example.net")
		require.ErrorContains(t, err, "SERVFAIL")
		assert.Equal(t, hostnames.Answer{Addrs: []netip.Addr{netip.MustParseAddr(c.want)}, TTL: time.Minute, Lacks: c.lacks}, got)
	}
}

func TestAServerWithoutRecursionSaysNothing(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg)
		r.SetReply(q)
		r.Ns = records(t, "net. 600 IN NS a.example.")
		_ = w.WriteMsg(r)
	})
	stub, err := hostnames.NewStub([]string{server})
	require.NoError(t, err)
	_, err = stub.Ask(t.Context(), "lb.example.net")
	require.ErrorContains(t, err, "no recursion")
}

func TestTruncatedAnswersAreAskedForOverTCP(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg)
		r.SetReply(q)
		r.RecursionAvailable = true
		if w.RemoteAddr().Network() == "udp" {
			r.Truncated = true
		} else if q.Question[0].Qtype == dns.TypeA {
			r.Answer = records(t, "lb.example.net. 60 IN A 198.51.100.1")
		}
		_ = w.WriteMsg(r)
	})
	stub, err := hostnames.NewStub([]string{server})
	require.NoError(t, err)
	got, err := stub.Ask(t.Context(), "lb.example.net.")
	require.NoError(t, err)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("198.51.100.1")}, got.Addrs)
}

func TestTheNextServerIsAsked(t *testing.T) {
	sick := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg)
		r.SetRcode(q, dns.RcodeServerFailure)
		_ = w.WriteMsg(r)
	})
	well := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg)
		r.SetReply(q)
		r.RecursionAvailable = true
		if q.Question[0].Qtype == dns.TypeA {
			r.Answer = records(t, "lb.example.net. 60 IN A 198.51.100.1")
		}
		_ = w.WriteMsg(r)
	})
	stub, err := hostnames.NewStub([]string{sick, well})
	require.NoError(t, err)
	for range 2 {
		got, err := stub.Ask(t.Context(), "lb.example.net")
		require.NoError(t, err)
		assert.Len(t, got.Addrs, 1)
	}
}

func TestResolversOfTheMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(path, []byte("search example.com\noptions ndots:5\n"), 0o600))
	_, err := hostnames.StubOf(path)
	require.NoError(t, err, "without a nameserver line it is the one of this machine")
	_, err = hostnames.StubOf(path + ".missing")
	require.NoError(t, err, "an image without the file starts and serves")
	require.NoError(t, os.Symlink(path+".loop", path+".loop"))
	_, err = hostnames.StubOf(path + ".loop")
	require.ErrorContains(t, err, "resolvers of this machine", "what is there and cannot be read is told")
	_, err = hostnames.NewStub([]string{"192.0.2.53"})
	require.ErrorContains(t, err, "192.0.2.53:53")
	_, err = hostnames.NewStub(nil)
	require.Error(t, err)
}
