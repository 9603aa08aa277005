// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
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
