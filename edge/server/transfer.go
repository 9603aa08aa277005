// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/miekg/dns"
)

// transferRoom is how much of a transfer goes into one message, in octets; the
// rest is room for the signature.
const transferRoom = 32 << 10

// transfer sends the whole zone to those who hold a key, over TCP (RFC 5936). An
// IXFR is answered the same way (RFC 1995 §4).
func (s *Server) transfer(ctx context.Context, r *request) {
	z := s.data.Load()
	switch {
	case !r.tcp:
		s.send(r, r.answer(dns.RcodeFormatError)) // RFC 5936 §4.2
		return
	case !r.signed:
		s.send(r, r.answer(dns.RcodeRefused))
		return
	case dns.CanonicalName(r.msg.Question[0].Name) != z.origin:
		s.send(r, r.answer(dns.RcodeNotAuth))
		return
	}
	records := append(z.all(), z.soa())
	for len(records) > 0 && ctx.Err() == nil {
		n, size := 0, 0
		for n < len(records) && (n == 0 || size+dns.Len(records[n]) <= transferRoom) {
			size += dns.Len(records[n])
			n++
		}
		a := r.answer(dns.RcodeSuccess)
		a.Authoritative = true
		a.Answer, records = records[:n], records[n:]
		wire, err := r.pack(a)
		if err == nil {
			err = r.reply(wire)
		}
		if err != nil {
			s.log.Warn("transfer broke off", "to", r.from, "error", err)
			return
		}
	}
}
