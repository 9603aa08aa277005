// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

package load_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const mib = 1 << 20

// whileLoaded watches the memory for a time, and gives the most that it was.
func (s *server) whileLoaded(d time.Duration) (most int64) {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		most = max(most, s.memory())
	}
	return most
}

// steady is the server at its usual work for a while.
func (s *server) steady(d time.Duration) (figures, int64) {
	s.t.Helper()
	p := s.pace()
	most := s.whileLoaded(d)
	return p.end(), most
}

// recovers waits until answers are normal after a moment. Within what time is
// printed, not asserted.
func (s *server) recovers(p *paced, since time.Time, usual figures) time.Duration {
	s.t.Helper()
	bound := max(10*usual.p99, 5*time.Millisecond)
	var took time.Duration
	require.Eventually(s.t, func() (ok bool) {
		took, ok = p.normal(since, bound)
		return ok
	}, 30*time.Second, 20*time.Millisecond, "answers are normal again")
	return took
}

// Five times more than the server can answer, of every kind: its memory stays, and
// when it is over it is over.
func TestFiveTimesSaturation(t *testing.T) {
	s := serve(t)
	usual, before := s.steady(3 * time.Second)
	t.Logf("usual: %v; %d MiB", usual, before/mib)

	saturated, beyond := 0, 0
	for _, rate := range []int{25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000} {
		f, was, began := s.udp(rate, kinds(t)), s.answered(), time.Now()
		s.whileLoaded(time.Second)
		took := time.Since(began).Seconds()
		answered := s.answered() - was
		offered := float64(f.end())
		t.Logf("%8.0f offered a second, %8.0f answered", offered/took, answered/took)
		if saturated = max(saturated, int(answered/took)); answered < 0.7*offered {
			if beyond++; beyond == 2 { // not just a moment without a processor
				break
			}
		}
	}

	was := s.answered()
	p, f, began := s.pace(), s.udp(5*saturated, kinds(t)), time.Now()
	most := s.whileLoaded(loadTime(t))
	over := time.Now()
	sent := f.end()
	took := over.Sub(began).Seconds()
	answered := s.answered() - was
	back := s.recovers(p, over, usual)
	after := p.end()
	t.Logf("saturated at %d answers a second; then %.0f offered a second for %.0f s: %.1f times, %.0f answered a second; the paced client: %v",
		saturated, float64(sent)/took, took, float64(sent)/took/float64(saturated), answered/took, after)
	t.Logf("memory %d MiB before, at most %d MiB; normal again after %v", before/mib, most/mib, back)
	assert.Less(t, most, 2*before, "memory")
	assert.Positive(t, answered)
	s.sound()
}

// Floods over TCP and TLS: connections that are opened and left, that send noise or the
// beginning of TLS, and questions without end. Questions over UDP are answered
// all the while.
func TestFloodsOverTCPAndTLS(t *testing.T) {
	query := packed(t, host, dns.TypeA)
	framed := append([]byte{0, byte(len(query))}, query...)
	for _, c := range []struct {
		name  string
		begin func(s *server) *flood
	}{
		{"connections that say nothing", func(s *server) *flood { return s.connect(s.at(), nil, 2000) }},
		{"connections with a question each", func(s *server) *flood { return s.connect(s.at(), framed, 100) }},
		{"connections with a long message that does not end", func(s *server) *flood {
			return s.connect(s.at(), append([]byte{0xFF, 0xFF}, bytes.Repeat([]byte{0}, 60_000)...), 2000)
		}},
		{"beginnings of TLS", func(s *server) *flood { return s.connect(s.dot, hello(s.t), 2000) }},
		{"200 connections with questions without end", func(s *server) *flood { return s.pipeline(200) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t)
			usual, before := s.steady(3 * time.Second)
			p, f := s.pace(), c.begin(s)
			began := time.Now()
			most := s.whileLoaded(loadTime(t))
			over := time.Now()
			sent := f.end()
			back := s.recovers(p, over, usual)
			during := p.end()
			t.Logf("usual: %v; %d MiB", usual, before/mib)
			t.Logf("%.0f a second; UDP: %v; at most %d MiB; normal again after %v", float64(sent)/over.Sub(began).Seconds(), during, most/mib, back)
			t.Logf("shed: handshakes %.0f, memory %.0f, evicted %.0f", s.value("tcp_ended_total", `"handshake_limit"`), s.value("tcp_ended_total", `"memory"`), s.value("tcp_evicted_total", ""))
			assert.Less(t, most, 2*before, "memory")
			assert.Greater(t, during.share(), 90.0, "of a hundred questions over UDP")
			s.sound()
		})
	}
}

// A thousand idle and two hundred slow clients: a newcomer over TCP is answered,
// and UDP does not notice.
func TestACrowdOverTCP(t *testing.T) {
	s := serve(t)
	query := packed(t, host, dns.TypeA)
	framed := append([]byte{0, byte(len(query))}, query...)
	without, before := s.steady(loadTime(t))

	dial := func(ip net.IP) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
		return d.DialContext(t.Context(), "tcp", s.at())
	}
	stop := make(chan struct{})
	defer close(stop)
	pause := func(mean time.Duration) bool { // clients do not march in step
		timer := time.NewTimer(mean/2 + rand.N(mean))
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-stop:
			return false
		}
	}
	crowd := func(n int, net3 byte, act func(c net.Conn)) {
		for i := range n {
			go func() {
				pause(time.Second)
				for {
					if c, err := dial(net.IPv4(127, 9, net3, byte(1+i%200))); err == nil {
						act(c)
						_ = c.Close()
					} else {
						pause(time.Second)
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
		}
	}
	crowd(1000, 1, func(c net.Conn) { // it comes back when it is let go
		_, _ = io.Copy(io.Discard, c)
		pause(time.Second)
	})
	crowd(200, 2, func(c net.Conn) {
		for i := range framed {
			if _, err := c.Write(framed[i : i+1]); err != nil || !pause(50*time.Millisecond) {
				return
			}
		}
	})
	require.Eventually(t, func() bool { return s.value("tcp_connections", "") >= 900 }, time.Minute, 50*time.Millisecond)

	p := s.pace()
	var slowest time.Duration
	most := int64(0)
	for end := time.Now().Add(loadTime(t)); time.Now().Before(end); {
		began := time.Now()
		c, err := dial(net.IPv4(127, 9, 3, 1))
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(began.Add(time.Minute)))
		_, err = c.Write(framed)
		require.NoError(t, err)
		head := make([]byte, 12)
		_, err = io.ReadFull(c, head)
		require.NoError(t, err, "a newcomer is answered")
		slowest = max(slowest, time.Since(began))
		require.NoError(t, c.Close())
		most = max(most, s.whileLoaded(100*time.Millisecond))
	}
	with := p.end()
	t.Logf("without: %v; %d MiB", without, before/mib)
	t.Logf("with %.0f connections: %v; at most %d MiB; the slowest newcomer %v", s.value("tcp_connections", ""), with, most/mib, slowest)
	t.Logf("p99 over UDP: %+.0f %%", 100*(float64(with.p99)/float64(without.p99)-1))
	assert.InDelta(t, 100, with.share(), 1, "of a hundred questions over UDP")
	assert.Less(t, most, 2*before, "memory")
	s.sound()
}
