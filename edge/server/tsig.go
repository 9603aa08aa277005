// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsig"
)

// verify checks the signature of a message, if it has one. It reports false
// when it answered that itself (RFC 8945 §5.2).
func (s *Server) verify(r *request, raw []byte) bool {
	signer, err := tsig.Verify(s.keys, raw, time.Now())
	if err == nil {
		r.signer, r.signed = signer, signer != nil
		return true
	}
	rcode := dns.RcodeNotAuth
	if errors.Is(err, tsig.ErrForm) {
		rcode = dns.RcodeFormatError
	} else {
		r.signer = signer
	}
	s.metrics.badSignature(r.signer)
	s.log.Debug("message with a bad signature", "from", r.from, "error", err)
	s.send(r, r.answer(rcode))
	return false
}

// send finishes an answer and sends it.
func (s *Server) send(r *request, a *dns.Msg) {
	r.truncate(a)
	wire, err := r.pack(a)
	if err != nil {
		s.log.Error("answer cannot be packed", "error", err)
		if wire, err = r.pack(r.answer(dns.RcodeServerFailure)); err != nil {
			return
		}
	}
	if err := r.reply(wire); err != nil {
		s.log.Debug("answer cannot be sent", "to", r.from, "error", err)
	}
}

// pack gives the bytes of the next message of an answer, signed if the question was.
func (r *request) pack(a *dns.Msg) ([]byte, error) {
	wire, err := a.Pack()
	if err != nil || r.signer == nil {
		return wire, err
	}
	return r.signer.Sign(wire, time.Now())
}
