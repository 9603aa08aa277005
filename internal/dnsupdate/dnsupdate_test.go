// SPDX-License-Identifier: Apache-2.0

package dnsupdate_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/dnsupdate"
)

// zone is a zone of a few records, the obvious way.
type zone []dns.RR

func (z zone) Holds(name string) bool { return dns.IsSubDomain("example.com.", name) }

func (z zone) InUse(name string) bool {
	for _, rr := range z {
		if dns.CanonicalName(rr.Header().Name) == name {
			return true
		}
	}
	return false
}

func (z zone) RRset(name string, t uint16) (set []dns.RR) {
	for _, rr := range z {
		if dns.CanonicalName(rr.Header().Name) == name && rr.Header().Rrtype == t {
			set = append(set, rr)
		}
	}
	return set
}

func rr(t *testing.T, s string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(s)
	require.NoError(t, err)
	return r
}

func empty(name string, typ, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: typ, Class: class}}
}

func held(t *testing.T) zone {
	return zone{
		rr(t, "example.com. 30 IN SOA ns.example.com. h.example.com. 1 1 1 1 30"),
		rr(t, "www.example.com. 300 IN A 192.0.2.80"),
		rr(t, `a.b.example.com. 300 IN TXT "one" "two"`),
		rr(t, "odd.example.com. 300 IN TYPE65400 \\# 2 abcd"),
		rr(t, "cloud.example.com. 300 IN NS ns1.example.net."),
		rr(t, "cloud.example.com. 300 IN NS ns2.example.net."),
	}
}

func TestRFC2136_Prerequisites(t *testing.T) {
	for _, c := range []struct {
		why   string
		pre   []dns.RR
		rcode int
	}{
		{"none at all", nil, dns.RcodeSuccess},
		{"§2.4.4: the name is in use", []dns.RR{empty("WWW.example.com.", dns.TypeANY, dns.ClassANY)}, dns.RcodeSuccess},
		{"§2.4.4: it is not", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassANY)}, dns.RcodeNameError},
		{"§2.4.4: an empty non-terminal is not in use", []dns.RR{empty("b.example.com.", dns.TypeANY, dns.ClassANY)}, dns.RcodeNameError},
		{"§2.4.5: the name is free", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassNONE)}, dns.RcodeSuccess},
		{"§2.4.5: it is not", []dns.RR{empty("www.example.com.", dns.TypeANY, dns.ClassNONE)}, dns.RcodeYXDomain},
		{"§2.4.1: the set exists", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassANY)}, dns.RcodeSuccess},
		{"§2.4.1: it does not", []dns.RR{empty("www.example.com.", dns.TypeTXT, dns.ClassANY)}, dns.RcodeNXRrset},
		{"§2.4.3: there is no set", []dns.RR{empty("www.example.com.", dns.TypeTXT, dns.ClassNONE)}, dns.RcodeSuccess},
		{"§2.4.3: there is one", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassNONE)}, dns.RcodeYXRrset},
		{"§2.4.2: the set equals, in any order and letter case", []dns.RR{rr(t, "cloud.example.com. 0 IN NS NS2.example.net."), rr(t, "Cloud.example.com. 0 IN NS ns1.example.net.")}, dns.RcodeSuccess},
		{"§2.4.2: said twice", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.80"), rr(t, "www.example.com. 0 IN A 192.0.2.80")}, dns.RcodeSuccess},
		{"§2.4.2: one is missing", []dns.RR{rr(t, "cloud.example.com. 0 IN NS ns1.example.net.")}, dns.RcodeNXRrset},
		{"§2.4.2: one is more", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.80"), rr(t, "www.example.com. 0 IN A 192.0.2.81")}, dns.RcodeNXRrset},
		{"§2.4.2: other strings", []dns.RR{rr(t, `a.b.example.com. 0 IN TXT "onetwo"`)}, dns.RcodeNXRrset},
		{"§2.4.2: a type without a name", []dns.RR{rr(t, "odd.example.com. 0 IN TYPE65400 \\# 2 ABCD")}, dns.RcodeSuccess},
		{"§2.4.2: two sets, the second differs", []dns.RR{rr(t, "www.example.com. 0 IN A 192.0.2.80"), rr(t, `a.b.example.com. 0 IN TXT "x"`)}, dns.RcodeNXRrset},
		{"§3.2: the first that fails decides", []dns.RR{empty("no.example.com.", dns.TypeANY, dns.ClassANY), empty("www.example.com.", dns.TypeA, dns.ClassNONE)}, dns.RcodeNameError},
		{"§3.2.1: a TTL", []dns.RR{rr(t, "www.example.com. 5 IN A 192.0.2.80")}, dns.RcodeFormatError},
		{"§3.2.2: outside the zone", []dns.RR{empty("www.example.org.", dns.TypeANY, dns.ClassANY)}, dns.RcodeNotZone},
		{"§3.2.4: bad class", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassCHAOS)}, dns.RcodeFormatError},
		{"§3.2.4: data where none may be", []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "www.example.com.", Rrtype: dns.TypeA, Class: dns.ClassANY, Rdlength: 4}}}, dns.RcodeFormatError},
		{"a meta type", []dns.RR{empty("www.example.com.", dns.TypeAXFR, dns.ClassANY)}, dns.RcodeFormatError},
		{"no data in class IN", []dns.RR{empty("www.example.com.", dns.TypeA, dns.ClassINET)}, dns.RcodeFormatError},
	} {
		t.Run(c.why, func(t *testing.T) {
			assert.Equal(t, dns.RcodeToString[c.rcode], dns.RcodeToString[dnsupdate.Prerequisites(held(t), wire(t, c.pre))])
		})
	}
}

// wire gives records as they come from the wire, where RDLENGTH is set.
func wire(t *testing.T, in []dns.RR) (out []dns.RR) {
	for _, r := range in {
		if r.Header().Rdlength == 0 {
			buf := make([]byte, 512)
			n, err := dns.PackRR(r, buf, 0, nil, false)
			require.NoError(t, err)
			if r, _, err = dns.UnpackRR(buf[:n], 0); err != nil {
				require.NoError(t, err)
			}
		}
		out = append(out, r)
	}
	return out
}

func TestRFC2136_Prescan(t *testing.T) {
	none := func(s string) dns.RR {
		r := rr(t, s)
		r.Header().Class = dns.ClassNONE
		return r
	}
	for _, c := range []struct {
		why    string
		change dns.RR
		rcode  int
	}{
		{"add", rr(t, `x.example.com. 60 IN TXT "x"`), dns.RcodeSuccess},
		{"add, with no TTL", rr(t, `x.example.com. 0 IN TXT "x"`), dns.RcodeSuccess},
		{"delete a set", empty("x.example.com.", dns.TypeTXT, dns.ClassANY), dns.RcodeSuccess},
		{"delete a name", empty("x.example.com.", dns.TypeANY, dns.ClassANY), dns.RcodeSuccess},
		{"delete a record", none(`x.example.com. 0 IN TXT "x"`), dns.RcodeSuccess},
		{"outside", rr(t, `x.example.org. 60 IN TXT "x"`), dns.RcodeNotZone},
		{"add nothing", empty("x.example.com.", dns.TypeTXT, dns.ClassINET), dns.RcodeFormatError},
		{"add a meta type", empty("x.example.com.", dns.TypeANY, dns.ClassINET), dns.RcodeFormatError},
		{"delete with a TTL", none(`x.example.com. 5 IN TXT "x"`), dns.RcodeFormatError},
		{"delete no record", empty("x.example.com.", dns.TypeTXT, dns.ClassNONE), dns.RcodeFormatError},
		{"delete a meta type", empty("x.example.com.", dns.TypeAXFR, dns.ClassANY), dns.RcodeFormatError},
		{"class CH", rr(t, `x.example.com. 0 CH TXT "x"`), dns.RcodeFormatError},
	} {
		t.Run(c.why, func(t *testing.T) {
			assert.Equal(t, dns.RcodeToString[c.rcode], dns.RcodeToString[dnsupdate.Scan(held(t), wire(t, []dns.RR{c.change}))])
		})
	}
}
