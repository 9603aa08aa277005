// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

func TestFollowingIsBounded(t *testing.T) {
	s, err := New(Config{Zone: "example.com", Keys: tsigkey.NewKeyring(tsigkey.FromSecret("k.", "hmac-sha256", make([]byte, 32)))})
	require.NoError(t, err)
	z := s.data.Load().edit()
	for _, line := range []string{"cloud.example.com. 60 IN NS ns-cloud.example.com.", "ns-cloud.example.com. 60 IN A 127.0.0.1"} {
		rr, err := dns.NewRR(line)
		require.NoError(t, err)
		z.add(rr)
	}
	s.data.Store(z.publish())
	for range maxFollowing {
		s.following <- struct{}{}
	}
	m := new(dns.Msg).SetQuestion("app.cloud.example.com.", dns.TypeA)
	wire, err := m.Pack()
	require.NoError(t, err)
	var got []byte
	s.ServeSlow(t.Context(), wire, netip.MustParseAddrPort("127.0.0.1:5353"), false, func(b []byte) error { got = b; return nil })
	in := new(dns.Msg)
	require.NoError(t, in.Unpack(got))
	assert.Equal(t, dns.RcodeServerFailure, in.Rcode, "one more than may be in flight is refused at once")
}
