// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestTSIG covers rows 111 to 116 of the table of DNS behaviour.
func TestTSIG(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{})
	before := s.Records()
	key := edgetest.Key()
	now := time.Now().Unix()
	signed := func(k *tsigkey.Key, at int64) []byte {
		m := newUpdate()
		m.Insert([]dns.RR{rr(t, "www.example.com. 60 IN A 192.0.2.1")})
		m.SetTsig(k.Name, k.Algorithm, 300, at)
		wire, _, err := dns.TsigGenerateWithProvider(m, tsigkey.NewKeyring(k), "", false)
		require.NoError(t, err)
		return wire
	}
	secret := func(s string) []byte { return []byte(strings.Repeat(s, 32)) }
	flip := func(b []byte, at int) []byte { b[at] ^= 1; return b }
	misplaced := func(change func(m *dns.Msg)) []byte {
		m := new(dns.Msg)
		require.NoError(t, m.Unpack(signed(key, now)))
		change(m)
		wire, err := m.Pack()
		require.NoError(t, err)
		return wire
	}
	tail := func(wire []byte) int { return len(wire) - 7 } // last octet of the MAC: before ID, error and other length
	for _, c := range []struct {
		name   string
		packet []byte
		rcode  int
		code   uint16 // TSIG error
		mac    bool
	}{
		{"unknown key", signed(tsigkey.FromSecret("other.", "hmac-sha256", secret("x")), now), dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"known key, other algorithm", signed(tsigkey.FromSecret("meridian.", "hmac-sha512", secret("x")), now), dns.RcodeNotAuth, dns.RcodeBadKey, false},
		{"other secret", signed(tsigkey.FromSecret("meridian.", "hmac-sha256", secret("x")), now), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"changed body", flip(signed(key, now), 14), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"changed MAC", func() []byte { w := signed(key, now); return flip(w, tail(w)) }(), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"an hour ago", signed(key, now-3600), dns.RcodeNotAuth, dns.RcodeBadTime, true},
		{"in an hour", signed(key, now+3600), dns.RcodeNotAuth, dns.RcodeBadTime, true},
		{"bad MAC and bad time", func() []byte { w := signed(key, now-3600); return flip(w, tail(w)) }(), dns.RcodeNotAuth, dns.RcodeBadSig, false},
		{"half a MAC", misplaced(func(m *dns.Msg) {
			ts := m.Extra[0].(*dns.TSIG)
			ts.MAC, ts.MACSize = ts.MAC[:32], 16
		}), dns.RcodeNotAuth, dns.RcodeBadTrunc, true},
		{"TSIG twice", misplaced(func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) }), dns.RcodeFormatError, 0, false},
		{"TSIG not last", misplaced(func(m *dns.Msg) { m.SetEdns0(1232, false) }), dns.RcodeFormatError, 0, false},
		{"TSIG among the answers", misplaced(func(m *dns.Msg) { m.Answer, m.Extra = m.Extra, nil }), dns.RcodeFormatError, 0, false},
		{"RCODE of the request set", misplaced(func(m *dns.Msg) { m.Rcode = dns.RcodeNotAuth }), dns.RcodeNotAuth, dns.RcodeBadSig, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := dnstest.TCP(t, addr, c.packet)
			require.NotNil(t, raw)
			in := new(dns.Msg)
			require.NoError(t, in.Unpack(raw))
			assert.Equal(t, dns.RcodeToString[c.rcode], dns.RcodeToString[in.Rcode])
			assert.Equal(t, c.packet[:2], raw[:2], "ID")
			ts := in.IsTsig()
			if c.code == 0 {
				assert.Nil(t, ts)
				return
			}
			require.NotNil(t, ts)
			assert.Equal(t, c.code, ts.Error)
			assert.Equal(t, c.mac, ts.MACSize > 0, "whether the answer is signed")
			if c.code == dns.RcodeBadTime {
				var server int64
				_, err := fmt.Sscanf(ts.OtherData, "%012x", &server)
				require.NoError(t, err)
				assert.InDelta(t, now, server, 60, "our time")
			}
		})
	}
	assert.Equal(t, before, s.Records(), "none of it changed anything")
}

// sign packs a message with a signature of the key that the server knows.
func sign(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	m.SetTsig(edgetest.Key().Name, edgetest.Key().Algorithm, 300, time.Now().Unix())
	wire, _, err := dns.TsigGenerateWithProvider(m, tsigkey.NewKeyring(edgetest.Key()), "", false)
	if err != nil {
		t.Skip("unpacked, but cannot be packed again")
	}
	return wire
}

// signedRcode sends a message signed with a key and gives the RCODE of the
// answer, which must be signed too.
func signedRcode(t testing.TB, addr netip.AddrPort, key *tsigkey.Key, m *dns.Msg) string {
	t.Helper()
	c := &dns.Client{Net: "tcp", Timeout: time.Minute, TsigProvider: tsigkey.NewKeyring(key)}
	m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	in, _, err := c.Exchange(m, addr.String())
	if in == nil || in.Rcode != dns.RcodeNotAuth {
		require.NoError(t, err)
		require.NotNil(t, in.IsTsig(), "the answer to a signed message is signed")
	}
	return dns.RcodeToString[in.Rcode]
}
