// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// TestRFC8945 holds what RFC 8945 §5.2 wants of a server.
func TestRFC8945(t *testing.T) {
	broken := func(msg []byte, at int) []byte {
		out := append([]byte(nil), msg...)
		out[at] ^= 1
		return out
	}
	inAuthor(t, func(t *testing.T, c *client) {
		sign := func(name, alg, secret string, at time.Time) []byte {
			m := new(dns.Msg)
			m.SetQuestion(reportZone, dns.TypeSOA)
			m.SetTsig(name, alg, 300, at.Unix())
			ring := tsigkey.NewKeyring(tsigkey.FromSecret(name, alg, []byte(secret)))
			msg, _, err := dns.TsigGenerateWithProvider(m, ring, "", false)
			require.NoError(t, err)
			return msg
		}
		const secret = "0123456789abcdef0123456789abcdef"
		now := time.Now()
		good := sign(keyName, dns.HmacSHA256, secret, now)
		for _, row := range []struct {
			why   string
			msg   []byte
			code  uint16
			mac   bool
			other int
		}{
			{"unknown key", sign("other.", dns.HmacSHA256, secret, now), dns.RcodeBadKey, false, 0},
			{"right name, other algorithm", sign(keyName, dns.HmacSHA512, secret, now), dns.RcodeBadKey, false, 0},
			{"other secret", sign(keyName, dns.HmacSHA256, "wrong-0123456789abcdef", now), dns.RcodeBadSig, false, 0},
			{"changed body", broken(good, 2), dns.RcodeBadSig, false, 0},
			{"too old", sign(keyName, dns.HmacSHA256, secret, now.Add(-301*time.Second)), dns.RcodeBadTime, true, 6},
			{"from the future", sign(keyName, dns.HmacSHA256, secret, now.Add(301*time.Second)), dns.RcodeBadTime, true, 6},
			{"bad MAC and bad time", sign(keyName, dns.HmacSHA256, "wrong-0123456789abcdef", now.Add(-time.Hour)), dns.RcodeBadSig, false, 0},
		} {
			out, taken := c.serve(t.Context(), row.msg)
			require.True(t, taken, row.why)
			require.Len(t, out, 1, row.why)
			r := new(dns.Msg)
			require.NoError(t, r.Unpack(out[0]), row.why)
			assert.Equal(t, dns.RcodeNotAuth, r.Rcode, row.why)
			ts := r.IsTsig()
			require.NotNil(t, ts, row.why)
			assert.Equal(t, row.code, ts.Error, row.why)
			assert.Equal(t, row.mac, ts.MACSize > 0, row.why)
			assert.EqualValues(t, row.other, ts.OtherLen, row.why)
			assert.Empty(t, r.Answer, row.why)
			if row.code == dns.RcodeBadTime {
				q := new(dns.Msg)
				require.NoError(t, q.Unpack(row.msg))
				assert.Equal(t, q.IsTsig().TimeSigned, ts.TimeSigned, "the client's time comes back")
				ours, err := hex.DecodeString(ts.OtherData)
				require.NoError(t, err)
				assert.Equal(t, byte(now.Unix()), ours[5], "ours is in Other Data")
			}
		}
	})
}

// TestRFC8945_cutMAC: a truncated MAC counts as a wrong one (§5.2.2.1).
func TestRFC8945_cutMAC(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		for _, n := range []int{16, 8, 0} {
			m := new(dns.Msg)
			m.SetQuestion(reportZone, dns.TypeSOA)
			m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
			full, _, err := dns.TsigGenerateWithProvider(m, c.ring, "", false)
			require.NoError(t, err)
			q := new(dns.Msg)
			require.NoError(t, q.Unpack(full))
			ts := q.IsTsig()
			ts.MAC, ts.MACSize = ts.MAC[:2*n], uint16(n)
			msg, err := q.Pack()
			require.NoError(t, err)
			out, taken := c.serve(t.Context(), msg)
			require.True(t, taken)
			r := new(dns.Msg)
			require.NoError(t, r.Unpack(out[0]))
			assert.EqualValues(t, dns.RcodeBadSig, r.IsTsig().Error, "MAC of %d octets", n)
		}
	})
}

// TestRFC8945_misplaced: TSIG comes once, as the last record (§5.1).
func TestRFC8945_misplaced(t *testing.T) {
	inAuthor(t, func(t *testing.T, c *client) {
		good, _ := c.question(reportZone, dns.TypeSOA)
		q := new(dns.Msg)
		require.NoError(t, q.Unpack(good))
		ts := q.IsTsig()
		txt := &dns.TXT{Hdr: dns.RR_Header{Name: "x.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"y"}}
		for why, edit := range map[string]func(m *dns.Msg){
			"not last":           func(m *dns.Msg) { m.Extra = []dns.RR{ts, txt} },
			"twice":              func(m *dns.Msg) { m.Extra = []dns.RR{ts, ts} },
			"in the answer":      func(m *dns.Msg) { m.Extra, m.Answer = nil, []dns.RR{ts} },
			"a record after OPT": func(m *dns.Msg) { m.Extra = []dns.RR{ts}; m.SetEdns0(1232, false) },
		} {
			m := q.Copy()
			edit(m)
			msg, err := m.Pack()
			require.NoError(t, err)
			out, taken := c.serve(t.Context(), msg)
			require.True(t, taken, why)
			r := new(dns.Msg)
			require.NoError(t, r.Unpack(out[0]))
			assert.Equal(t, dns.RcodeFormatError, r.Rcode, why)
			assert.Nil(t, r.IsTsig(), why)
		}
	})
}
