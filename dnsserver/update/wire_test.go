// SPDX-License-Identifier: Apache-2.0

package update_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestWhatIsNotItsOwn: it is left to the rest of the server, and changes nothing.
func TestWhatIsNotItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		unsigned, err := add(t, name, "one").Pack()
		require.NoError(t, err)
		query := sign(t, new(dns.Msg).SetQuestion(name, dns.TypeTXT), acme, time.Now())
		response := sign(t, add(t, name, "one"), acme, time.Now())
		response[2] |= 0x80
		for why, msg := range map[string][]byte{
			"an update that is not signed (row 25)": unsigned,
			"signed by a stranger (row 111)":        sign(t, add(t, name, "one"), key("stranger"), time.Now()),
			"right name, other algorithm (row 111)": sign(t, add(t, name, "one"), tsigkey.FromSecret("acme", dns.HmacSHA512, []byte(strings.Repeat("acme", 8))), time.Now()),
			"a query with our key":                  query,
			"an answer":                             response,
			"a header without its end":              unsigned[:11],
			"nothing":                               nil,
		} {
			_, err := c.raw(msg, true)
			assert.ErrorIs(t, err, errNoAnswer, why)
		}
		assert.Empty(t, c.held())
	})
}

// TestRFC8945 covers rows 112 to 116 of the table of DNS behaviour.
func TestRFC8945(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		now := time.Now()
		good := func() []byte { return sign(t, add(t, name, "one"), acme, now) }
		impostor := tsigkey.FromSecret("acme", dns.HmacSHA256, []byte(strings.Repeat("x", 32)))
		body := good()
		body[len(body)-100] ^= 1
		changed := func(f func(m *dns.Msg)) []byte {
			m := new(dns.Msg)
			require.NoError(t, m.Unpack(good()))
			f(m)
			wire, err := m.Pack()
			require.NoError(t, err)
			return wire
		}
		for _, s := range []struct {
			why    string
			msg    []byte
			rcode  int
			code   uint16 // TSIG error
			signed bool
		}{
			{"wrong secret", sign(t, add(t, name, "one"), impostor, now), dns.RcodeNotAuth, dns.RcodeBadSig, false},
			{"wrong secret and time: the MAC is looked at first", sign(t, add(t, name, "one"), impostor, now.Add(-time.Hour)), dns.RcodeNotAuth, dns.RcodeBadSig, false},
			{"signed an hour ago", sign(t, add(t, name, "one"), acme, now.Add(-time.Hour)), dns.RcodeNotAuth, dns.RcodeBadTime, true},
			{"signed in an hour", sign(t, add(t, name, "one"), acme, now.Add(time.Hour)), dns.RcodeNotAuth, dns.RcodeBadTime, true},
			{"half a MAC", changed(func(m *dns.Msg) { ts := m.IsTsig(); ts.MAC, ts.MACSize = ts.MAC[:32], 16 }), dns.RcodeNotAuth, dns.RcodeBadTrunc, true},
			{"less than half", changed(func(m *dns.Msg) { ts := m.IsTsig(); ts.MAC, ts.MACSize = ts.MAC[:18], 9 }), dns.RcodeFormatError, 0, false},
			{"two of them", changed(func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) }), dns.RcodeFormatError, 0, false},
			{"not the last", changed(func(m *dns.Msg) { m.SetEdns0(1232, false) }), dns.RcodeFormatError, 0, false},
			{"another change than was signed", changed(func(m *dns.Msg) { m.Ns[0].(*dns.TXT).Txt[0] = "two" }), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		} {
			raw, err := c.raw(s.msg, true)
			require.NoError(t, err, s.why)
			a := new(dns.Msg)
			require.NoError(t, a.Unpack(raw), s.why)
			assert.Equal(t, dns.RcodeToString[s.rcode], dns.RcodeToString[a.Rcode], s.why)
			ts := a.IsTsig()
			if s.rcode == dns.RcodeFormatError {
				assert.Nil(t, ts, s.why)
				continue
			}
			require.NotNil(t, ts, s.why)
			assert.Equal(t, s.code, ts.Error, s.why)
			assert.Equal(t, s.signed, ts.MACSize > 0, s.why)
		}
		assert.Empty(t, c.held(), "nothing was changed")
		assert.Equal(t, "NOERROR", c.send(add(t, name, "one"), acme))
	})
}

func TestAnswersAndTheirForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "eu")
		ask := func(m *dns.Msg, tcp bool) *dns.Msg {
			raw, err := c.raw(sign(t, m, acme, time.Now()), tcp)
			require.NoError(t, err)
			a := new(dns.Msg)
			require.NoError(t, a.Unpack(raw))
			if !tcp {
				assert.LessOrEqual(t, len(raw), 1232)
			}
			return a
		}
		m := add(t, name, "one")
		m.RecursionDesired, m.AuthenticatedData, m.CheckingDisabled, m.Truncated = true, true, true, true
		a := ask(m, false)
		assert.Nil(t, a.IsEdns0(), "no EDNS for those who have none")
		assert.Equal(t, m.Question, a.Question, "the zone section comes back")
		assert.Equal(t, dns.MsgHdr{Id: m.Id, Response: true, Opcode: dns.OpcodeUpdate}, a.MsgHdr, "no flag is copied")

		m = add(t, name, "two")
		m.SetEdns0(4096, true)
		a = ask(m, false)
		require.NotNil(t, a.IsEdns0())
		assert.True(t, a.IsEdns0().Do())
		assert.Equal(t, dns.RcodeSuccess, a.Rcode)

		m.IsEdns0().SetVersion(1)
		a = ask(m, true)
		assert.Equal(t, dns.RcodeBadVers, a.Rcode|int(a.IsEdns0().ExtendedRcode()))
		m = add(t, name, "two")
		m.Extra = []dns.RR{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}, &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}}
		assert.Equal(t, dns.RcodeFormatError, ask(m, true).Rcode, "two OPT records")
		m = add(t, name, "two")
		m.Ns = append(m.Ns, &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}})
		assert.Equal(t, dns.RcodeFormatError, ask(m, true).Rcode, "an OPT record among the changes")
	})
}

// FuzzServeSlow hands any octets to the handler, as they are and rightly signed: it
// answers once or not at all, with what is a message, and holds no more than it may.
func FuzzServeSlow(f *testing.F) {
	for _, m := range []*dns.Msg{add(f, name, "one"), remove(f, name, "one"), newUpdate()} {
		m.Answer = append(m.Answer, empty(name, dns.TypeANY, dns.ClassNONE), rr(f, name+" 0 IN TXT x"))
		m.Ns = append(m.Ns, empty(name, dns.TypeTXT, dns.ClassANY), empty("app.cloud.example.com.", dns.TypeANY, dns.ClassANY))
		wire, err := m.Pack()
		require.NoError(f, err)
		f.Add(wire)
		m.SetEdns0(1232, true)
		wire, err = m.Pack()
		require.NoError(f, err)
		f.Add(wire)
	}
	f.Add(make([]byte, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, "eu", "_acme-challenge.alias.cloud.example.com CNAME app.cloud.example.com")
			check := func(msg []byte) {
				raw, err := c.raw(msg, false)
				if err != nil {
					require.ErrorIs(t, err, errNoAnswer)
					return
				}
				a := new(dns.Msg)
				require.NoError(t, a.Unpack(raw))
				assert.Equal(t, binary.BigEndian.Uint16(msg), a.Id)
				assert.True(t, a.Response)
			}
			check(b)
			if len(b) >= 12 {
				check(signed(t, b))
			}
			assert.LessOrEqual(t, len(c.held()), 64)
			for _, l := range c.held() {
				assert.True(t, strings.HasPrefix(l, "_acme-challenge"), l)
			}
		})
	})
}

// signed signs octets as they are.
func signed(t *testing.T, b []byte) []byte {
	b = slices.Clone(b)
	b[2] = b[2]&0x07 | dns.OpcodeUpdate<<3
	wire, _, err := tsigRequest(b)
	require.NoError(t, err)
	return wire
}
