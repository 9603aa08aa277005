// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// slowFunc is a slow path made of a function.
type slowFunc func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool

func (f slowFunc) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
	return f(ctx, msg, from, tcp, reply)
}

// echo answers with RCODE 9 (NOTAUTH), which the server itself says to nobody
// who does not sign.
func echo(_ context.Context, msg []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
	out := append([]byte(nil), msg...)
	out[2] |= 0x80
	out[3] = dns.RcodeNotAuth
	return reply(out) == nil
}

// exchange sends a packet and waits for the answer, which another goroutine may
// make.
func exchange(t *testing.T, network string, addr netip.AddrPort, p packet) *dns.Msg {
	t.Helper()
	c := dnstest.Dial(t, network, addr)
	_, err := c.Write(p)
	require.NoError(t, err)
	buf := make([]byte, dns.MaxMsgSize)
	n, err := c.Read(buf)
	require.NoError(t, err)
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(buf[:n]))
	return m
}

func TestWhatGoesToTheSlowPath(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: slowFunc(echo)}, exampleTable(t))
	_, all := dnstest.Serve(t, dnsserver.Config{SlowPath: slowFunc(echo), SlowAll: true}, nil)
	a := ask(t, "app", dns.TypeA)
	for _, c := range []struct {
		why       string
		send      packet
		slow, all bool
	}{
		{"a plain query", a, false, true},
		{"outside our zones", ask(t, "www.example.org.", dns.TypeA), false, true},
		{"AXFR", ask(t, "", dns.TypeAXFR), true, true},
		{"IXFR", ask(t, "", dns.TypeIXFR), true, true},
		{"NOTIFY", ask(t, "", dns.TypeSOA).opcode(dns.OpcodeNotify), true, true},
		{"UPDATE", ask(t, "", dns.TypeSOA).opcode(dns.OpcodeUpdate), true, true},
		{"an opcode nobody knows", a.opcode(13), true, true},
		{"a signed query", a.tsig(), true, true},
		{"EDNS version 1", a.opt(1232, 1<<16), false, false},
		{"EDNS version 1, signed", a.opt(1232, 1<<16).tsig(), true, true},
		{"an UPDATE that is cut", ask(t, "", dns.TypeSOA).opcode(dns.OpcodeUpdate).count(2, 1), false, false},
		{"a TSIG that is not last", a.tsig().opt(1232, 0), false, false},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(c.why+" "+network, func(t *testing.T) {
				assert.Equal(t, c.slow, exchange(t, network, addr, c.send).Rcode == dns.RcodeNotAuth, "usual")
				assert.Equal(t, c.all, exchange(t, network, all, c.send).Rcode == dns.RcodeNotAuth, "SlowAll")
			})
		}
	}
}

func TestWhatTheSlowPathDoesNotKnowIsAnsweredPlainly(t *testing.T) {
	var calls atomic.Int32
	decline := slowFunc(func(context.Context, []byte, netip.AddrPort, bool, func([]byte) error) bool {
		calls.Add(1)
		return false
	})
	table := exampleTable(t)
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: decline, SlowAll: true}, table)
	for _, network := range []string{"udp", "tcp"} {
		assert.Len(t, exchange(t, network, addr, ask(t, "app", dns.TypeA)).Answer, 1)
		assert.Equal(t, dns.RcodeRefused, exchange(t, network, addr, ask(t, "", dns.TypeAXFR)).Rcode)
		assert.Equal(t, dns.RcodeNotImplemented, exchange(t, network, addr, ask(t, "app", dns.TypeA).opcode(13)).Rcode)
		signed := exchange(t, network, addr, ask(t, "app", dns.TypeA).opt(1232, 0).tsig())
		assert.Equal(t, dns.RcodeNotAuth, signed.Rcode)
		ts := signed.IsTsig()
		require.NotNil(t, ts)
		assert.Equal(t, "unknown.", ts.Hdr.Name)
		assert.Equal(t, uint16(dns.RcodeBadKey), ts.Error, "RFC 8945 §5.2.1")
		assert.Zero(t, ts.MACSize)
		assert.Equal(t, uint16(0x1234), ts.OrigId)
		assert.NotNil(t, signed.IsEdns0())
	}
	assert.Equal(t, int32(8), calls.Load())
}

// Who signs with a key that nobody here has is told so at once: the slow path does
// not see it.
func TestUnknownKeysDoNotReachTheSlowPath(t *testing.T) {
	var calls atomic.Int32
	count := slowFunc(func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
		calls.Add(1)
		return false
	})
	knows := func(name []byte) bool { return string(name) == "\x05known\x00" }
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: count, KnowsKey: knows}, exampleTable(t))
	signed := ask(t, "app", dns.TypeA).tsig()
	for _, network := range []string{"udp", "tcp"} {
		m := exchange(t, network, addr, signed)
		assert.Equal(t, dns.RcodeNotAuth, m.Rcode)
		assert.Equal(t, uint16(dns.RcodeBadKey), m.IsTsig().Error)
	}
	assert.Zero(t, calls.Load())
	known := bytes.Replace(signed, []byte("\x07unknown\x00"), []byte("\x05KnoWn\x00"), 1)
	assert.Equal(t, dns.RcodeNotAuth, exchange(t, "udp", addr, known).Rcode)
	assert.EqualValues(t, 1, calls.Load(), "letters are folded")
	exchange(t, "udp", addr, ask(t, "", dns.TypeAXFR))
	assert.EqualValues(t, 2, calls.Load(), "what is not signed goes there")
}

func TestATransferOfManyMessagesAndPlainQueriesBesideIt(t *testing.T) {
	release := make(chan struct{})
	hold := slowFunc(func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
		assert.True(t, tcp)
		assert.Equal(t, netip.MustParseAddr("127.0.0.1"), from.Addr())
		select {
		case <-release:
		case <-ctx.Done():
		}
		for range 3 {
			assert.True(t, echo(ctx, msg, from, tcp, reply))
		}
		return true
	})
	cfg := dnsserver.Config{SlowPath: hold, TCPIdle: 20 * time.Millisecond}
	_, addr := dnstest.Serve(t, cfg, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	_, err := c.Write(ask(t, "", dns.TypeIXFR).withID(77))
	require.NoError(t, err)
	_, err = c.Write(ask(t, "app", dns.TypeA).withID(0))
	require.NoError(t, err)
	expectAnswers(t, c, 1) // the transfer is held, the query is not
	other := dnstest.Dial(t, "tcp", addr)
	closed(t, other) // an idle connection ends, the one with a held transfer does not
	close(release)
	for range 3 {
		m, err := c.ReadMsg()
		require.NoError(t, err)
		assert.Equal(t, uint16(77), m.Id)
	}
	closed(t, c)
}

func TestContextOfTheSlowPathEndsWithItsConnection(t *testing.T) {
	started, ended := make(chan struct{}), make(chan error, 1)
	wait := slowFunc(func(ctx context.Context, _ []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
		close(started)
		<-ctx.Done()
		ended <- reply(make([]byte, 12))
		return true
	})
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: wait, TCPIdle: 50 * time.Millisecond}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	_, err := c.Write(ask(t, "", dns.TypeIXFR))
	require.NoError(t, err)
	<-started
	require.NoError(t, c.Close())
	<-ended
}

func TestSlowMessagesAreBounded(t *testing.T) {
	release := make(chan struct{})
	var running, most atomic.Int32
	block := slowFunc(func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		running.Add(-1)
		return echo(ctx, msg, from, tcp, reply)
	})
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: block, MaxSlow: 40}, exampleTable(t))
	c := dnstest.Dial(t, "udp", addr)
	for range 100 {
		_, err := c.Write(ask(t, "", dns.TypeIXFR))
		require.NoError(t, err)
	}
	dnstest.UDP(t, addr, ask(t, "app", dns.TypeA)) // on another socket, perhaps
	conn := dnstest.Dial(t, "tcp", addr)
	for i := range 20 { // more than one connection may have at once
		_, err := conn.Write(ask(t, "", dns.TypeIXFR).withID(uint16(i)))
		require.NoError(t, err)
	}
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1, "plain queries go on")
	close(release)
	for range 20 {
		m, err := conn.ReadMsg()
		require.NoError(t, err)
		assert.Equal(t, dns.RcodeNotAuth, m.Rcode)
	}
	assert.LessOrEqual(t, most.Load(), int32(10+16), "a quarter of 40 from UDP, 16 of one connection")
}

// Of what comes over UDP no more is worked on at once than 64, however many there may be:
// what is signed may cost a signature each, and waits in one queue with the sockets.
func TestSlowMessagesFromUDPAreFew(t *testing.T) {
	release := make(chan struct{})
	var running atomic.Int32
	block := slowFunc(func(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func([]byte) error) bool {
		running.Add(1)
		<-release
		return echo(ctx, msg, from, tcp, reply)
	})
	reg := prometheus.NewRegistry()
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: block, Registerer: reg}, exampleTable(t))
	c := dnstest.Dial(t, "udp", addr)
	for range 100 {
		_, err := c.Write(ask(t, "", dns.TypeIXFR))
		require.NoError(t, err)
	}
	dropped := func() float64 { return value(t, reg, "meridian_dnsserver_dropped_total", "reason", "slow_path_full") }
	require.Eventually(t, func() bool { return dropped() == 100-64 }, time.Minute, time.Millisecond)
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}).Answer, 1, "plain queries go on")
	close(release)
	for range 64 {
		_, err := c.ReadMsg()
		require.NoError(t, err)
	}
	assert.EqualValues(t, 64, running.Load())
}

// TestStrangersWhoDoNotReadKeepNobodyOut: whoever does not read its answers holds a place
// among the slow messages for as long as a write may take. Half of the places cannot be
// held so, and peers get theirs.
func TestStrangersWhoDoNotReadKeepNobodyOut(t *testing.T) {
	const places, strangers = 4, 6
	long := slowFunc(func(_ context.Context, msg []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
		out := make([]byte, 60000)
		copy(out, msg[:2])
		out[2] = 0x80
		_ = reply(out)
		return true
	})
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: long, MaxSlow: places, TCPWrite: time.Hour}, exampleTable(t))
	var gone atomic.Int32
	query := frame(ask(t, "", dns.TypeIXFR))
	for range strangers {
		c := dnstest.Dial(t, "tcp", addr)
		require.NoError(t, c.SetDeadline(time.Time{}))
		go func() {
			for {
				if _, err := c.Conn.Write(query); err != nil {
					gone.Add(1)
					return
				}
			}
		}()
	}
	require.Eventually(t, func() bool { return gone.Load() >= strangers-places/2 }, time.Minute, 10*time.Millisecond, "they are let go")
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		_, err = c.Write(query)
		require.NoError(t, err)
		head := make([]byte, 2)
		_, err = io.ReadFull(c, head)
		return err == nil && binary.BigEndian.Uint16(head) == 60000
	}, time.Minute, 10*time.Millisecond, "who reads is answered")
}

func TestAPanicOfTheSlowPathIsContained(t *testing.T) {
	boom := slowFunc(func(context.Context, []byte, netip.AddrPort, bool, func([]byte) error) bool { panic("boom") })
	server, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0"}, SlowPath: boom})
	require.NoError(t, err)
	server.Publish(exampleTable(t))
	dnstest.Run(t, server)
	for i, network := range []string{"udp", "tcp"} {
		m := exchange(t, network, server.Addrs()[0], ask(t, "", dns.TypeIXFR))
		assert.Equal(t, dns.RcodeServerFailure, m.Rcode)
		assert.Equal(t, uint64(i+1), server.Panics())
		assert.Len(t, exchange(t, network, server.Addrs()[0], ask(t, "app", dns.TypeA)).Answer, 1, "the server lives")
	}
}

func TestReplyRefusesWhatIsNoAnswer(t *testing.T) {
	errs := make(chan error, 3)
	bad := slowFunc(func(_ context.Context, msg []byte, _ netip.AddrPort, _ bool, reply func([]byte) error) bool {
		errs <- reply(msg[:11])
		errs <- reply(append(msg, make([]byte, 65536)...))
		msg[2] |= 0x80
		_ = reply(msg)
		errs <- reply(msg)
		return true
	})
	_, addr := dnstest.Serve(t, dnsserver.Config{SlowPath: bad}, exampleTable(t))
	exchange(t, "udp", addr, ask(t, "", dns.TypeIXFR))
	require.Error(t, <-errs)
	require.Error(t, <-errs)
	require.EqualError(t, <-errs, "a datagram is answered once")
}
