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

func rr(t testing.TB, s string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(s)
	require.NoError(t, err)
	return r
}

func newUpdate() *dns.Msg { return new(dns.Msg).SetUpdate("example.com.") }

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

func TestPrerequisites(t *testing.T) {
	empty := func(name string, typ, class uint16) dns.RR {
		return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: typ, Class: class}}
	}
	_, addr := edgetest.Serve(t, server.Config{State: stateFile(t, rich)})
	for _, c := range []struct {
		name  string
		pre   []dns.RR
		rcode string
	}{
		{"name in use", []dns.RR{empty("www.example.com.", dns.TypeANY, dns.ClassANY)}, "NOERROR"},
		{"name in use, it is not", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassANY)}, "NXDOMAIN"},
		{"name free", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassNONE)}, "NOERROR"},
		{"name free, it is not", []dns.RR{empty("www.example.com.", dns.TypeANY, dns.ClassNONE)}, "YXDOMAIN"},
		{"set exists", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassANY)}, "NOERROR"},
		{"set exists, it does not", []dns.RR{empty("www.example.com.", dns.TypeTXT, dns.ClassANY)}, "NXRRSET"},
		{"no set", []dns.RR{empty("www.example.com.", dns.TypeTXT, dns.ClassNONE)}, "NOERROR"},
		{"no set, there is one", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassNONE)}, "YXRRSET"},
		{"set equals", []dns.RR{rr(t, "cloud.example.com. 0 IN NS ns.example.net."),
			rr(t, "cloud.example.com. 0 IN NS GSLB-ns-eu-cloud.example.com."), rr(t, "cloud.example.com. 0 IN NS gslb-ns-us-cloud.example.com.")}, "NOERROR"},
		{"set equals, said twice", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.80"), rr(t, "www.example.com. 0 IN A 192.0.2.80")}, "NOERROR"},
		{"set equals, one is missing", []dns.RR{rr(t, "cloud.example.com. 0 IN NS ns.example.net.")}, "NXRRSET"},
		{"set equals, one is more", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.80"), rr(t, "www.example.com. 0 IN A 192.0.2.81")}, "NXRRSET"},
		{"set equals, other data", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.81")}, "NXRRSET"},
		{"TTL", []dns.RR{rr(t, "www.example.com. 5 IN A 192.0.2.80")}, "FORMERR"},
		{"outside the zone", []dns.RR{empty("www.example.org.", dns.TypeANY, dns.ClassANY)}, "NOTZONE"},
		{"bad class", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassCHAOS)}, "FORMERR"},
		{"meta type", []dns.RR{empty("www.example.com.", dns.TypeAXFR, dns.ClassANY)}, "FORMERR"},
		{"no data in class IN", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassINET)}, "FORMERR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newUpdate()
			m.Answer = c.pre
			assert.Equal(t, c.rcode, signedRcode(t, addr, edgetest.Key(), m))
		})
	}
}

func TestZoneSection(t *testing.T) {
	_, addr := edgetest.Serve(t, server.Config{})
	for want, change := range map[string]func(m *dns.Msg){
		"NOTAUTH":  func(m *dns.Msg) { m.Question[0].Name = "example.org." },
		"FORMERR":  func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA },
		"NOERROR":  func(m *dns.Msg) { m.Question[0].Name = "EXAMPLE.com." },
		"NOTAUTH ": func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
	} {
		m := newUpdate()
		change(m)
		assert.Equal(t, strings.TrimSpace(want), signedRcode(t, addr, edgetest.Key(), m))
	}
}

func TestUpdateSection(t *testing.T) {
	empty := func(name string, typ, class uint16) dns.RR {
		return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: typ, Class: class}}
	}
	none := func(s string) dns.RR {
		r := rr(t, s)
		r.Header().Class, r.Header().Ttl = dns.ClassNONE, 0
		return r
	}
	for _, c := range []struct {
		name   string
		change []dns.RR
		rcode  string
		gone   []string // lines of rich that are gone
		added  []string
	}{
		{"add", []dns.RR{rr(t, "new.example.com. 60 IN A 192.0.2.1")}, "NOERROR", nil, []string{"new.example.com.\t60\tIN\tA\t192.0.2.1"}},
		{"add what is there", []dns.RR{rr(t, "www.example.com. 300 IN A 192.0.2.80")}, "NOERROR", nil, nil},
		{"TTLs of a set are one", []dns.RR{rr(t, "www.example.com. 60 IN A 192.0.2.81")}, "NOERROR",
			[]string{"www.example.com.\t300\tIN\tA\t192.0.2.80"}, []string{"www.example.com.\t60\tIN\tA\t192.0.2.80", "www.example.com.\t60\tIN\tA\t192.0.2.81"}},
		{"delete a record", []dns.RR{none("cloud.example.com. 0 IN NS ns.EXAMPLE.net.")}, "NOERROR", []string{"cloud.example.com.\t300\tIN\tNS\tns.example.net."}, nil},
		{"delete a set", []dns.RR{empty("ns.example.com.", dns.TypeA, dns.ClassANY)}, "NOERROR", []string{"ns.example.com.\t300\tIN\tA\t192.0.2.53"}, nil},
		{"delete a name", []dns.RR{empty("ns.example.com.", dns.TypeANY, dns.ClassANY)}, "NOERROR",
			[]string{"ns.example.com.\t300\tIN\tA\t192.0.2.53", "ns.example.com.\t300\tIN\tAAAA\t2001:db8::53"}, nil},
		{"delete what is not there", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassANY), none("www.example.com. 0 IN A 192.0.2.1")}, "NOERROR", nil, nil},
		{"the apex keeps SOA and NS", []dns.RR{empty("example.com.", dns.TypeANY, dns.ClassANY), empty("example.com.", dns.TypeNS, dns.ClassANY),
			none("example.com. 0 IN NS ns.example.com.")}, "NOERROR", nil, nil},
		{"CNAME beside data is ignored", []dns.RR{rr(t, "www.example.com. 60 IN CNAME x.example.com.")}, "NOERROR", nil, nil},
		{"data beside CNAME is ignored", []dns.RR{rr(t, "alias.example.com. 60 IN A 192.0.2.1")}, "NOERROR", nil, nil},
		{"CNAME is replaced", []dns.RR{rr(t, "alias.example.com. 300 IN CNAME x.example.com.")}, "NOERROR",
			[]string{"alias.example.com.\t300\tIN\tCNAME\twww.example.com."}, []string{"alias.example.com.\t300\tIN\tCNAME\tx.example.com."}},
		{"an old SOA is ignored", []dns.RR{rr(t, "example.com. 60 IN SOA a. b. 6 1 1 1 1")}, "NOERROR", nil, nil},
		{"outside", []dns.RR{rr(t, "www.example.com. 60 IN A 192.0.2.81"), rr(t, "www.example.org. 60 IN A 192.0.2.1")}, "NOTZONE", nil, nil},
		{"bad class", []dns.RR{rr(t, "new.example.com. 60 CH A 192.0.2.1")}, "FORMERR", nil, nil},
		{"meta type", []dns.RR{empty("new.example.com.", dns.TypeAXFR, dns.ClassANY)}, "FORMERR", nil, nil},
		{"nothing to add", []dns.RR{empty("new.example.com.", dns.TypeA, dns.ClassINET)}, "FORMERR", nil, nil},
		{"nothing to delete", []dns.RR{empty("new.example.com.", dns.TypeA, dns.ClassNONE)}, "FORMERR", nil, nil},
		{"in order: delete, then add", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassANY), rr(t, "www.example.com. 300 IN A 192.0.2.82")}, "NOERROR",
			[]string{"www.example.com.\t300\tIN\tA\t192.0.2.80"}, []string{"www.example.com.\t300\tIN\tA\t192.0.2.82"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := stateFile(t, rich)
			s, addr := edgetest.Serve(t, server.Config{State: file})
			before := s.Records()
			m := newUpdate()
			m.Ns = c.change
			assert.Equal(t, c.rcode, signedRcode(t, addr, edgetest.Key(), m))
			after := s.Records()
			assert.ElementsMatch(t, c.added, minus(after[1:], before[1:]), "added")
			assert.ElementsMatch(t, c.gone, minus(before[1:], after[1:]), "gone")
			serial := "hostmaster.example.com. 7 "
			if len(c.added)+len(c.gone) > 0 {
				serial = "hostmaster.example.com. 8 "
			}
			assert.Contains(t, after[0], serial, "the serial moves with the content")
			again, err := server.New(server.Config{Zone: "example.com", Keys: tsigkey.NewKeyring(edgetest.Key()), State: file})
			require.NoError(t, err)
			assert.Equal(t, after, again.Records(), "a restart finds the same zone")
		})
	}
}

func minus(a, b []string) (out []string) {
	have := make(map[string]bool)
	for _, s := range b {
		have[s] = true
	}
	for _, s := range a {
		if !have[s] {
			out = append(out, s)
		}
	}
	return out
}

func TestANewSOAIsTaken(t *testing.T) {
	s, addr := edgetest.Serve(t, server.Config{State: stateFile(t, rich)})
	m := newUpdate()
	m.Insert([]dns.RR{rr(t, "example.com. 60 IN SOA ns.example.com. hostmaster.example.com. 100 1 1 1 1"), rr(t, "new.example.com. 60 IN A 192.0.2.1")})
	assert.Equal(t, "NOERROR", signedRcode(t, addr, edgetest.Key(), m))
	assert.Contains(t, s.Records()[0], " 100 1 1 1 1")
}

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

func TestTransfer(t *testing.T) {
	text := rich
	for i := range 3000 {
		text += fmt.Sprintf("host-with-a-long-name-%d A 192.0.2.1\n", i)
	}
	s, addr := edgetest.Serve(t, server.Config{State: stateFile(t, text)})
	key := edgetest.Key()
	for _, typ := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		m := new(dns.Msg)
		m.SetQuestion("example.com.", typ)
		if typ == dns.TypeIXFR {
			m.SetIxfr("example.com.", 1, "ns.example.com.", "hostmaster.example.com.")
		}
		assert.Equal(t, "REFUSED", dns.RcodeToString[dnstest.Exchange(t, addr, m, true).Rcode], "unsigned")

		tr := &dns.Transfer{TsigProvider: tsigkey.NewKeyring(key)}
		m = m.Copy()
		m.Id = dns.Id()
		m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
		ch, err := tr.In(m, addr.String())
		require.NoError(t, err)
		var got []string
		messages := 0
		for e := range ch {
			require.NoError(t, e.Error)
			messages++
			for _, rr := range e.RR {
				got = append(got, rr.String())
			}
		}
		want := append(s.Records(), s.Records()[0])
		assert.Greater(t, messages, 1, "it takes several messages")
		assert.Equal(t, want, got)
	}
	m := new(dns.Msg)
	m.SetQuestion("www.example.com.", dns.TypeAXFR)
	assert.Equal(t, "NOTAUTH", signedRcode(t, addr, key, m), "only the zone itself is transferred")
}

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
