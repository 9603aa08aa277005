// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// serve answers on UDP and TCP of one port with what handle makes of a question,
// one after the other.
func serve(t *testing.T, handle func(m *dns.Msg, tcp bool) *dns.Msg) world.Server {
	t.Helper()
	var one sync.Mutex
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		one.Lock()
		defer one.Unlock()
		if r := handle(q, w.RemoteAddr().Network() == "tcp"); r != nil {
			_ = w.WriteMsg(r) // the asker would notice
		}
	})
	var ln net.Listener
	var pc net.PacketConn
	var err error
	for range 50 { // a port that is free for TCP may be another's for UDP
		ln, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if pc, err = net.ListenPacket("udp", ln.Addr().String()); err == nil {
			break
		}
		_ = ln.Close()
	}
	require.NoError(t, err)
	for _, s := range []*dns.Server{{Listener: ln, Handler: handler}, {PacketConn: pc, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }() // ends with Shutdown
		<-started
		t.Cleanup(func() { _ = s.Shutdown() }) // nothing follows from it
	}
	return world.Server{Name: "fake", Addr: ln.Addr().String()}
}

func reply(q *dns.Msg, rcode int, answer ...string) *dns.Msg {
	r := new(dns.Msg).SetRcode(q, rcode)
	for _, s := range answer {
		rr, err := dns.NewRR(s)
		if err != nil {
			panic(err)
		}
		r.Answer = append(r.Answer, rr)
	}
	return r
}

func TestAddrsSayWhatWasAnswered(t *testing.T) {
	s := serve(t, func(q *dns.Msg, tcp bool) *dns.Msg {
		switch name := q.Question[0].Name; {
		case strings.HasPrefix(name, "two."):
			return reply(q, dns.RcodeSuccess, name+" 1 A 192.0.2.2", name+" 1 A 192.0.2.1")
		case strings.HasPrefix(name, "empty."):
			return reply(q, dns.RcodeSuccess)
		case strings.HasPrefix(name, "long.") && !tcp:
			r := reply(q, dns.RcodeSuccess)
			r.Truncated = true
			return r
		case strings.HasPrefix(name, "long."):
			return reply(q, dns.RcodeSuccess, name+" 1 A 192.0.2.3")
		case strings.HasPrefix(name, "broken."):
			return reply(q, dns.RcodeServerFailure)
		default:
			return reply(q, dns.RcodeNameError)
		}
	})
	for host, want := range map[string]string{
		"two.example.com": "192.0.2.1 192.0.2.2", "empty.example.com": world.NoData, "long.example.com": "192.0.2.3",
		"broken.example.com": "SERVFAIL", "none.example.com": world.NXDomain,
	} {
		assert.Equal(t, want, s.Addrs(t.Context(), host), host)
	}
	assert.Contains(t, world.Server{Name: "nobody", Addr: "127.0.0.1:1"}.Addrs(t.Context(), "two.example.com"), "asking nobody")
}

func TestCountAsksFromSeveralPortsAndAgain(t *testing.T) {
	n := 0
	s := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		switch n++; {
		case n == 7:
			return nil // lost
		case n%3 == 0:
			return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.2")
		default:
			return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.1")
		}
	})
	seen, err := s.Count(t.Context(), "app.example.com", 50)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"192.0.2.1": 33, "192.0.2.2": 17}, seen, "51 questions, the seventh lost")
}

func TestNameServersFromAnswerAndReferral(t *testing.T) {
	rr := func(s string) dns.RR {
		r, err := dns.NewRR(s)
		require.NoError(t, err)
		return r
	}
	s := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		r := reply(q, dns.RcodeSuccess)
		set := []dns.RR{rr("Cloud.example.com. 5 NS ns-b.example.com."), rr("cloud.example.com. 5 NS NS-a.example.com.")}
		if q.RecursionDesired {
			return reply(q, dns.RcodeRefused)
		}
		r.Ns = set
		r.Extra = []dns.RR{rr("ns-a.example.com. 5 A 192.0.2.1")}
		return r
	})
	names, glue, err := s.NameServers(t.Context(), "cloud.example.com")
	require.NoError(t, err)
	assert.Equal(t, []string{"ns-a.example.com.", "ns-b.example.com."}, names)
	assert.Equal(t, map[string][]string{"ns-a.example.com.": {"192.0.2.1"}}, glue)
}

// TestAskerCounts has a server that loses every third question, and one that
// answers wrongly.
func TestAskerCounts(t *testing.T) {
	n := 0
	enough := make(chan struct{})
	lossy := serve(t, func(q *dns.Msg, _ bool) *dns.Msg {
		switch n++; n {
		case 3:
			return nil // lost: the asker asks again
		case 40:
			close(enough)
		}
		return reply(q, dns.RcodeSuccess, q.Question[0].Name+" 1 A 192.0.2.1")
	})
	wrong := serve(t, func(q *dns.Msg, _ bool) *dns.Msg { return reply(q, dns.RcodeServerFailure) })
	s := &world.Stage{T: t}
	a := s.Ask("app.example.com", world.AnyOf("192.0.2.9", "192.0.2.1"), lossy, wrong)
	<-enough
	tally := a.Stop()
	assert.Zero(t, tally[lossy].Failed+tally[lossy].Wrong)
	assert.Equal(t, 1, tally[lossy].Resent)
	assert.GreaterOrEqual(t, tally[lossy].Questions, 30)
	assert.Equal(t, tally[wrong].Questions, tally[wrong].Wrong)
	assert.Contains(t, tally[wrong].String(), "answered SERVFAIL")
}
