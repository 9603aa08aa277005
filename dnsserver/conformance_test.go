// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// row is one line of the table of wire behaviour in docs/dns.md: what is sent,
// and what must come back.
type row struct {
	number int
	what   string
	send   packet
	over   string // "udp" or "tcp"; "" means both
	want   want
}

// want says what must come back. That the ID, the opcode and the question are
// echoed, that no flag is invented, and that an OPT record is there exactly if
// one was sent, is checked of every answer.
type want struct {
	silent    bool // nothing comes, or the connection is closed
	rcode     int
	aa, tc    bool
	rd        bool
	bare      bool // 12 octets
	none      bool // no question is echoed
	answer    []string
	authority []string
	extra     []string // records of the additional section
	some      bool     // the answer section is not empty, whatever is in it
	options   func(t *testing.T, options map[uint16][]byte)
}

var (
	silence  = want{silent: true}
	formErr  = want{rcode: dns.RcodeFormatError}
	refused  = want{rcode: dns.RcodeRefused}
	notImp   = want{rcode: dns.RcodeNotImplemented}
	badVers  = want{rcode: dns.RcodeBadVers}
	noData   = want{aa: true, authority: []string{soa}}
	nxDomain = want{aa: true, rcode: dns.RcodeNameError, authority: []string{soa}}
	appA     = data("app", "A", "192.0.2.1")
)

func bare(w want) want {
	w.bare = true
	return w
}

func data(owner, rrtype, rdata string) want {
	return want{aa: true, answer: []string{owner + "." + zone + ". 30 IN " + rrtype + " " + rdata}}
}

func TestConformance(t *testing.T) {
	table := exampleTable(t)
	_, addr := dnstest.Serve(t, dnsserver.Config{}, table)
	for _, r := range rows(t) {
		for _, transport := range []string{"udp", "tcp"} {
			if r.over != "" && r.over != transport {
				continue
			}
			t.Run(fmt.Sprintf("row %d: %s, %s", r.number, r.what, transport), func(t *testing.T) {
				send := dnstest.UDP
				if transport == "tcp" {
					send = dnstest.TCP
				}
				got := send(t, addr, r.send)
				if r.want.silent {
					assert.Empty(t, got)
					return
				}
				require.NotNil(t, got, "silence")
				r.want.check(t, r.send, got)
				want := dnstest.Expect{Rcode: r.want.rcode, AA: r.want.aa, TC: r.want.tc, Answer: r.want.answer, Authority: r.want.authority, Additional: r.want.extra}
				m := new(dns.Msg)
				require.NoError(t, m.Unpack(got))
				if r.want.some {
					assert.NotEmpty(t, m.Answer)
					return
				}
				m.Extra = withoutTSIG(m.Extra)
				want.WithSerials(table).Check(t, m)
			})
		}
	}
}

// check holds what is true of every answer.
func (w want) check(t *testing.T, sent packet, got []byte) {
	t.Helper()
	require.GreaterOrEqual(t, len(got), 12)
	assert.Equal(t, []byte(sent[:2]), got[:2], "ID")
	assert.Equal(t, byte(0x80)|sent[2]&0x78, got[2]&0xF8, "QR and opcode")
	assert.Equal(t, w.rd, got[2]&1 != 0, "RD")
	assert.Zero(t, got[3]&0xF0, "RA, Z, AD, CD")
	if w.bare {
		assert.Len(t, got, 12)
		return
	}
	if w.none {
		assert.Zero(t, got[5], "no question")
	} else {
		w.checkQuestion(t, sent, got)
	}
	in, out := new(dns.Msg), new(dns.Msg)
	require.NoError(t, out.Unpack(got))
	w.checkOPT(t, in, out, sent)
}

func (w want) checkQuestion(t *testing.T, sent packet, got []byte) {
	t.Helper()
	end := questionEnd(sent)
	require.Greater(t, len(got), end-1, "the question is there")
	assert.Equal(t, []byte(sent[12:end]), got[12:end], "question, octet by octet")
}

func (w want) checkOPT(t *testing.T, in, out *dns.Msg, sent packet) {
	t.Helper()
	opt := out.IsEdns0()
	if err := in.Unpack(sent); err == nil && w.rcode != dns.RcodeFormatError {
		assert.Equal(t, in.IsEdns0() != nil, opt != nil, "OPT if and only if there was one")
	}
	if opt == nil {
		return
	}
	assert.Equal(t, uint16(1232), opt.UDPSize())
	assert.Zero(t, opt.Version())
	assert.Zero(t, opt.Hdr.Ttl&0x7FFF, "unknown flags")
	if o := in.IsEdns0(); o != nil {
		assert.Equal(t, o.Do(), opt.Do(), "DO")
	}
	if w.options != nil {
		w.options(t, optionsOf(t, opt))
		return
	}
	for _, o := range opt.Option {
		assert.Equal(t, uint16(dns.EDNS0EDE), o.Option(), "no option is echoed")
	}
}

// optionsOf gives the options of an OPT record as octets.
func optionsOf(t *testing.T, opt *dns.OPT) map[uint16][]byte {
	t.Helper()
	wire := make([]byte, 1000)
	n, err := dns.PackRR(opt, wire, 0, nil, false)
	require.NoError(t, err)
	out := make(map[uint16][]byte)
	for b := wire[11:n]; len(b) > 0; {
		end := 4 + int(binary.BigEndian.Uint16(b[2:]))
		out[binary.BigEndian.Uint16(b)] = b[4:end]
		b = b[end:]
	}
	return out
}

func questionEnd(p packet) int {
	at := 12
	for p[at] != 0 {
		at += 1 + int(p[at])
	}
	return at + 5
}

func withoutTSIG(in []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range in {
		if rr.Header().Rrtype != dns.TypeTSIG {
			out = append(out, rr)
		}
	}
	return out
}
