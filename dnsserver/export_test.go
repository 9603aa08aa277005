// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"net"
)

// ServeStream serves one TCP connection until it ends.
func ServeStream(s *Server, c net.Conn) {
	newTCPConn(c, s.newResponder(s.bound[0].count), s.slow, &s.times).serve(context.Background())
}

// Respond gives the function that answers one message, as the goroutine of a
// UDP socket calls it, without a socket; false: no answer.
func Respond(s *Server) func(out, msg []byte, tcp bool) ([]byte, bool) {
	r := s.udp[0].r
	return func(out, msg []byte, tcp bool) ([]byte, bool) {
		out, what := r.respond(out, msg, tcp)
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
}

// Parse calls the parser.
func Parse(msg []byte) Parsed {
	var q query
	ok := q.parse(msg) == formGood
	return Parsed{
		ok, int(q.opcode), q.question > 0, q.name(), q.qtype, q.class, q.opt, q.version, q.do, q.size, q.tsig > 0,
	}
}
