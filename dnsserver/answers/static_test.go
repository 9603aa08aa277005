// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

// staticTable is a zone of static records.
func staticTable(t testing.TB, file string) *answers.Table {
	t.Helper()
	w := dnstest.NewWorlds(t, "example.test")
	return dnstest.Table(t, nil, w.Static("example.test", dnstest.Records(t, "example.test", file)...))
}

// RFC 3597 §4: names in data are compressed in the types of RFC 1035 only.
func TestRFC3597_NamesAreCompressedInOldTypesOnly(t *testing.T) {
	table := staticTable(t, `
		a 60 MX 10 target.example.test
		a 60 SRV 0 0 1 target.example.test
		a 60 HTTPS 1 target.example.test
		a 60 NAPTR 1 1 "" "" "" target.example.test
		c 60 CNAME target.example.test
		a 60 PTR target.example.test
	`)
	whole := len("\x06target\x07example\x04test\x00")
	short := len("\x06target") + 2
	for _, c := range []struct {
		name  string
		qtype uint16
		want  int
	}{
		{"a", dns.TypeMX, 2 + short}, {"c", dns.TypeCNAME, short}, {"a", dns.TypePTR, short},
		{"a", dns.TypeSRV, 6 + whole}, {"a", dns.TypeHTTPS, 2 + whole}, {"a", dns.TypeNAPTR, 7 + whole},
	} {
		m := message(t, table, dnstest.Query{Name: c.name + ".example.test", Type: c.qtype}, 0)
		require.Len(t, m.Answer, 1)
		assert.Equal(t, c.want, int(m.Answer[0].Header().Rdlength), dns.Type(c.qtype).String())
	}
}

// Chains of the longest names, and more names than a pointer can reach, still
// make a message that parses.
func TestLongChainsAndFarPointers(t *testing.T) {
	var file strings.Builder
	long := func(i int) string {
		return fmt.Sprintf("n%02d%s.%s.%s.%s", i, strings.Repeat("x", 59), strings.Repeat("y", 63), strings.Repeat("z", 63), strings.Repeat("w", 45))
	}
	for i := range 20 {
		fmt.Fprintf(&file, "%s 60 CNAME %s.example.test\n", long(i), long(i+1))
	}
	for i := range 400 {
		fmt.Fprintf(&file, "mail 60 MX %d m%03d%s.example.test\n", i, i, strings.Repeat("m", 50))
		fmt.Fprintf(&file, "m%03d%s 60 A 192.0.2.%d\n", i, strings.Repeat("m", 50), i%250)
	}
	table := staticTable(t, file.String())
	m := message(t, table, dnstest.Query{Name: long(0) + ".example.test", Type: dns.TypeA}, 0)
	assert.Len(t, m.Answer, 16)
	m = message(t, table, dnstest.Query{Name: "mail.example.test", Type: dns.TypeMX}, 0)
	assert.Len(t, m.Answer, 400)
	assert.Less(t, len(m.Extra), 400, "addresses of names that no pointer reaches are left out")
	assert.Greater(t, len(m.Extra), 200)
	for _, rr := range m.Extra {
		assert.True(t, strings.HasPrefix(rr.Header().Name, "m"), rr)
	}
}

// Hosts and static records come and go beside each other at one name.
func TestAHostAndRecordsAtOneName(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.test")
	host := dnstest.Host{Name: "a.b.example.test", Addrs: []string{"192.0.2.1"}}
	records := dnstest.Records(t, "example.test", `
		a.b 60 TXT "x"
		a.b 60 A 192.0.2.9
		c.a.b 60 TXT "below"
	`)
	kinds := func(table *answers.Table) string {
		var out []string
		for _, name := range []string{"b", "a.b", "c.a.b"} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT} {
				out = append(out, lookup(table, name+".example.test", qtype).Kind.String())
			}
		}
		return strings.Join(out, ", ")
	}
	const no, none = "no data", "no such name"
	table := dnstest.Table(t, nil, w.Set(host))
	assert.Equal(t, strings.Join([]string{no, no, "answer", no, none, none}, ", "), kinds(table))
	table = dnstest.Table(t, table, w.Static("example.test", records...))
	assert.Equal(t, strings.Join([]string{no, no, "answer", "answer", no, "answer"}, ", "), kinds(table))
	assert.NotNil(t, lookup(table, host.Name, dns.TypeA).Host, "the address is the host's")
	table = dnstest.Table(t, table, w.Remove(host.Name))
	assert.Equal(t, []string{"192.0.2.9"}, lookup(table, host.Name, dns.TypeA).Records, "now it is the record's")
	table = dnstest.Table(t, table, w.Static("example.test"))
	assert.Equal(t, strings.Join([]string{none, none, none, none, none, none}, ", "), kinds(table))
	assert.Equal(t, 1, table.Len())
}
