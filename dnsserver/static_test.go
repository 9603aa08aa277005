// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// staticZone holds static records beside a few hosts.
const (
	staticZone = "example.test"
	staticSOA  = "example.test. 30 IN SOA gslb-ns-eu-example.test. hostmaster.example.test. %SERIAL% 300 60 604800 30"
	staticNS   = "example.test. 300 IN NS gslb-ns-eu-example.test."
)

func staticHosts() []dnstest.Host {
	return []dnstest.Host{
		{Name: "host.example.test", Addrs: []string{"192.0.2.7", "2001:db8::7"}},
		{Name: "*.hosts.example.test", Addrs: []string{"192.0.2.8"}},
		{Name: "empty.example.test"},
	}
}

func staticRecords(t testing.TB) []gslb.Record {
	t.Helper()
	var file strings.Builder
	file.WriteString(`
		@ 300 MX 10 mail.example.test
		@ 300 TXT "v=spf1 -all"
		@ 300 CAA 0 issue "ca.example"
		www 60 A 192.0.2.1
		www 60 A 192.0.2.2
		www 60 AAAA 2001:db8::1
		mail 60 A 192.0.2.25
		UPPER 60 A 192.0.2.3
		a.b.ent 60 A 192.0.2.4
		*.wild 60 A 192.0.2.5
		*.wild 60 TXT "any"
		x.wild 60 AAAA 2001:db8::5
		del.wild 60 NS ns.example.org
		host 60 TXT "beside a host"
		*.hosts 60 MX 10 mail.example.test
		x.hosts 60 TXT "no host"
		type65400 60 TYPE65400 \# 12 0777777707657861 6D706C65
		srv 60 SRV 0 5 443 www.example.test
		srv 60 SRV 1 5 443 host.example.test
		srv 60 SRV 2 5 443 host.example.test
		srv 60 SRV 3 5 443 www.example.org
		svc 60 HTTPS 1 . alpn=h2
		svc 60 A 192.0.2.6
		alt 60 HTTPS 0 www.example.test

		one 60 CNAME two.example.test
		two 60 CNAME three.example.test
		three 60 CNAME www.example.test
		tohost 60 CNAME host.example.test
		toapex 60 CNAME example.test
		toother 60 CNAME app.cloud.example.com
		tomail 60 CNAME srv.example.test
		tonothing 60 CNAME absent.example.test
		tonothingelse 60 CNAME absent.cloud.example.com
		tonodata 60 CNAME ent.example.test
		tooutside 60 CNAME www.example.org
		tocut 60 CNAME www.sub.example.test
		loop1 60 CNAME loop2.example.test
		loop2 60 CNAME loop1.example.test
		self 60 CNAME self.example.test
		*.wc 60 CNAME www.example.test
		*.wloop 60 CNAME x.wloop.example.test
		*.whost 60 CNAME q.hosts.example.test

		sub 60 NS ns1.sub.example.test
		sub 60 NS ns2.sub.example.test
		sub 60 NS www.example.test
		sub 60 NS ns.example.org
		sub 60 DS 12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
		ns1.sub 60 A 192.0.2.61
		ns1.sub 60 AAAA 2001:db8::61
		ns2.sub 60 A 192.0.2.62
		self-ns 60 NS self-ns.example.test
		self-ns 60 A 192.0.2.63
		plain.del 60 NS ns.example.org
	`)
	for i := range 20 {
		fmt.Fprintf(&file, "k%d 60 CNAME k%d.example.test\n", i, i+1)
	}
	for i := range 60 {
		fmt.Fprintf(&file, "many 60 A 192.0.2.%d\n", i+1)
		fmt.Fprintf(&file, "far 60 A 192.0.2.%d\n", i+1)
	}
	for i := range 10 {
		fmt.Fprintf(&file, "big 60 TXT \"%d%s\"\n", i, strings.Repeat("x", 230))
		fmt.Fprintf(&file, "bigsub 60 NS ns%d.bigsub.example.test\n", i)
		for j := range 4 {
			fmt.Fprintf(&file, "ns%d.bigsub 60 AAAA 2001:db8::%d:%d\n", i, i, j)
		}
	}
	file.WriteString("tofar 60 MX 10 far.example.test\ntofar 60 MX 20 mail.example.test\n")
	return dnstest.Records(t, staticZone, file.String())
}

// below gives lines of example.test: owners without a dot are relative to it.
func below(lines ...string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		owner, rest, _ := strings.Cut(line, " ")
		if !strings.HasSuffix(owner, ".") {
			owner += "." + staticZone + "."
		}
		out[i] = owner + " 60 IN " + rest
	}
	return out
}

var (
	staticNoData   = want{aa: true, authority: []string{staticSOA}}
	staticNXDomain = want{aa: true, rcode: dns.RcodeNameError, authority: []string{staticSOA}}
)

// staticData is an answer of lines.
func staticData(lines ...string) want { return want{aa: true, answer: below(lines...)} }

// extra adds lines of the additional section.
func (w want) with(lines ...string) want {
	w.extra = below(lines...)
	return w
}

// ended adds the SOA at the end of a chain.
func (w want) ended(rcode int, soa string) want {
	w.rcode, w.authority = rcode, []string{soa}
	return w
}

// at is a question in example.test.
func at(t testing.TB, name string, qtype uint16) packet {
	t.Helper()
	if name == "" {
		return ask(t, staticZone+".", qtype)
	}
	return ask(t, name+"."+staticZone+".", qtype)
}

// staticRows are about static records at names, beside hosts, and below
// wildcards.
func staticRows(t *testing.T) []row {
	t.Helper()
	spf := want{aa: true, answer: []string{`example.test. 300 IN TXT "v=spf1 -all"`}}
	mx := want{aa: true, answer: []string{"example.test. 300 IN MX 10 mail.example.test."}}
	return []row{
		{32, "unknown type", at(t, "type65400", 65400), "", staticData(`type65400 TYPE65400 \# 12 07777777076578616d706c65`)},
		{42, "mixed case", at(t, "wWw", dns.TypeAAAA), "", staticData("wWw AAAA 2001:db8::1")},
		{43, "written with capitals", at(t, "upper", dns.TypeA), "", staticData("upper A 192.0.2.3")},
		{45, "absent type", at(t, "www", dns.TypeTXT), "", staticNoData},
		{45, "absent type at the apex", at(t, "", dns.TypeA), "", staticNoData},
		{46, "absent name", at(t, "absent", dns.TypeA), "", staticNXDomain},
		{47, "empty non-terminal", at(t, "ent", dns.TypeA), "", staticNoData},
		{47, "empty non-terminal, one level", at(t, "b.ent", dns.TypeTXT), "", staticNoData},
		{48, "child of a leaf", at(t, "x.www", dns.TypeA), "", staticNXDomain},
		{50, "wildcard", at(t, "q.wild", dns.TypeA), "", staticData("q.wild A 192.0.2.5")},
		{50, "wildcard, two labels deep", at(t, "r.q.wild", dns.TypeTXT), "", staticData(`r.q.wild TXT "any"`)},
		{50, "static records at a wildcard host", at(t, "q.hosts", dns.TypeMX), "", staticData("q.hosts MX 10 mail.example.test.").with("mail A 192.0.2.25")},
		{51, "wildcard, absent type", at(t, "q.wild", dns.TypeAAAA), "", staticNoData},
		{52, "sibling of a wildcard, other type", at(t, "x.wild", dns.TypeA), "", staticNoData},
		{52, "static sibling of a wildcard host", at(t, "x.hosts", dns.TypeA), "", staticNoData},
		{53, "child of that sibling", at(t, "s.x.wild", dns.TypeA), "", staticNXDomain},
		{53, "child of a static sibling of a wildcard host", at(t, "s.x.hosts", dns.TypeA), "", staticNXDomain},
		{55, "the wildcard itself", at(t, "*.wild", dns.TypeA), "", staticData("*.wild A 192.0.2.5")},
		{69, "records at the apex", at(t, "", dns.TypeTXT), "", spf},
		{69, "CNAME of the apex", at(t, "", dns.TypeCNAME), "", staticNoData},
		{71, "NS of the apex", at(t, "", dns.TypeNS), "", want{aa: true, answer: []string{staticNS}}},
		{71, "MX of the apex, address added", at(t, "", dns.TypeMX), "", mx.with("mail A 192.0.2.25")},
		{71, "another type beside a host", at(t, "host", dns.TypeTXT), "", staticData(`host TXT "beside a host"`)},
		{71, "SRV, addresses of a name and of a host, each once", at(t, "srv", dns.TypeSRV), "", staticData(
			"srv SRV 0 5 443 www.example.test.", "srv SRV 1 5 443 host.example.test.", "srv SRV 2 5 443 host.example.test.", "srv SRV 3 5 443 www.example.org.",
		).with("www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1").host("host A 192.0.2.7", "host AAAA 2001:db8::7")},
		{71, "HTTPS of the owner itself", at(t, "svc", dns.TypeHTTPS), "", staticData(`svc HTTPS 1 . alpn="h2"`).with("svc A 192.0.2.6")},
		{71, "HTTPS of another name", at(t, "alt", dns.TypeHTTPS), "", staticData("alt HTTPS 0 www.example.test.").with(
			"www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1")},
		{36, "ANY at static records: the smallest", at(t, "svc", dns.TypeANY), "", staticData("svc A 192.0.2.6")},
		{36, "ANY at a wildcard", at(t, "q.wild", dns.TypeANY), "", staticData("q.wild A 192.0.2.5")},
		{36, "ANY of ten long texts over UDP", at(t, "big", dns.TypeANY).opt(4096, 0), "udp", want{aa: true, tc: true}},
		{73, "60 addresses do not fit beside MX", at(t, "tofar", dns.TypeMX), "udp", staticData(
			"tofar MX 10 far.example.test.", "tofar MX 20 mail.example.test.").with("mail A 192.0.2.25")},
		{77, "a host with nothing to answer", at(t, "empty", dns.TypeA), "", staticNoData},
		{77, "its placeholder", at(t, "empty", answers.TypePlaceholder), "", want{aa: true, answer: []string{`empty.example.test. 30 IN TYPE65500 \# 0`}}},
		{77, "ANY of it", at(t, "empty", dns.TypeANY), "", want{aa: true, answer: []string{`empty.example.test. 30 IN TYPE65500 \# 0`}}},
		{78, "60 static addresses", at(t, "many", dns.TypeA), "udp", want{aa: true, tc: true}},
		{81, "2.4 kB of TXT, EDNS 65535", at(t, "big", dns.TypeTXT).opt(65535, 0), "udp", want{aa: true, tc: true}},
		{82, "over TCP", at(t, "big", dns.TypeTXT).opt(65535, 0), "tcp", want{aa: true, some: true}},
	}
}

// host adds lines of a balanced host, whose TTL is 30, to the additional section.
func (w want) host(lines ...string) want {
	for _, line := range below(lines...) {
		w.extra = append(w.extra, strings.Replace(line, " 60 ", " 30 ", 1))
	}
	return w
}

// aliasRows are about CNAMEs.
func aliasRows(t *testing.T) []row {
	t.Helper()
	var long []string
	for i := range 16 {
		long = append(long, fmt.Sprintf("k%d CNAME k%d.example.test.", i, i+1))
	}
	www := []string{"www A 192.0.2.1", "www A 192.0.2.2"}
	host := func(w want) want {
		w.answer = append(w.answer, "host.example.test. 30 IN A 192.0.2.7")
		return w
	}
	other := want{aa: true, answer: append(below("toother CNAME app.cloud.example.com."), "app.cloud.example.com. 30 IN A 192.0.2.1")}
	apex := want{aa: true, answer: append(below("toapex CNAME example.test."), staticNS)}
	cut := staticData("tocut CNAME www.sub.example.test.")
	cut.authority, cut.extra = subNS(), subGlue()
	whost := want{aa: true, answer: append(below("z.whost CNAME q.hosts.example.test."), "q.hosts.example.test. 30 IN A 192.0.2.8")}
	return []row{
		{61, "inside the zone", at(t, "three", dns.TypeA), "", staticData(append(www, "three CNAME www.example.test.")...)},
		{61, "to a host", at(t, "tohost", dns.TypeA), "", host(staticData("tohost CNAME host.example.test."))},
		{61, "to a host in another zone of ours", at(t, "toother", dns.TypeA), "", other},
		{61, "to the apex", at(t, "toapex", dns.TypeNS), "", apex},
		{61, "mixed case", at(t, "ThrEE", dns.TypeAAAA), "", staticData("ThrEE CNAME www.example.test.", "www AAAA 2001:db8::1")},
		{61, "to records with addresses to add", at(t, "tomail", dns.TypeSRV), "", staticData("tomail CNAME srv.example.test.",
			"srv SRV 0 5 443 www.example.test.", "srv SRV 1 5 443 host.example.test.", "srv SRV 2 5 443 host.example.test.", "srv SRV 3 5 443 www.example.org.",
		).with("www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1").host("host A 192.0.2.7", "host AAAA 2001:db8::7")},
		{62, "QTYPE CNAME", at(t, "one", dns.TypeCNAME), "", staticData("one CNAME two.example.test.")},
		{62, "ANY at a CNAME", at(t, "one", dns.TypeANY), "", staticData("one CNAME two.example.test.")},
		{63, "to a name without the type", at(t, "three", dns.TypeMX), "", staticData("three CNAME www.example.test.").ended(0, staticSOA)},
		{63, "to an empty non-terminal", at(t, "tonodata", dns.TypeA), "", staticData("tonodata CNAME ent.example.test.").ended(0, staticSOA)},
		{64, "to an absent name", at(t, "tonothing", dns.TypeA), "", staticData("tonothing CNAME absent.example.test.").ended(dns.RcodeNameError, staticSOA)},
		{64, "to an absent name of another zone of ours", at(t, "tonothingelse", dns.TypeA), "",
			staticData("tonothingelse CNAME absent.cloud.example.com.").ended(dns.RcodeNameError, soa)},
		{65, "outside", at(t, "tooutside", dns.TypeA), "", staticData("tooutside CNAME www.example.org.")},
		{66, "chain of three", at(t, "one", dns.TypeA), "", staticData(append(www, "one CNAME two.example.test.", "two CNAME three.example.test.", "three CNAME www.example.test.")...)},
		{66, "chain of twenty", at(t, "k0", dns.TypeA), "", staticData(long...)},
		{67, "loop of two", at(t, "loop1", dns.TypeA), "", staticData("loop1 CNAME loop2.example.test.", "loop2 CNAME loop1.example.test.")},
		{67, "loop of one", at(t, "self", dns.TypeA), "", staticData("self CNAME self.example.test.")},
		{67, "wildcard loop", at(t, "q.wloop", dns.TypeA), "", staticData("q.wloop CNAME x.wloop.example.test.", "x.wloop CNAME x.wloop.example.test.")},
		{68, "wildcard", at(t, "q.wc", dns.TypeA), "", staticData(append(www, "q.wc CNAME www.example.test.")...)},
		{68, "wildcard to a wildcard host", at(t, "z.whost", dns.TypeA), "", whost},
		{70, "to a name below a delegation", at(t, "tocut", dns.TypeA), "", cut},
	}
}

// delegationRows are about delegations that we make.
func delegationRows(t *testing.T) []row {
	t.Helper()
	sub := want{authority: subNS(), extra: subGlue()}
	wild := want{authority: below("del.wild NS ns.example.org.")}
	ds := "sub DS 12345 13 2 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
	var bigNS, bigGlue []string
	for i := range 10 {
		bigNS = append(bigNS, fmt.Sprintf("bigsub NS ns%d.bigsub.example.test.", i))
		for j := range 4 {
			bigGlue = append(bigGlue, fmt.Sprintf("ns%d.bigsub AAAA 2001:db8::%d:%d", i, i, j))
		}
	}
	return []row{
		{39, "DS at a delegation", at(t, "sub", dns.TypeDS), "", staticData(ds)},
		{39, "no DS at a delegation", at(t, "plain.del", dns.TypeDS), "", staticNoData},
		{39, "DS below a delegation", at(t, "x.sub", dns.TypeDS), "", sub},
		{56, "delegation below a wildcard", at(t, "del.wild", dns.TypeA), "", wild},
		{56, "a name below it", at(t, "a.b.del.wild", dns.TypeTXT), "", wild},
		{70, "name below a cut", at(t, "www.sub", dns.TypeA), "", sub},
		{70, "the cut", at(t, "sub", dns.TypeA), "", sub},
		{70, "its NS", at(t, "sub", dns.TypeNS), "", sub},
		{70, "ANY", at(t, "sub", dns.TypeANY), "", sub},
		{70, "its SOA", at(t, "sub", dns.TypeSOA), "", sub},
		{70, "name of the glue", at(t, "ns1.sub", dns.TypeA), "", sub},
		{70, "below the name of the glue", at(t, "x.ns1.sub", dns.TypeA), "", sub},
		{70, "a delegation that serves itself", at(t, "self-ns", dns.TypeA), "",
			want{authority: below("self-ns NS self-ns.example.test.")}.with("self-ns A 192.0.2.63")},
		{70, "above a delegation", at(t, "del", dns.TypeA), "", staticNoData},
		{70, "without glue", at(t, "x.plain.del", dns.TypeA), "", want{authority: below("plain.del NS ns.example.org.")}},
		{70, "glue that does not fit", at(t, "x.bigsub", dns.TypeA).opt(1232, 0), "udp", want{tc: true}},
		{70, "over TCP it does", at(t, "x.bigsub", dns.TypeA), "tcp", want{authority: below(bigNS...)}.with(bigGlue...)},
	}
}

func subNS() []string {
	return below("sub NS ns1.sub.example.test.", "sub NS ns2.sub.example.test.", "sub NS www.example.test.", "sub NS ns.example.org.")
}

// subGlue is the glue, and the addresses of the name server that lies in our zone.
func subGlue() []string {
	return below("ns1.sub A 192.0.2.61", "ns1.sub AAAA 2001:db8::61", "ns2.sub A 192.0.2.62", "www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1")
}
