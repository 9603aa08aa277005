// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// ServeStream serves one TCP connection until it ends.
func ServeStream(s *Server, c net.Conn) {
	newTCPConn(c, nil, s.newResponder(s.bound[0].count), s.slow, &s.shared).serve(context.Background())
}

// Respond gives the function that answers one message, as the goroutine of a
// UDP socket calls it, without a socket; false: no answer.
func Respond(s *Server) func(out, msg []byte, tcp bool) ([]byte, bool) {
	r := s.udp[0].r
	from := netip.MustParseAddr("192.0.2.200")
	return func(out, msg []byte, tcp bool) ([]byte, bool) {
		r.now = 0
		out, what := r.respond(out, msg, from, tcp)
		return out, what == answered
	}
}

// Parsed is what the parser reads of a message.
type Parsed struct {
	OK       bool
	Opcode   int
	Question bool
	Name     []byte
	Type     uint16
	Class    uint16
	OPT      bool
	Version  uint8
	DO       bool
	Size     uint16
	Signed   bool
	Cookie   []byte
	Subnet   []byte
}

// Parse calls the parser.
func Parse(msg []byte) Parsed {
	var q query
	ok := q.parse(msg) == formGood
	return Parsed{
		ok, int(q.opcode), q.question > 0, q.name(), q.qtype, q.class, q.opt, q.version, q.do, q.size, q.tsig > 0, q.cookie, q.subnet,
	}
}

// SetCookieClock sets the clock of the cookies of a server that does not run.
func SetCookieClock(s *Server, now func() time.Time) { s.cookies.now = now }

// LookAtFiles reads the server's files again if they changed.
func LookAtFiles(s *Server) { s.watch.look(s.log) }

// RespondTo is like Respond for a sender of the caller's choice, at a time of
// the limiter in nanoseconds from its start.
func RespondTo(s *Server) func(msg []byte, from netip.Addr, at time.Duration) []byte {
	r := s.udp[0].r
	return func(msg []byte, from netip.Addr, at time.Duration) []byte {
		r.now = int64(at)/rateTick + 1
		out, _ := r.respond(nil, msg, from, false)
		return out
	}
}

// PanicInALoop lets a goroutine that reads a UDP socket of a server that does not
// run panic outside of any answer. It reports that it would go on.
func PanicInALoop(s *Server) bool {
	u := s.udp[0]
	u.loop.begin()
	u.batch = new(batch)
	again := u.turns(context.Background())
	_, idle := u.loop.Progress()
	return again && idle
}

// Budget is that of handshakes, on a clock of the caller's.
type Budget struct{ all *handshakes }

// NewBudget makes one for some processors.
func NewBudget(processors float64) *Budget {
	all := newHandshakes(new(atomic.Bool), 1)
	all.divisor = processors / handshakeShare
	all.clients.start = time.Now().Add(time.Hour) // it stands still
	return &Budget{all}
}

// HideClients hides the addresses of clients.
func (b *Budget) HideClients() { b.all.hidden.Store(true) }

// Admit admits a handshake at a time, which costs what it costs.
func (b *Budget) Admit(from netip.Addr, at, cost time.Duration) bool {
	charged, ok := b.all.admit(from, int64(at))
	if ok {
		b.all.settle(charged, cost)
	}
	return ok
}

// UseUpHandshakes leaves no budget for handshakes for a long time.
func UseUpHandshakes(s *Server) { s.shared.handshakes.used.Store(int64(time.Hour)) }

// LongBuffers gives how many buffers for the longest messages were made.
func LongBuffers(s *Server) int { return int(s.shared.long.made[len(longSizes)-1].Load()) }

// SlowRoom gives the memory that is left for messages with the slow path.
func SlowRoom(s *Server) *atomic.Int64 { return &s.slow.room.left }

// PanicInAFile lets the reading of a file of a server panic.
func PanicInAFile(s *Server) {
	s.watch.all = []*watched{{what: "a file", load: func() error { panic("boom") }, failed: true}}
	s.watch.look(s.log)
}
