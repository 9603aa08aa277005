// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// grace is how long a stopping server waits for connections to end.
const grace = 2 * time.Second

// Server answers DNS on its addresses. [New] binds them, [Server.Run] serves.
// Publish, Ready, Addrs and Panics are safe for concurrent use.
type Server struct {
	cfg    Config
	log    *slog.Logger
	bound  []*sockets
	udp    []*udpSocket
	shared tcpShared
	conns  *conns
	slow   *slowPool
	watch  files
	table  atomic.Pointer[answers.Table]
	panics atomic.Uint64

	cookies *cookies
	limiter *rateLimiter
	hidden  atomic.Bool

	loops    []*Loop     // complete when New returns
	counters []*counters // of every goroutine or group of them; complete when New returns
	streams  atomic.Uint64
	ran      atomic.Bool
}

// New checks the configuration, binds every address and registers the metrics.
// The error names the address that could not be bound. Until a Table is
// published the server answers SERVFAIL.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("DNS server: %w", err)
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger.With("component", "dnsserver"),
	}
	s.watch.recovered = s.recovered
	s.shared.tcpTimes = tcpTimes{time.Now(), cfg.TCPIdle, cfg.TCPMessage, cfg.TCPWrite, min(cfg.TCPIdle, maxHandshake)}
	s.shared.long = newLongBuffers()
	s.shared.outs.New = func() any { return new([]byte) }
	s.conns = newConns(cfg.MaxTCPConns, cfg.MaxTCPConnsPerClient, &s.hidden, s.shared.start)
	if err := s.protect(); err != nil {
		return nil, fmt.Errorf("DNS server: %w", err)
	}
	s.slow = newSlowPool(&s.cfg, s.newResponder)
	if err := s.bind(); err != nil {
		closeAll(s.bound)
		return nil, err
	}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(newMetrics(s)); err != nil {
			closeAll(s.bound)
			return nil, fmt.Errorf("DNS server: %w", err)
		}
	}
	return s, nil
}

// protect makes what keeps strangers in bounds. A server whose answers are all
// made by its slow path knows no cookies.
func (s *Server) protect() error {
	if s.cfg.RateLimit > 0 {
		s.limiter = newRateLimiter(s.cfg.RateLimit, rand.Uint64())
	}
	if s.cfg.SlowAll {
		return nil
	}
	if file := s.cfg.CookieSecretFile; file != "" {
		s.watch.add("secrets of DNS cookies", func() error { return s.cookies.load(file) }, file)
	}
	var err error
	s.cookies, err = newCookies(s.cfg.CookieSecretFile, s.cfg.CookieSeed)
	return err
}

// HideClients says whether the addresses that messages come from are those of a
// load balancer or a node between, not of clients: then nothing is limited by
// them. They are taken for those of clients until it is called.
func (s *Server) HideClients(hidden bool) {
	if s.hidden.Swap(hidden) == hidden {
		return
	}
	limits := []any{"rate_limit", s.cfg.RateLimit, "tcp_connections_per_client", s.cfg.MaxTCPConnsPerClient}
	switch {
	case !hidden:
		s.log.Info("addresses of DNS clients are visible: there are limits by address", limits...)
	case s.cfg.RateLimit > 0: // somebody wants them
		s.log.Warn("addresses of DNS clients are hidden: there are no limits by address", limits...)
	default:
		s.log.Info("addresses of DNS clients are hidden: there are no limits by address", limits...)
	}
}

func (s *Server) bind() error {
	for _, spec := range s.cfg.Listen {
		bound, err := listen(spec, s.cfg.Sockets)
		if err != nil {
			return err
		}
		s.bound = append(s.bound, bound...)
	}
	if err := s.bindTLS(); err != nil {
		return err
	}
	for _, b := range s.bound {
		transport := "tcp"
		if b.over != nil {
			transport = "tls"
		}
		b.count = s.newCounters(transport)
		b.loop = s.newLoop(transport + " " + b.addr.String())
		for _, conn := range b.udp {
			batch, err := newBatch(conn)
			if err != nil {
				return fmt.Errorf("DNS on udp %s: %w", b.addr, err)
			}
			s.udp = append(s.udp, &udpSocket{
				conn: conn, batch: batch, slow: s.slow, loop: s.newLoop("udp " + b.addr.String()), r: s.newResponder(s.newCounters("udp")),
			})
		}
	}
	return nil
}

func (s *Server) newCounters(transport string) *counters {
	c := &counters{transport: transport, shard: len(s.counters) % answers.TallyShards}
	s.counters = append(s.counters, c)
	return c
}

func (s *Server) newResponder(c *counters) *responder {
	return &responder{
		table: &s.table, hasSlow: s.cfg.SlowPath != nil, slowAll: s.cfg.SlowAll, nsid: []byte(s.cfg.NSID),
		keepalive: uint16(min(s.cfg.TCPIdle/(100*time.Millisecond), 0xFFFF)), count: c, recovered: s.recovered,
		draw: rand.NewPCG(s.cfg.Seed, s.streams.Add(1)), cookies: s.cookies, limiter: s.limiter, hidden: &s.hidden,
		slips: slips{slip: uint32(s.cfg.RateSlip)}, uncookied: s.cfg.MaxWithoutCookie, knowsKey: s.cfg.KnowsKey,
	}
}

// recovered counts a panic. Each is a bug; the log tells of the first, the
// second, the fourth and so on, so that nobody can fill it.
func (s *Server) recovered(v any) {
	if n := s.panics.Add(1); n&(n-1) == 0 {
		s.log.Error("recovered from a panic", "panic", v, "count", n, "stack", string(debug.Stack()))
	}
}

// Publish makes the server answer from t. It never blocks; t must not be nil.
func (s *Server) Publish(t *answers.Table) {
	old := s.table.Swap(t)
	if t.Ready() && (old == nil || !old.Ready()) {
		s.log.Info("answers are ready", "revision", t.Revision(), "names", t.Len())
	}
}

// Ready reports that a Table that is ready was published.
func (s *Server) Ready() bool {
	t := s.table.Load()
	return t != nil && t.Ready()
}

// Addrs gives the addresses that are served, over UDP and TCP each, with the
// ports that the system chose.
func (s *Server) Addrs() []netip.AddrPort { return s.addrs(false) }

// TLSAddrs gives the addresses that are served over TLS.
func (s *Server) TLSAddrs() []netip.AddrPort { return s.addrs(true) }

func (s *Server) addrs(tls bool) []netip.AddrPort {
	var out []netip.AddrPort
	for _, b := range s.bound {
		if (b.over != nil) == tls {
			out = append(out, b.addr)
		}
	}
	return out
}

// Panics counts the panics that were recovered.
func (s *Server) Panics() uint64 { return s.panics.Load() }

// Close frees the addresses of a server that never ran.
func (s *Server) Close() error {
	if !s.ran.Swap(true) {
		closeAll(s.bound)
	}
	return nil
}

// Run serves until ctx ends; it then answers what it has read, ends its
// connections and returns nil. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("DNS server: it ran already")
	}
	s.log.Info("serving DNS", "addresses", s.Addrs(), "tls", s.TLSAddrs())
	var sockets, streams sync.WaitGroup
	for _, u := range s.udp {
		sockets.Go(func() { u.serve(ctx) })
	}
	for _, b := range s.bound {
		sockets.Go(func() { s.accept(ctx, b, &streams) })
	}
	if len(s.watch.all) > 0 {
		sockets.Go(func() { s.watch.run(ctx, s.log) })
	}
	<-ctx.Done()
	for _, b := range s.bound {
		_ = b.tcp.Close()
		for _, c := range b.udp {
			_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes whoever reads; nobody reads a closed socket
		}
	}
	sockets.Wait()
	s.conns.stop()
	if !done(&streams, &s.slow.wg) {
		s.conns.closeAll()
		if !done(&streams, &s.slow.wg) {
			s.log.Warn("the slow path did not stop when told", "messages", s.slow.inFlight())
		}
	}
	closeAll(s.bound)
	return nil
}

// done waits for both, but not longer than the grace.
func done(a, b *sync.WaitGroup) bool {
	all := make(chan struct{})
	go func() {
		a.Wait()
		b.Wait()
		close(all)
	}()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-all:
		return true
	case <-timer.C:
		return false
	}
}
