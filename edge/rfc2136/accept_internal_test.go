// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// FuzzAccept changes a signed answer at will: whatever is accepted says what was
// signed.
func FuzzAccept(f *testing.F) {
	key := tsigkey.FromSecret("meridian.", "hmac-sha256", []byte("0123456789abcdef0123456789abcdef"))
	c := &client{key: key, ring: tsigkey.NewKeyring(key), now: time.Now}
	q := new(dns.Msg).SetQuestion("gslb-ns-eu-cloud.example.com.", dns.TypeA)
	q.SetTsig(key.Name, key.Algorithm, fudge, time.Now().Unix())
	_, mac, err := dns.TsigGenerateWithProvider(q.Copy(), c.ring, "", false)
	require.NoError(f, err)
	record := func(s string) dns.RR {
		rr, err := dns.NewRR(s)
		require.NoError(f, err)
		return rr
	}
	answer := func(rcode int, records ...dns.RR) []byte {
		a := new(dns.Msg).SetRcode(q, rcode)
		a.Extra, a.Answer, a.Authoritative = nil, records, true
		a.SetTsig(key.Name, key.Algorithm, fudge, time.Now().Unix())
		wire, _, err := dns.TsigGenerateWithProvider(a, c.ring, mac, false)
		require.NoError(f, err)
		return wire
	}
	good := answer(dns.RcodeSuccess, record("gslb-ns-eu-cloud.example.com. 300 IN A 192.0.2.1"))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(answer(dns.RcodeNameError))
	f.Add(answer(dns.RcodeNotAuth))
	f.Add([]byte{})
	in, err := c.accept(q, mac, good)
	require.NoError(f, err)
	want := in.Answer[0].String()
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := string(frame)
		got, err := c.accept(q, mac, frame)
		assert.Equal(t, before, string(frame), "the bytes are only read")
		if err != nil {
			return
		}
		if got.Rcode == dns.RcodeNameError {
			assert.Empty(t, got.Answer)
			return
		}
		require.Len(t, got.Answer, 1)
		assert.Equal(t, want, got.Answer[0].String())
	})
}
