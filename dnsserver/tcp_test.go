// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func frame(p packet) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)
}

// withID gives the packet another ID.
func (p packet) withID(id uint16) packet {
	out := append(packet(nil), p...)
	binary.BigEndian.PutUint16(out, id)
	return out
}

// closed waits until the other side has closed the connection.
func closed(t *testing.T, c *dns.Conn) {
	t.Helper()
	n, err := io.Copy(io.Discard, c.Conn)
	assert.Zero(t, n, "nothing was answered")
	assert.True(t, err == nil || errors.Is(err, syscall.ECONNRESET), "closed, not timed out: %v", err)
}

func expectAnswers(t *testing.T, c *dns.Conn, n int) {
	t.Helper()
	for i := range n {
		m, err := c.ReadMsg()
		require.NoError(t, err, "answer %d", i)
		assert.Equal(t, uint16(i), m.Id, "answers in turn")
		assert.NotEmpty(t, m.Answer)
	}
}

func TestRow105_QueriesInOneSegmentAndOctetByOctet(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	query := ask(t, "app", dns.TypeA)

	c := dnstest.Dial(t, "tcp", addr)
	var segment []byte
	for i := range 3 {
		segment = append(segment, frame(query.withID(uint16(i)))...)
	}
	_, err := c.Conn.Write(segment)
	require.NoError(t, err)
	expectAnswers(t, c, 3)

	for _, b := range frame(query.withID(0)) {
		_, err := c.Conn.Write([]byte{b})
		require.NoError(t, err)
	}
	expectAnswers(t, c, 1)

	_, err = c.Conn.Write(frame(query.withID(0)))
	require.NoError(t, err)
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	expectAnswers(t, c, 1)
	closed(t, c)
}

// However a client cuts its messages, they are answered when they are whole: also long
// ones in small pieces, and what comes with the end of one.
func TestMessagesInPieces(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{TCPMessage: time.Minute}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	require.NoError(t, c.Conn.(*net.TCPConn).SetNoDelay(true))
	small, large := frame(ask(t, "app", dns.TypeA).withID(0)), frame(long(t, dns.TypeA, 9000).withID(0))
	for _, piece := range []int{1, 7, 1000} {
		for _, message := range [][]byte{small, large} {
			two := append(append([]byte(nil), message...), small...)
			binary.BigEndian.PutUint16(two[len(message)+2:], 1)
			for rest := two; len(rest) > 0; {
				n := min(piece, len(rest))
				if len(rest) <= len(small)+n { // the end of the first and the whole of the second at once
					n = len(rest)
				}
				_, err := c.Conn.Write(rest[:n])
				require.NoError(t, err)
				rest = rest[n:]
			}
			expectAnswers(t, c, 2)
		}
	}
	_, err := c.Conn.Write(small[:len(small)-1])
	require.NoError(t, err)
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	closed(t, c)
}

func TestRow106_FramesThatHoldNoMessage(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	for _, length := range []int{0, 1, 11} {
		c := dnstest.Dial(t, "tcp", addr)
		_, err := c.Conn.Write(frame(make(packet, length)))
		require.NoError(t, err)
		closed(t, c)
	}
}

func TestRow107_AMalformedMessageThenAGoodOne(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	_, err := c.Conn.Write(append(frame(header(0, 1).withID(7)), frame(ask(t, "app", dns.TypeA).withID(0))...))
	require.NoError(t, err)
	bad, err := c.ReadMsg()
	require.NoError(t, err)
	assert.Equal(t, dns.RcodeFormatError, bad.Rcode)
	expectAnswers(t, c, 1)
}

func TestRow108_IdleSilentAndPartialConnectionsAreClosed(t *testing.T) {
	cfg := dnsserver.Config{TCPIdle: 50 * time.Millisecond, TCPMessage: 50 * time.Millisecond}
	_, addr := dnstest.Serve(t, cfg, exampleTable(t))
	query := frame(ask(t, "app", dns.TypeA).withID(0))
	for _, c := range []struct {
		why  string
		send []byte
	}{
		{"silent from the start", nil},
		{"half a length", query[:1]},
		{"a length alone", query[:2]},
		{"half a message", query[:20]},
	} {
		t.Run(c.why, func(t *testing.T) {
			conn := dnstest.Dial(t, "tcp", addr)
			_, err := conn.Conn.Write(c.send)
			require.NoError(t, err)
			closed(t, conn)
		})
	}
	t.Run("idle after an answer", func(t *testing.T) {
		conn := dnstest.Dial(t, "tcp", addr)
		_, err := conn.Conn.Write(query)
		require.NoError(t, err)
		expectAnswers(t, conn, 1)
		closed(t, conn)
	})
}

// The whole of a message has one bound: octets that trickle in do not move it.
func TestRow108_ATricklingMessageIsBoundedInTotal(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{TCPIdle: time.Hour, TCPMessage: 100 * time.Millisecond}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	long := frame(make(packet, 60_000))
	for i := 0; ; i++ {
		require.Less(t, i, 2000, "still open after 200 bounds")
		if _, err := c.Conn.Write(long[i : i+1]); err != nil {
			return
		}
		<-tick.C
	}
}

func TestRow109_ANewConnectionTakesThePlaceOfTheLongestIdle(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{MaxTCPConns: 50, TCPIdle: time.Hour}, exampleTable(t))
	query := frame(ask(t, "app", dns.TypeA).withID(0))
	talk := func(c *dns.Conn) {
		t.Helper()
		_, err := c.Conn.Write(query)
		require.NoError(t, err)
		expectAnswers(t, c, 1)
	}
	var idle []*dns.Conn
	busy := dnstest.Dial(t, "tcp", addr)
	talk(busy)
	for range 300 {
		c := dnstest.Dial(t, "tcp", addr)
		talk(c)
		talk(busy)
		idle = append(idle, c)
	}
	talk(idle[len(idle)-1])
	for _, c := range idle[:100] {
		closed(t, c)
	}
	m := dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA})
	assert.Len(t, m.Answer, 1, "UDP goes on")
	assert.Zero(t, server.Panics())
}

func TestRow110_ManyQueriesOnOneConnection(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	query := ask(t, "many", dns.TypeA)
	sent := make(chan error, 1)
	go func() {
		for i := range 500 {
			if _, err := c.Conn.Write(frame(query.withID(uint16(i)))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	expectAnswers(t, c, 500)
	require.NoError(t, <-sent)
}

// A client that asks and never reads is let go, and stops nobody else.
func TestAClientThatDoesNotReadIsLetGo(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{TCPWrite: 50 * time.Millisecond}, exampleTable(t))
	c := dnstest.Dial(t, "tcp", addr)
	query := frame(ask(t, "many", dns.TypeA))
	var err error
	for range 2_000_000 {
		if _, err = c.Conn.Write(query); err != nil {
			break
		}
	}
	require.Error(t, err, "the connection was closed under it")
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "and not by our own deadline")
	assert.Len(t, dnstest.Ask(t, addr, dnstest.Query{Name: "app." + zone, Type: dns.TypeA, TCP: true}).Answer, 1)
}

func TestRow103_KeepaliveOverTCPOnly(t *testing.T) {
	_, addr := dnstest.Serve(t, dnsserver.Config{TCPIdle: 20 * time.Second}, exampleTable(t))
	for _, tcp := range []bool{false, true} {
		q := dnstest.Query{Name: "app." + zone, Type: dns.TypeA, EDNS: 1232}.Msg()
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
		opt := dnstest.Exchange(t, addr, q, tcp).IsEdns0()
		require.NotNil(t, opt)
		if !tcp {
			assert.Empty(t, opt.Option, "ignored (RFC 7828 §3.2.1)")
			continue
		}
		require.Len(t, opt.Option, 1)
		assert.Equal(t, uint16(200), opt.Option[0].(*dns.EDNS0_TCP_KEEPALIVE).Timeout, "units of 100 ms")
	}
}

func TestAddrsAreReadableAfterNew(t *testing.T) {
	s, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:0", "127.0.0.2:0"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	addrs := s.Addrs()
	require.Len(t, addrs, 2)
	assert.Equal(t, netip.MustParseAddr("127.0.0.1"), addrs[0].Addr())
	assert.Equal(t, netip.MustParseAddr("127.0.0.2"), addrs[1].Addr())
	for _, a := range addrs {
		assert.NotZero(t, a.Port())
	}
}

// One client cannot take the places of others: beyond its share its own
// connections make room.
func TestConnectionsOfOneClientAreLimited(t *testing.T) {
	server, addr := dnstest.Serve(t, dnsserver.Config{MaxTCPConns: 40, TCPIdle: time.Hour}, exampleTable(t))
	query := frame(ask(t, "app", dns.TypeA).withID(0))
	from := func(client string) *dns.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		c, err := d.DialContext(t.Context(), "tcp", addr.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = c.Write(query)
		require.NoError(t, err)
		conn := &dns.Conn{Conn: c}
		expectAnswers(t, conn, 1)
		return conn
	}
	other := from("127.0.0.2")
	var greedy []*dns.Conn
	for range 30 {
		greedy = append(greedy, from("127.0.0.3"))
	}
	for _, c := range greedy[:20] {
		closed(t, c)
	}
	_, err := other.Conn.Write(query)
	require.NoError(t, err)
	expectAnswers(t, other, 1)

	server.HideClients(true)
	for range 15 {
		from("127.0.0.3")
	}
	_, err = greedy[25].Conn.Write(query)
	require.NoError(t, err, "while clients are hidden, all of them count together")
	expectAnswers(t, greedy[25], 1)
}

func TestAPanicInALoopEndsNothing(t *testing.T) {
	s := unserved(t, dnsserver.Config{})
	assert.True(t, dnsserver.PanicInALoop(s), "it goes on")
	assert.EqualValues(t, 1, s.Panics())
}

func TestAPanicWhileFilesAreReadEndsNothing(t *testing.T) {
	s := unserved(t, dnsserver.Config{})
	assert.NotPanics(t, func() { dnsserver.PanicInAFile(s) })
	assert.EqualValues(t, 1, s.Panics())
}
