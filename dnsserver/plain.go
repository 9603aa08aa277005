// SPDX-License-Identifier: Apache-2.0

package dnsserver

import "net/netip"

// Plain answers a message as if there were no slow path and no rate limit, for
// parts of the slow path that took a question for its signature alone. msg has no
// TSIG; room is how many octets the caller will add. The answer is not counted
// among the queries, because the slow path's is. nil: none is due.
func (s *Server) Plain(msg []byte, from netip.Addr, tcp bool, room int) []byte {
	r := s.slow.responders.Get().(*responder)
	count, limiter := r.count, r.limiter
	r.count, r.limiter = new(counters), nil
	defer func() {
		r.count, r.limiter = count, limiter
		s.slow.responders.Put(r)
	}()
	if form := r.q.parse(msg); form != formGood {
		return nil
	}
	r.meet(from, tcp)
	out := r.plain(nil, msg, tcp)
	if len(out)+room > r.q.limit(tcp) {
		out = r.bare(out[:0], msg, tcp, out[2]&bitAA|bitTC, int(out[3]&0xF), noEDE)
	}
	return out
}
