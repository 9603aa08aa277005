// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// linesOf gives RRsets as lines of a zone file.
func linesOf(t testing.TB, sets ...answers.RRset) []string {
	t.Helper()
	var out []string
	for _, s := range sets {
		owner, _, err := dns.UnpackDomainName([]byte(s.Owner), 0)
		require.NoError(t, err)
		for _, d := range s.RData {
			h := dns.RR_Header{Name: owner, Rrtype: s.Type, Class: dns.ClassINET, Ttl: s.TTL, Rdlength: uint16(len(d))}
			rr, end, err := dns.UnpackRRWithHeader(h, d, 0)
			require.NoError(t, err)
			require.Equal(t, len(d), end)
			out = append(out, plain([]dns.RR{rr})...)
		}
	}
	return out
}

func TestRRsetsOfAZone(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.test", "child.example.test")
	w.Static("example.test", dnstest.Records(t, "example.test", `
		@ 300 MX 10 www.example.test
		www 60 CNAME b.example.test
		*.w 60 TXT "x"
		sub 60 NS ns.sub.example.test
		ns.sub 60 A 192.0.2.61
	`)...)
	table := dnstest.Table(t, nil, w.Set(
		dnstest.Host{Name: "b.example.test", Addrs: []string{"192.0.2.1", "2001:db8::1"}, Others: map[string][]string{"us": {"198.51.100.1"}},
			Policy: gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}}, MaxAnswers: 1}},
		dnstest.Host{Name: "none.example.test"},
		dnstest.Host{Name: "x.child.example.test", Addrs: []string{"192.0.2.2"}},
	))
	serial, ours := table.SerialOf(gslb.MustName("example.test"))
	require.True(t, ours)
	want := []string{
		fmt.Sprintf("example.test. 30 IN SOA gslb-ns-eu-example.test. hostmaster.example.test. %d 300 60 604800 30", serial),
		"example.test. 300 IN NS gslb-ns-eu-example.test.", "example.test. 300 IN NS gslb-ns-us-example.test.",
		"example.test. 300 IN MX 10 www.example.test.",
		"b.example.test. 30 IN A 192.0.2.1", "b.example.test. 30 IN A 198.51.100.1", "b.example.test. 30 IN AAAA 2001:db8::1",
		"child.example.test. 300 IN NS gslb-ns-eu-child.example.test.", "child.example.test. 300 IN NS gslb-ns-us-child.example.test.",
		"gslb-ns-eu-child.example.test. 300 IN A 192.0.2.53", "gslb-ns-us-child.example.test. 300 IN A 198.51.100.53",
		`none.example.test. 30 IN TYPE65500 \# 0`,
		"sub.example.test. 60 IN NS ns.sub.example.test.", "ns.sub.example.test. 60 IN A 192.0.2.61",
		`*.w.example.test. 60 IN TXT "x"`, "www.example.test. 60 IN CNAME b.example.test.",
	}
	assert.Equal(t, want, linesOf(t, slices.Collect(table.RRsets(gslb.MustName("example.test")))...), "all, in canonical order, weights aside")
	for _, c := range []struct {
		name string
		want []string
	}{
		{"b.example.test", want[4:7]}, {"sub.example.test", want[12:13]}, {"none.example.test", want[11:12]}, {"absent.example.test", nil}, {"w.example.test", nil},
		{"x.child.example.test", []string{"x.child.example.test. 30 IN A 192.0.2.2"}}, {"www.example.org", nil},
	} {
		assert.Equal(t, c.want, linesOf(t, table.NameRRsets(gslb.MustName(c.name))...), c.name)
	}
	assert.Empty(t, slices.Collect(table.RRsets(gslb.MustName("example.org"))))
	_, ours = table.SerialOf(gslb.MustName("example.org"))
	assert.False(t, ours)
	for range table.RRsets(gslb.MustName("example.test")) {
		break // a walk can end early
	}
}

// What a transfer would give of random zones is what the oracle has written
// down, and each RRset is what the table answers.
func TestRRsetsAreWhatIsAnswered(t *testing.T) {
	zones := []string{"z.test", "b.a.z.test", "other.test"}
	c := choices(rand.New(rand.NewPCG(3, 9)).IntN)
	w := dnstest.NewWorlds(t, zones...)
	hosts := make(map[string]bool)
	for range 20 {
		table := dnstest.Table(t, nil, step(c, w, zones, hosts))
		slow := slowOf(t, table.World())
		for _, zone := range zones {
			var got []string
			for s := range table.RRsets(gslb.MustName(zone)) {
				lines := linesOf(t, s)
				got = append(got, lines...)
				owner, _, err := dns.UnpackDomainName([]byte(s.Owner), 0)
				require.NoError(t, err)
				if m := slow.answer(strings.TrimSuffix(owner, "."), s.Type); m.Authoritative && len(m.Answer) > 0 {
					answer := message(t, table, dnstest.Query{Name: owner, Type: s.Type}, 0).Answer
					require.ElementsMatch(t, lines, plain(answer))
				}
			}
			want := plain(slow[zone])
			for _, child := range zones {
				if child != zone && slow.zoneOf(child[strings.Index(child, ".")+1:]) == zone {
					want = append(want, plain(slow.at(child, child, dns.TypeNS))...)
				}
			}
			require.ElementsMatch(t, want, got, zone)
		}
	}
}

func plain(in []dns.RR) []string {
	var out []string
	for _, rr := range in {
		if rr.Header().Rrtype != nothing {
			// Types that the library does not know have their class as a number.
			out = append(out, strings.Replace(strings.Join(strings.Fields(rr.String()), " "), " CLASS1 ", " IN ", 1))
		}
	}
	return out
}

func TestLookupShowsRecordsChainsAndReferrals(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.test")
	w.Static("example.test", dnstest.Records(t, "example.test", `
		txt 60 TXT "a" "b"
		type65400 60 TYPE65400 \# 1 01
		one 61 CNAME two.example.test
		two 62 CNAME host.example.test
		out 60 CNAME www.example.org
		sub 60 NS ns.sub.example.test
		ns.sub 60 A 192.0.2.61
		tosub 60 CNAME x.sub.example.test
	`)...)
	table := dnstest.Table(t, nil, w.Set(dnstest.Host{Name: "host.example.test", Addrs: []string{"192.0.2.1"}}))
	r := lookup(table, "example.test", dns.TypeSOA)
	require.Len(t, r.Records, 1)
	assert.Contains(t, r.Records[0], "hostmaster.example.test.")
	assert.Equal(t, []string{`\# 1 01`}, lookup(table, "type65400.example.test", 65400).Records)
	r = lookup(table, "txt.example.test", dns.TypeTXT)
	assert.Equal(t, []string{`"a" "b"`}, r.Records)
	assert.Equal(t, dns.TypeTXT, r.Type)
	assert.Equal(t, uint32(60), r.TTL)

	r = lookup(table, "one.example.test", dns.TypeA)
	assert.Equal(t, answers.Answer, r.Kind)
	assert.Equal(t, []answers.Alias{{"one.example.test.", "two.example.test.", 61}, {"two.example.test.", "host.example.test.", 62}}, r.Chain)
	assert.Equal(t, "host.example.test", r.Owner.String())
	assert.NotNil(t, r.Host)
	require.Len(t, r.Shares, 1)

	r = lookup(table, "out.example.test", dns.TypeA)
	assert.Equal(t, answers.Answer, r.Kind)
	assert.Len(t, r.Chain, 1)
	assert.Empty(t, r.Records)

	for _, name := range []string{"sub.example.test", "tosub.example.test"} {
		r = lookup(table, name, dns.TypeA)
		assert.Equal(t, "sub.example.test", r.Delegation.String())
		assert.Equal(t, []string{"ns.sub.example.test."}, r.NameServers)
	}
	assert.Equal(t, answers.Referral, lookup(table, "sub.example.test", dns.TypeA).Kind)
	assert.Equal(t, answers.Answer, lookup(table, "tosub.example.test", dns.TypeA).Kind)
}

// A World is what others made; what breaks its rules is left out, named, and
// harms nothing else.
func TestRecordsThatCannotBePackedAreLeftOut(t *testing.T) {
	w := dnstest.NewWorlds(t, "example.test")
	world := *w.Static("example.test", dnstest.Records(t, "example.test", "www 60 A 192.0.2.1")...)
	static := *world.Zones[0].Static
	add := func(name string, rrtype uint16, data ...string) {
		static.Sets = append(static.Sets, gslb.RecordSet{Name: gslb.MustName(name), Type: rrtype, TTL: 60, Data: data})
	}
	add("bad.example.test", dns.TypeA, "192.0.2.1", "not an address", "192.0.2.1")
	add("worse.example.test", dns.TypeA, "not an address")
	add("two.example.test", dns.TypeCNAME, "a.example.test.", "b.example.test.")
	add("example.test", dns.TypeCNAME, "a.example.test.")
	add("www.example.org", dns.TypeA, "192.0.2.1")
	add("*.example.test", dns.TypeNS, "a.example.test.")
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf(`"%d%s"`, i, strings.Repeat("x", 240)))
	}
	add("many.example.test", dns.TypeTXT, many...)
	world.Zones = slices.Clone(world.Zones)
	world.Zones[0].Static = &static
	table := dnstest.Table(t, nil, &world)
	left := make(map[string]int)
	for _, l := range table.LeftOut() {
		require.Error(t, l.Why)
		left[l.Name.String()+" "+rdata.TypeName(l.Type)]++
	}
	require.Greater(t, left["many.example.test TXT"], 100)
	delete(left, "many.example.test TXT")
	assert.Equal(t, map[string]int{
		"bad.example.test A": 1, "worse.example.test A": 1, "two.example.test CNAME": 1, "example.test CNAME": 1, "www.example.org A": 1, "*.example.test NS": 1,
	}, left)
	assert.Equal(t, []string{"192.0.2.1"}, lookup(table, "bad.example.test", dns.TypeA).Records)
	assert.Equal(t, answers.NXDomain, lookup(table, "worse.example.test", dns.TypeA).Kind)
	assert.Len(t, lookup(table, "two.example.test", dns.TypeA).Chain, 1)
	assert.Equal(t, answers.Answer, lookup(table, "www.example.test", dns.TypeA).Kind)
	assert.Greater(t, len(lookup(table, "many.example.test", dns.TypeTXT).Records), 200)
	again := dnstest.Table(t, table, &world)
	assert.Equal(t, table.LeftOut(), again.LeftOut())
}
