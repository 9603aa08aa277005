// SPDX-License-Identifier: Apache-2.0

package rdata_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
)

const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// good is data of every kind of type, and its canonical text.
var good = []struct{ rrtype, data, want string }{
	{"A", "192.0.2.1", "192.0.2.1"},
	{"A", `\# 4 C0 00 02 01`, "192.0.2.1"},
	{"AAAA", "2001:DB8:0:0::1", "2001:db8::1"},
	{"AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	{"CNAME", "WWW.Example.com", "www.example.com."},
	{"CNAME", "www.example.com.", "www.example.com."},
	{"CNAME", `a\.b.\065bc.example`, `a\.b.abc.example.`},
	{"NS", "ns1.example.com", "ns1.example.com."},
	{"PTR", "www.example.com", "www.example.com."},
	{"MX", "10  Mail.example.com", "10 mail.example.com."},
	{"MX", "0 .", "0 ."},
	{"TXT", "v=spf1 -all", `"v=spf1 -all"`},
	{"TXT", `"v=spf1 -all"`, `"v=spf1 -all"`},
	{"TXT", `"one" "two"`, `"one" "two"`},
	{"TXT", `""`, `""`},
	{"TXT", "v=DKIM1; p=abc; (x)", `"v=DKIM1; p=abc; (x)"`},
	{"TXT", `"a;b"`, `"a;b"`},
	{"TXT", `a\"b\065\000`, `"a\"bA\000"`},
	{"TXT", `Grüße`, `"Gr\195\188\195\159e"`},
	{"TXT", strings.Repeat("x", 300), `"` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`},
	{"TXT", strings.Repeat(`\065`, 256), `"` + strings.Repeat("A", 255) + `" "A"`},
	{"TXT", "@", `"@"`},
	{"SRV", "0 5 443 App.example.com", "0 5 443 app.example.com."},
	{"CAA", "0 issue letsencrypt.org", `0 issue "letsencrypt.org"`},
	{"CAA", `128 iodef "mailto:a@example.com"`, `128 iodef "mailto:a@example.com"`},
	{"HTTPS", "1 . alpn=h2,h3", `1 . alpn="h2,h3"`},
	{"HTTPS", "0 Other.example.com", "0 other.example.com."},
	{"SVCB", "1 svc.example.com ipv4hint=192.0.2.1 port=8443", `1 svc.example.com. port="8443" ipv4hint="192.0.2.1"`},
	{"SVCB", "1 svc.example.com key65333=x", `1 svc.example.com. key65333="x"`},
	{"NAPTR", `10 20 "S" "SIP+D2U" "" _sip._udp.Example.com`, `10 20 "S" "SIP+D2U" "" _sip._udp.example.com.`},
	{"SSHFP", "4 2 " + digest, "4 2 " + strings.ToUpper(digest)},
	{"TLSA", "3 1 1 " + digest, "3 1 1 " + digest},
	{"DS", "12345 13 2 " + digest, "12345 13 2 " + strings.ToUpper(digest)},
	{"URI", `10 1 "https://www.example.com/"`, `10 1 "https://www.example.com/"`},
	{"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m", "52 22 23.000 N 04 53 32.000 E -2m 1m 10000m 10m"},
	{"HINFO", `"PC" "Linux"`, `"PC" "Linux"`},
	{"RP", "Admin.example.com about.example.com", "admin.example.com. about.example.com."},
	{"TYPE65400", `\# 3 ABCDEF`, `\# 3 abcdef`},
	{"TYPE65400", `\# 0`, `\# 0`},
	{"TYPE1", "192.0.2.1", "192.0.2.1"},
	{"NULL", `\# 2 0102`, `\# 2 0102`},
	{"APL", "1:192.0.2.0/24", "1:192.0.2.0/24"},
	{"IPSECKEY", "10 3 2 Gw.example.com AQID", "10 3 2 gw.example.com. AQID"},
}

func TestCanonical(t *testing.T) {
	for _, c := range good {
		rrtype, err := rdata.ParseType(c.rrtype)
		require.NoError(t, err)
		got, err := rdata.Canonical(rrtype, c.data)
		if assert.NoErrorf(t, err, "%s %s", c.rrtype, c.data) {
			assert.Equal(t, c.want, got, "%s %s", c.rrtype, c.data)
			agrees(t, rrtype, c.data, got)
		}
	}
}

// agrees holds what is true of all good data: the canonical text stays as it is,
// says the same octets, and the octets say the text.
func agrees(t *testing.T, rrtype uint16, data, canonical string) {
	t.Helper()
	again, err := rdata.Canonical(rrtype, canonical)
	require.NoError(t, err, canonical)
	require.Equal(t, canonical, again)
	one, err := rdata.Pack(rrtype, data)
	require.NoError(t, err)
	two, err := rdata.Pack(rrtype, canonical)
	require.NoError(t, err)
	require.Equal(t, one, two)
	back, err := rdata.Unpack(rrtype, one.Wire)
	require.NoError(t, err)
	require.Equal(t, canonical, back)
	if name := one.Name(); name != nil {
		text, _, err := dns.UnpackDomainName(name, 0)
		require.NoError(t, err)
		require.Contains(t, canonical, text)
	}
}

func TestBadDataIsToldWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ rrtype, data, want string }{
		{"A", "300.1.1.1", `"300.1.1.1" is not data of type A: write an IPv4 address, like 192.0.2.1`},
		{"A", "2001:db8::1", "write an IPv4 address"},
		{"A", "192.0.2.1 192.0.2.2", "write an IPv4 address"},
		{"A", "", "write an IPv4 address"},
		{"A", `\# 0`, "write an IPv4 address"},
		{"A", `\# 5 C000020101`, "write an IPv4 address"},
		{"AAAA", "192.0.2.1", "write an IPv6 address, like 2001:db8::1"},
		{"CNAME", "192.0.2.1", "an address stands where a name belongs"},
		{"CNAME", "a b", "write one name in full"},
		{"CNAME", "@", "there is no @; write the name in full"},
		{"CNAME", "a..b", "write one name in full"},
		{"CNAME", strings.Repeat("a", 64) + ".example", "write one name in full"},
		{"CNAME", `\# 2 c000`, "write one name in full"},
		{"MX", `\# 2 000a`, "it ends early"},
		{"HTTPS", `\# 2 0001`, "it ends early"},
		{"L32", `\# 2 0001`, "it ends early"},
		{"NAPTR", `\# 4 00010001`, "it ends early"},
		{"MINFO", `\# 5 0161 00 c000`, "compressed"},
		{"MX", "mail.example.com", "write preference and name, like 10 mail.example.com"},
		{"MX", "10 192.0.2.1", "an address stands where a name belongs"},
		{"SRV", "0 5 99999 a.example", "write priority, weight, port and name"},
		{"TXT", "", "there is none"},
		{"TXT", `"open`, "a quote is not closed"},
		{"TXT", `"a" ; b`, "a semicolon begins a comment"},
		{"TXT", "\"a\"\nb", "it has more than one line"},
		{"TXT", `a\`, "ends with a backslash"},
		{"CAA", `0 "" x`, "write flags, tag and value"},
		{"CAA", `\# 3 000078`, "the tag is empty"},
		{"CAA", "0 is-sue x", "the tag"},
		{"HTTPS", "1 . mandatory=alpn", "mandatory names"},
		{"HTTPS", "1 . no-default-alpn", "no-default-alpn needs alpn"},
		{"DS", "12345 13 2 abcd", "the digest has 2 octets instead of 32"},
		{"SSHFP", "4 1 " + digest, "the digest has 32 octets instead of 20"},
		{"TLSA", "3 1 1 abcd", "the digest has 2 octets instead of 32"},
		{"TYPE65400", "abc", `write it as in a zone file, or as \# LENGTH HEX`},
		{"TYPE65400", `\# 2 abcdef`, "there are 3 octets, not 2"},
		{"TYPE65400", `\# x`, "is not a number of octets"},
		{"TYPE65400", `\#`, "comes the number of octets"},
		{"TYPE65400", `\# 1 zz`, "not hexadecimal"},
		{"SOA", "a b 1 2 3 4 5", "a record of type SOA cannot be served: every zone has the one"},
		{"DNAME", "a.example", "write a wildcard CNAME"},
		{"RRSIG", "x", "it belongs to the signing of a zone"},
		{"NSEC3", "x", "it belongs to the signing of a zone"},
		{"ANY", "x", "it is a type of messages"},
		{"TYPE128", `\# 0`, "it is a type of messages"},
		{"TYPE0", `\# 0`, "it is a type of messages"},
		{"OPT", `\# 0`, "it is a type of messages"},
	} {
		rrtype, err := rdata.ParseType(c.rrtype)
		require.NoError(t, err)
		got, err := rdata.Canonical(rrtype, c.data)
		assert.ErrorContainsf(t, err, c.want, "%s %s gives %s", c.rrtype, c.data, got)
		_, err = rdata.Pack(rrtype, c.data)
		assert.Error(t, err)
	}
}

func TestTypes(t *testing.T) {
	for in, want := range map[string]uint16{
		"A": 1, "a": 1, "aaaa": 28, "https": 65, "TYPE1": 1, "type65400": 65400, "TYPE065": 65, "ANY": 255, "SPF": 99,
	} {
		got, err := rdata.ParseType(in)
		assert.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "AAA", "TYPE", "TYPE65536", "TYPE-1", "TYPE+1", "TYPE1_0", "None", "Reserved"} {
		_, err := rdata.ParseType(in)
		assert.ErrorContains(t, err, "is not a record type", in)
	}
	assert.Equal(t, "HTTPS", rdata.TypeName(65))
	assert.Equal(t, "TYPE65400", rdata.TypeName(65400))
	assert.Equal(t, "TYPE0", rdata.TypeName(0))
	for n := range 1 << 16 {
		got, err := rdata.ParseType(rdata.TypeName(uint16(n)))
		require.NoError(t, err)
		require.Equal(t, uint16(n), got)
	}
}

func TestWhereNamesAre(t *testing.T) {
	for _, c := range []struct {
		rrtype, data, name string
		compress           bool
	}{
		{"CNAME", "A.example", "a.example.", true},
		{"NS", "a.example", "a.example.", true},
		{"MX", "10 a.example", "a.example.", true},
		{"SRV", "0 5 443 a.example", "a.example.", false},
		{"HTTPS", "1 a.example alpn=h2", "a.example.", false},
		{"SVCB", "1 . alpn=h2", ".", false},
		{"TXT", "a.example", "", false},
	} {
		rrtype, err := rdata.ParseType(c.rrtype)
		require.NoError(t, err)
		d, err := rdata.Pack(rrtype, c.data)
		require.NoError(t, err)
		assert.Equal(t, c.compress, d.Compress, c.rrtype)
		if c.name == "" {
			assert.Nil(t, d.Name())
			continue
		}
		got, end, err := dns.UnpackDomainName(d.Name(), 0)
		require.NoError(t, err)
		assert.Equal(t, len(d.Name()), end)
		assert.Equal(t, c.name, got)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, c := range good {
		rrtype, _ := rdata.ParseType(c.rrtype)
		f.Add(rrtype, c.data)
		if d, err := rdata.Pack(rrtype, c.data); err == nil {
			f.Add(rrtype, `\# `+hex.EncodeToString(d.Wire))
		}
	}
	f.Fuzz(func(t *testing.T, rrtype uint16, data string) {
		canonical, err := rdata.Canonical(rrtype, data)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotContains(t, canonical, "\n")
		agrees(t, rrtype, data, canonical)
	})
}

// Octets of data of any type: what is read of them says the same octets, names
// in lower case aside.
func FuzzUnpack(f *testing.F) {
	for _, c := range good {
		rrtype, _ := rdata.ParseType(c.rrtype)
		if d, err := rdata.Pack(rrtype, c.data); err == nil {
			f.Add(rrtype, d.Wire)
		}
	}
	f.Fuzz(func(t *testing.T, rrtype uint16, wire []byte) {
		if len(wire) > 65535 {
			return
		}
		canonical, err := rdata.Unpack(rrtype, wire)
		if err != nil {
			return
		}
		d, err := rdata.Pack(rrtype, canonical)
		require.NoError(t, err)
		require.Len(t, d.Wire, len(wire))
		agrees(t, rrtype, canonical, canonical)
	})
}
