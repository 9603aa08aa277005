// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/internal/tsig"
)

const (
	headerSize = 12
	plainUDP   = 512
	mostUDP    = 1232 // RFC 9715
)

// request is one UPDATE on its way.
type request struct {
	raw    []byte
	msg    *dns.Msg     // nil until parsed, and if it is malformed
	opt    *dns.OPT     // nil: no EDNS
	signer *tsig.Signer // nil: the answer is not signed
	from   netip.AddrPort
	tcp    bool
	reply  func([]byte) error
}

// parse reads the message and gives its RCODE: FORMERR for what is malformed,
// REFUSED for what is too large.
func (r *request) parse() int {
	if len(r.raw) > maxMessage {
		return dns.RcodeRefused
	}
	m := new(dns.Msg)
	if err := m.Unpack(r.raw); err != nil {
		return dns.RcodeFormatError
	}
	for i, n := range []int{len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra)} { // the library does not insist on them
		if int(binary.BigEndian.Uint16(r.raw[4+2*i:])) != n {
			return dns.RcodeFormatError
		}
	}
	if len(m.Question) != 1 || !r.pseudo(m) {
		return dns.RcodeFormatError
	}
	r.msg = m
	switch {
	case r.opt != nil && r.opt.Version() != 0:
		return dns.RcodeBadVers
	case len(m.Answer) > maxSection || len(m.Ns) > maxSection:
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

// pseudo finds the OPT record and reports that there is at most one, in the
// additional section (RFC 6891 §6.1.1). The place of the TSIG was checked when it
// was verified.
func (r *request) pseudo(m *dns.Msg) bool {
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				return false
			}
		}
	}
	for _, rr := range m.Extra {
		if o, ok := rr.(*dns.OPT); ok {
			if r.opt != nil || o.Hdr.Name != "." {
				return false
			}
			r.opt = o
		}
	}
	return true
}

// answer gives the packed answer (RFC 2136 §3.8): the zone section comes back,
// where it fits.
func (r *request) answer(rcode int) ([]byte, error) {
	a := new(dns.Msg)
	a.Id, a.Response, a.Opcode, a.Rcode = binary.BigEndian.Uint16(r.raw), true, dns.OpcodeUpdate, rcode
	if rcode > 0xF && r.opt == nil {
		a.Rcode = dns.RcodeFormatError
	}
	if r.msg != nil {
		a.Question = r.msg.Question
	}
	room := plainUDP
	if r.opt != nil {
		o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		o.SetUDPSize(mostUDP)
		if r.opt.Do() {
			o.SetDo()
		}
		a.Extra = append(a.Extra, o)
		room = min(max(plainUDP, int(r.opt.UDPSize())), mostUDP)
	}
	if r.signer != nil {
		room -= r.signer.Room()
	}
	if !r.tcp && a.Len() > room {
		a.Question = nil
	}
	wire, err := a.Pack()
	if err != nil || r.signer == nil {
		return wire, err
	}
	return r.signer.Sign(wire, time.Now())
}
