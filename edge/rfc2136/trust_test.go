// SPDX-License-Identifier: Apache-2.0

package rfc2136_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestAnswersThatDoNotCount covers row 117 of the table of DNS behaviour.
func TestAnswersThatDoNotCount(t *testing.T) {
	key := edgetest.Key()
	other := tsigkey.FromSecret("meridian.", "hmac-sha256", []byte(strings.Repeat("x", 32)))
	for _, c := range []struct {
		name   string
		liar   *liar
		reason edge.Reason
		rcode  string
		says   string
	}{
		{"unsigned success", &liar{}, edge.ReasonUnreachable, "", "is not signed, so it proves nothing"},
		{"unsigned absence", &liar{lie: rcode(dns.RcodeNameError)}, edge.ReasonUnreachable, "", "is not signed"},
		{"unsigned refusal", &liar{lie: rcode(dns.RcodeRefused)}, edge.ReasonRefused, "REFUSED", "REFUSED, unsigned"},
		{"signed with another secret", &liar{key: other}, edge.ReasonUnreachable, "", "cannot be trusted"},
		{"signed with another key", &liar{key: tsigkey.FromSecret("other.", "hmac-sha256", make([]byte, 32))}, edge.ReasonUnreachable, "", "signed with key other."},
		{"other ID", &liar{key: key, raw: func(w []byte, _ *dns.Msg) []byte { w[0] ^= 1; return w }}, edge.ReasonUnreachable, "", "does not belong to the question"},
		{"not a response", &liar{key: key, lie: func(_, a *dns.Msg) { a.Response = false }}, edge.ReasonUnreachable, "", "does not belong to the question"},
		{"other question", &liar{key: key, lie: func(_, a *dns.Msg) {
			a.Question = []dns.Question{{Name: "evil.example.com.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		}}, edge.ReasonUnreachable, "", "does not belong to the question"},
		{"other type", &liar{key: key, lie: func(_, a *dns.Msg) {
			a.Question = []dns.Question{{Name: a.Question[0].Name, Qtype: dns.TypeMX, Qclass: dns.ClassINET}}
		}}, edge.ReasonUnreachable, "", "does not belong to the question"},
		{"changed on the way", &liar{key: key, lie: func(q, a *dns.Msg) {
			a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: 1, Class: 1}, A: net.IPv4(192, 0, 2, 1)}}
		}, raw: func(w []byte, _ *dns.Msg) []byte {
			return bytes.Replace(w, []byte{192, 0, 2, 1}, []byte{192, 0, 2, 2}, 1)
		}},
			edge.ReasonUnreachable, "", "signature is wrong"},
		{"garbage", &liar{key: key, raw: func(w []byte, _ *dns.Msg) []byte { return append(w[:12:12], 0xc0, 0xff) }}, edge.ReasonUnreachable, "", "cannot be trusted"},
		{"signed long ago", &liar{key: key, sign: func(_ *dns.Msg, s *dns.TSIG) { s.TimeSigned -= 1000 }}, edge.ReasonRefused, "BADTIME", "behind ours by 16m40s"},
		{"no authority", &liar{key: key, lie: func(_, a *dns.Msg) { a.Authoritative = false }}, edge.ReasonRefused, "NOERROR", "without authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := edgetest.Listen(t, c.liar)
			p := publisher(t, addr.String(), key)
			_, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: euServer, Type: edge.TypeA})
			var e *edge.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.reason, e.Reason)
			assert.Equal(t, c.rcode, e.RCODE)
			assert.Contains(t, e.Error(), c.says)
			assert.Contains(t, e.Error(), addr.String())
			assert.NotErrorIs(t, err, edge.ErrRaced)
		})
	}
}

// TestRefusals holds that every RCODE says something of its own, and what to
// look at (row 119).
func TestRefusals(t *testing.T) {
	key := edgetest.Key()
	tsigError := func(code uint16) func(a *dns.Msg, s *dns.TSIG) {
		return func(a *dns.Msg, s *dns.TSIG) {
			a.Rcode, s.Error = dns.RcodeNotAuth, code
			if code == dns.RcodeBadTime {
				s.OtherLen, s.OtherData = 6, fmt.Sprintf("%012x", s.TimeSigned+362)
			}
		}
	}
	messages := map[string]bool{}
	for _, c := range []struct {
		liar  *liar
		rcode string
		says  string
		raced bool
	}{
		{&liar{lie: rcode(dns.RcodeFormatError)}, "FORMERR", "--edge-dns", false},
		{&liar{lie: rcode(dns.RcodeServerFailure)}, "SERVFAIL", "look at its log", false},
		{&liar{lie: rcode(dns.RcodeNotImplemented)}, "NOTIMP", "primary of example.com.", false},
		{&liar{lie: rcode(dns.RcodeRefused)}, "REFUSED", "does not accept these updates of example.com. with key meridian.:hmac-sha256.; allow them with update-policy or allow-update", false},
		{&liar{lie: rcode(dns.RcodeNotAuth)}, "NOTAUTH", "not the primary of example.com.", false},
		{&liar{lie: rcode(dns.RcodeNotZone)}, "NOTZONE", "outside example.com.", false},
		{&liar{lie: rcode(dns.RcodeYXDomain)}, "YXDOMAIN", "prerequisite", true},
		{&liar{lie: rcode(dns.RcodeYXRrset)}, "YXRRSET", "prerequisite", true},
		{&liar{lie: rcode(dns.RcodeNXRrset)}, "NXRRSET", "prerequisite", true},
		{&liar{lie: rcode(dns.RcodeNameError)}, "NXDOMAIN", "prerequisite", true},
		{&liar{sign: tsigError(dns.RcodeBadKey)}, "BADKEY", "does not know key meridian.", false},
		{&liar{sign: tsigError(dns.RcodeBadSig)}, "BADSIG", "another secret", false},
		{&liar{sign: tsigError(dns.RcodeBadTime)}, "BADTIME", "ahead of ours by 6m", false},
		{&liar{sign: tsigError(dns.RcodeBadTrunc)}, "BADTRUNC", "signature", false},
		{&liar{lie: rcode(15)}, "RCODE15", "does not accept the update", false},
	} {
		t.Run(c.rcode, func(t *testing.T) {
			c.liar.key = key
			p := publisher(t, edgetest.Listen(t, c.liar).String(), key)
			_, err := p.Update(t.Context(), edge.Change{Zone: parentZone, Add: []gslb.Record{{Name: euServer, Type: edge.TypeA, TTL: 1, Data: "192.0.2.1"}}})
			var e *edge.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, edge.ReasonRefused, e.Reason)
			assert.Equal(t, c.rcode, e.RCODE)
			assert.Contains(t, e.Error(), c.says)
			if c.raced {
				assert.ErrorIs(t, err, edge.ErrRaced)
			} else {
				_, hint, _ := strings.Cut(e.Message, ": ")
				assert.False(t, messages[hint], "another RCODE says the same: %s", hint)
				messages[hint] = true
			}
		})
	}
}

func TestOurClockIsFarFromTheServers(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{})
	var ahead atomic.Int64
	p, err := rfc2136.New(rfc2136.Config{
		Servers: addr.String(), Key: edgetest.Key(),
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	add := edge.Change{Zone: parentZone, Add: []gslb.Record{{Name: euServer, Type: edge.TypeA, TTL: 1, Data: "192.0.2.1"}}}

	for _, c := range []struct {
		ahead time.Duration
		says  string
	}{{6 * time.Minute, "behind ours by 6m"}, {-6 * time.Minute, "ahead of ours by 6m"}} {
		ahead.Store(int64(c.ahead))
		_, err = p.Update(t.Context(), add)
		var e *edge.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "BADTIME", e.RCODE)
		assert.Regexp(t, c.says+`|`+strings.Replace(c.says, "6m", "5m59s", 1), e.Error(), "a second may have passed")
	}
	ahead.Store(0)
	_, err = p.Update(t.Context(), add)
	require.NoError(t, err)
}

func TestAnUnsignedPrerequisiteFailureIsNoRace(t *testing.T) {
	p := publisher(t, edgetest.Listen(t, &liar{lie: rcode(dns.RcodeNXRrset)}).String(), edgetest.Key())
	_, err := p.Update(t.Context(), edge.Change{Zone: parentZone})
	assert.Error(t, err)
	assert.NotErrorIs(t, err, edge.ErrRaced)
}

func TestWrongKeys(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{})
	for want, key := range map[string]*tsigkey.Key{
		"BADKEY":  tsigkey.FromSecret("other.", "hmac-sha256", make([]byte, 32)),
		"BADSIG":  tsigkey.FromSecret("meridian.", "hmac-sha256", make([]byte, 32)),
		"BADKEY ": tsigkey.FromSecret("meridian.", "hmac-sha512", make([]byte, 32)),
	} {
		_, err := publisher(t, addr.String(), key).Lookup(t.Context(), edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
		var e *edge.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, strings.TrimSpace(want), e.RCODE)
	}
}

func TestFailover(t *testing.T) {
	key := edgetest.Key()
	dead := "127.0.0.1:1"
	good, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	secondary := &liar{key: key, lie: func(q, a *dns.Msg) {
		if q.Opcode == dns.OpcodeUpdate {
			a.Rcode = dns.RcodeNotImplemented
		}
	}}
	second := edgetest.Listen(t, secondary)
	p := publisher(t, dead+","+second.String()+","+addr.String(), key)
	change := edge.Change{Zone: parentZone, Add: []gslb.Record{{Name: euServer, Type: edge.TypeA, TTL: 1, Data: "192.0.2.1"}}}

	took, err := p.Update(t.Context(), change)
	require.NoError(t, err)
	assert.Equal(t, addr.String(), took, "the one that takes updates is found")
	assert.Contains(t, strings.Join(good.Records(), "\n"), "192.0.2.1")

	a, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: euServer, Type: edge.TypeA})
	require.NoError(t, err)
	assert.Equal(t, addr.String(), a.Server, "and asked first from then on")
	assert.Equal(t, []string{"192.0.2.1"}, a.Data)

	all := publisher(t, dead+","+second.String(), key)
	for range 3 {
		_, err = all.Update(t.Context(), change)
		var e *edge.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "NOTIMP", e.RCODE, "what a server says is worth more than the silence of another")
	}
	ids := map[uint16]bool{}
	secondary.mu.Lock()
	defer secondary.mu.Unlock()
	for _, m := range secondary.seen {
		signatures := 0
		for _, rr := range m.Extra {
			if rr.Header().Rrtype == dns.TypeTSIG {
				signatures++
			}
		}
		assert.Equal(t, 1, signatures, "each attempt is a message of its own with one signature")
		ids[m.Id] = true
	}
	assert.Greater(t, len(ids), 1)
}

func TestALostRaceIsFinal(t *testing.T) {
	key := edgetest.Key()
	first := edgetest.Listen(t, &liar{key: key, lie: rcode(dns.RcodeNXRrset)})
	second := &liar{key: key}
	p := publisher(t, first.String()+","+edgetest.Listen(t, second).String(), key)
	_, err := p.Update(t.Context(), edge.Change{Zone: parentZone})
	assert.ErrorIs(t, err, edge.ErrRaced)
	assert.Empty(t, second.seen, "the other server would not have known better")
}

// TestAConnectionThatTheServerClosed holds that a kept connection is replaced.
func TestAConnectionThatTheServerClosed(t *testing.T) {
	key := edgetest.Key()
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, content)})
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			go oneAnswer(c, addr.String())
		}
	}()
	p := publisher(t, proxy.Addr().String(), key)
	for range 5 {
		_, err := p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
		assert.NoError(t, err)
	}
}

// oneAnswer passes one question and one answer on, then closes.
func oneAnswer(c net.Conn, server string) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	for _, d := range [][2]net.Conn{{c, up}, {up, c}} {
		var size [2]byte
		if _, err := io.ReadFull(d[0], size[:]); err != nil {
			return
		}
		body := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(d[0], body); err != nil {
			return
		}
		if _, err := d[1].Write(append(size[:], body...)); err != nil {
			return
		}
	}
}

func TestAServerThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p, err := rfc2136.New(rfc2136.Config{Servers: l.Addr().String(), Key: edgetest.Key(), Timeout: 50 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	_, err = p.Lookup(t.Context(), edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
	var e *edge.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, edge.ReasonUnreachable, e.Reason)
	assert.Contains(t, e.Error(), "TCP")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Lookup(ctx, edge.Query{Zone: parentZone, Name: parentZone, Type: edge.TypeNS})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAsk(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{})
	assert.NoError(t, rfc2136.Ask(t.Context(), addr.String(), parentZone))
	assert.NoError(t, rfc2136.Ask(t.Context(), addr.String(), gslb.Name{}), "REFUSED for the root is an answer")

	tcpOnly, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = tcpOnly.Close() })
	go func() {
		for {
			c, err := tcpOnly.Accept()
			if err != nil {
				return
			}
			go oneAnswer(c, addr.String())
		}
	}()
	assert.NoError(t, rfc2136.Ask(t.Context(), tcpOnly.Addr().String(), parentZone), "TCP where UDP is blocked")

	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = echo.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(buf[:n], from) // QR is not set: no answer
		}
	}()
	assert.Error(t, rfc2136.Ask(t.Context(), echo.LocalAddr().String(), parentZone))
	assert.Error(t, rfc2136.Ask(t.Context(), "127.0.0.1:1", parentZone))
}
