// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// fudge is the difference of clocks that is borne, in seconds (RFC 8945 §10).
const fudge = 300

// verify checks the signature of a message, if it has one. It reports false
// when it answered that itself (RFC 8945 §5.2):
//
//	key or algorithm unknown | NOTAUTH, BADKEY, not signed
//	MAC wrong                | NOTAUTH, BADSIG, not signed
//	time outside the fudge   | NOTAUTH, BADTIME, signed, with our time
func (s *Server) verify(r *request, raw []byte) bool {
	if r.tsig == nil {
		return true
	}
	err := dns.TsigVerifyWithProvider(bytes.Clone(raw), s.keys, "", false)
	rcode := dns.RcodeNotAuth
	switch {
	case err == nil:
		r.signed = true
		return true
	case errors.Is(err, dns.ErrSecret), errors.Is(err, dns.ErrKeyAlg):
		r.code = dns.RcodeBadKey
	case errors.Is(err, dns.ErrSig):
		r.code = dns.RcodeBadSig
	case errors.Is(err, dns.ErrTime):
		r.code = dns.RcodeBadTime // RFC 8945 §5.3.2: the library signs answers with this error
	default:
		r.tsig, rcode = nil, dns.RcodeFormatError
	}
	s.metrics.badSignature(r.code)
	s.log.Debug("message with a bad signature", "from", r.from, "error", err)
	s.send(r, r.answer(rcode))
	return false
}

// send finishes an answer and sends it.
func (s *Server) send(r *request, a *dns.Msg) {
	r.truncate(a)
	wire, _, err := s.pack(r, a, "", false)
	if err != nil {
		s.log.Error("answer cannot be packed", "error", err)
		fail := r.answer(dns.RcodeServerFailure)
		if wire, _, err = s.pack(r, fail, "", false); err != nil {
			return
		}
	}
	if err := r.reply(wire); err != nil {
		s.log.Debug("answer cannot be sent", "to", r.from, "error", err)
	}
}

// pack gives the bytes of an answer, signed if the question was. prior is the
// MAC of the message before in the same answer; "" for the first.
func (s *Server) pack(r *request, a *dns.Msg, prior string, timersOnly bool) (wire []byte, mac string, err error) {
	if r.tsig == nil || !r.signed && r.code == 0 {
		wire, err = a.Pack()
		return wire, "", err
	}
	if prior == "" {
		prior = r.tsig.MAC
	}
	t := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: r.tsig.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: r.tsig.Algorithm, TimeSigned: uint64(time.Now().Unix()), Fudge: fudge,
		OrigId: a.Id, Error: r.code,
	}
	if r.code == dns.RcodeBadTime {
		t.OtherLen, t.OtherData = 6, fmt.Sprintf("%012x", t.TimeSigned)
		t.TimeSigned = r.tsig.TimeSigned
	}
	signed := *a
	signed.Extra = append(append([]dns.RR(nil), a.Extra...), t)
	return dns.TsigGenerateWithProvider(&signed, s.keys, prior, timersOnly)
}
