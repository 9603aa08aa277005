// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/edge/server"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// FuzzMessage throws bytes at the server, as they are and signed by its key.
func FuzzMessage(f *testing.F) {
	seed := func(m *dns.Msg) {
		wire, err := m.Pack()
		require.NoError(f, err)
		f.Add(wire)
	}
	q := new(dns.Msg).SetQuestion("app.cloud.example.com.", dns.TypeA)
	q.RecursionDesired = false
	seed(q)
	m := newUpdate()
	m.Insert([]dns.RR{rr(f, "www.example.com. 60 IN A 192.0.2.1"), rr(f, "www.example.com. 60 IN CNAME x.example.com.")})
	seed(m)
	m = newUpdate()
	m.RemoveName([]dns.RR{rr(f, "example.com. 0 IN A 192.0.2.1")})
	m.Used([]dns.RR{rr(f, "www.example.com. 0 IN A 192.0.2.80")})
	seed(m)
	m = newUpdate()
	m.Insert([]dns.RR{rr(f, "example.com. 60 IN SOA a. b. 4000000000 1 1 1 1"), rr(f, "x.example.com. 60 IN TXT \"a\" \"b\"")})
	m.Remove([]dns.RR{rr(f, "example.com. 0 IN NS ns.example.com.")})
	seed(m)
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := server.New(server.Config{Zone: "example.com", Keys: tsigkey.NewKeyring(edgetest.Key())})
		require.NoError(t, err)
		m := newUpdate()
		m.Insert([]dns.RR{rr(t, "www.example.com. 300 IN A 192.0.2.80"), rr(t, "alias.example.com. 300 IN CNAME www.example.com."),
			rr(t, "cloud.example.com. 300 IN NS gslb-ns-eu-cloud.example.com.")})
		deliver(t, s, sign(t, m))
		before := soaOf(t, s.Records()[0]).Serial
		if len(raw) > 2 {
			raw[2] &^= 1 // RD would make it follow the delegation
		}
		deliver(t, s, raw)
		m = new(dns.Msg)
		if m.Unpack(raw) != nil || m.IsTsig() != nil {
			return
		}
		deliver(t, s, sign(t, m))
		zone := s.Records()
		after := soaOf(t, zone[0]).Serial
		assert.GreaterOrEqual(t, int32(after-before), int32(0), "the serial never falls")
		apexNS, types := 0, map[string]map[uint16]int{}
		for _, line := range zone {
			rec, err := dns.NewRR(line)
			if err != nil {
				continue // what has no presentation format of its own
			}
			name := dns.CanonicalName(rec.Header().Name)
			if types[name] == nil {
				types[name] = map[uint16]int{}
			}
			types[name][rec.Header().Rrtype]++
			if name == "example.com." && rec.Header().Rrtype == dns.TypeNS {
				apexNS++
			}
		}
		assert.Positive(t, apexNS, "the zone keeps a name server")
		for name, have := range types {
			if have[dns.TypeCNAME] > 0 {
				assert.Len(t, have, 1, "%s has a CNAME beside other data", name)
			}
		}
	})
}

func soaOf(t testing.TB, line string) *dns.SOA {
	t.Helper()
	soa, ok := rr(t, line).(*dns.SOA)
	require.True(t, ok, line)
	return soa
}

// deliver hands a message to the server and checks what any answer must be.
func deliver(t testing.TB, s *server.Server, raw []byte) {
	t.Helper()
	var replies [][]byte
	known := s.ServeSlow(t.Context(), append([]byte(nil), raw...), netip.MustParseAddrPort("127.0.0.1:5353"), true,
		func(b []byte) error { replies = append(replies, b); return nil })
	assert.True(t, known)
	for _, b := range replies {
		in := new(dns.Msg)
		require.NoError(t, in.Unpack(b))
		assert.True(t, in.Response)
		assert.Equal(t, raw[:2], b[:2], "ID")
	}
}
