// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

package load_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// burst is how many datagrams one write sends.
const burst = 60

// flood sends without waiting for anything.
type flood struct {
	sent atomic.Int64
	stop context.CancelFunc
	done sync.WaitGroup
}

func (f *flood) end() int64 {
	f.stop()
	f.done.Wait()
	return f.sent.Load()
}

// kinds are what a flood over UDP is made of: good questions, names that do not
// exist, noise, updates, and signatures of a key that we have.
func kinds(t testing.TB) [][]byte {
	t.Helper()
	good := packed(t, host, dns.TypeA)
	return [][]byte{
		good,
		packed(t, "no-such-name."+host, dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, true) }),
		append(bytes.Clone(good[:20]), bytes.Repeat([]byte{0xFF}, 40)...),
		packed(t, host, dns.TypeTXT, func(m *dns.Msg) { m.SetEdns0(4096, false) }),
		packed(t, "www.example.org", dns.TypeANY),
		packed(t, host, dns.TypeAAAA),
		packed(t, host, dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }),
		forged(t),
	}
}

// forged is signed by somebody who knows the name of a key, and not the key.
func forged(t testing.TB) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(host+".", dns.TypeA).SetTsig("peers.", dns.HmacSHA256, 300, time.Now().Unix())
	b, _, err := dns.TsigGenerate(m, "bm90IHRoZSBrZXksIG5vciBhbnkgb3RoZXIga2V5IQ==", "", false)
	require.NoError(t, err)
	return b
}

// udp floods over UDP, from a socket for each kind of message, with so many a second in
// all; 0: as many as can be.
func (s *server) udp(rate int, kinds [][]byte) *flood {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	f := &flood{stop: cancel}
	var conns []net.Conn
	var blocks [][]byte
	for _, k := range kinds {
		blocks = append(blocks, bytes.Repeat(k, burst))
		c, err := net.Dial("udp", s.at())
		require.NoError(s.t, err)
		raw, err := c.(*net.UDPConn).SyscallConn()
		require.NoError(s.t, err)
		require.NoError(s.t, raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, len(k)) // one write, many datagrams
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)           // answers are not read
		}))
		require.NoError(s.t, err)
		conns = append(conns, c)
	}
	f.done.Go(func() {
		began := time.Now()
		for i := 0; ctx.Err() == nil; i++ {
			k := i % len(kinds)
			if _, err := conns[k].Write(blocks[k]); err == nil {
				f.sent.Add(burst)
			}
			if rate == 0 {
				continue
			}
			if ahead := time.Duration(float64(f.sent.Load())/float64(rate)*float64(time.Second)) - time.Since(began); ahead > time.Millisecond {
				wait(ctx, ahead)
			}
		}
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return f
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// connect opens connections as fast as it can, from many addresses, sends some octets
// over each, and keeps so many of them open.
func (s *server) connect(to string, say []byte, keep int) *flood {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	f := &flood{stop: cancel}
	for worker := range 4 {
		f.done.Go(func() {
			var open []net.Conn
			for n := 0; ctx.Err() == nil; n++ {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, byte(worker), byte(1+n%200))}, Timeout: time.Second}
				c, err := d.DialContext(ctx, "tcp", to)
				if err != nil {
					continue
				}
				_ = c.(*net.TCPConn).SetLinger(0) // no port waits
				_, _ = c.Write(say)
				f.sent.Add(1)
				if open = append(open, c); len(open) > keep/4 {
					_ = open[0].Close()
					open = open[1:]
				}
			}
			for _, c := range open {
				_ = c.Close()
			}
		})
	}
	return f
}

// hello is what a client says first to begin TLS. To say it again costs nothing.
func hello(t testing.TB) []byte {
	t.Helper()
	client, server := net.Pipe()
	go func() { _ = tls.Client(client, &tls.Config{ServerName: "ns.example"}).HandshakeContext(t.Context()) }()
	head := make([]byte, 5)
	_, err := io.ReadFull(server, head)
	require.NoError(t, err)
	body := make([]byte, int(head[3])<<8|int(head[4]))
	_, err = io.ReadFull(server, body)
	require.NoError(t, err)
	require.NoError(t, server.Close())
	return append(head, body...)
}

// pipeline asks over some connections without end, and reads what comes back.
func (s *server) pipeline(conns int) *flood {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	f := &flood{stop: cancel}
	query := packed(s.t, host, dns.TypeA)
	block := bytes.Repeat(append([]byte{0, byte(len(query))}, query...), 200)
	for n := range conns {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 9, byte(1+n%200))}}
		c, err := d.DialContext(ctx, "tcp", s.at())
		require.NoError(s.t, err)
		f.done.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Write(block); err != nil {
					return
				}
				f.sent.Add(200)
			}
		})
		f.done.Go(func() {
			_, _ = io.Copy(io.Discard, c)
		})
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return f
}
