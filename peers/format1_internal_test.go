// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// What is in this file and in testdata/format1 is frozen: it is what clusters in the field
// write and read. A change that breaks a test here breaks them; it needs another major
// version, not another sample.

// format1Report is what testdata/format1/report.zone says.
func format1Report() *gslb.Report {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	host, wild := gslb.MustName("app.cloud.example.com"), gslb.MustName("*.shop.cloud.example.com")
	return &gslb.Report{
		Cluster: "eu", ClusterID: "5e9c2b1e-0001", Instance: "k3f0", Zone: testZone, EdgeZone: gslb.MustName("example.com"),
		Serial: 1772600767, Public: 1772600000, Hears: []gslb.GeoTag{"ap", "us"}, Mark: 88123, Blind: at, Announcement: gslb.Pausing,
		NameServers: []gslb.NameServer{{Cluster: "eu", Name: gslb.MustName("gslb-ns-eu-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8::10")}}},
		Offers: map[gslb.Name]*gslb.Offer{
			host: {
				Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: "shop", Name: "app"}, Created: at.Add(-time.Hour),
				Policy: gslb.Policy{
					Strategy: gslb.Failover, Primary: "eu", FailoverOrder: []gslb.GeoTag{"eu", "us"}, TTL: 30, SplitBrain: 5 * time.Minute, MaxAnswers: 4,
					WhenAllUnhealthy: gslb.Fallback, Fallback: []netip.Addr{netip.MustParseAddr("192.0.2.250")},
				},
				Entries: []gslb.Entry{
					{
						Addr: netip.MustParseAddr("192.0.2.1"), Hostname: "lb.example.net", Health: gslb.Healthy, Reason: gslb.ReasonReady, Since: at, Weight: 7, Owners: []gslb.GeoTag{"eu", "us"},
						Ask: gslb.Ask{Scheme: "https", Port: 443, SNI: "app.cloud.example.com", Path: "/health?a=b \"c\"\\é"},
					},
					{Addr: netip.MustParseAddr("2001:db8::1"), Health: gslb.Unhealthy, Reason: gslb.ReasonNotReady},
					{Hostname: "lb.example.net", Reason: gslb.ReasonUnresolved},
				},
			},
			wild: {
				Host: wild, Source: gslb.Source{Kind: "Ingress", Namespace: "shop", Name: "wild"}, Override: gslb.Drain, Reason: gslb.ReasonAddressUnknown,
				Policy: gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}, {Cluster: "us", Weight: 3}}, TTL: 5},
			},
		},
		Records: []gslb.Record{
			{Name: testZone, Type: dns.TypeTXT, TTL: 60, Data: `"` + strings.Repeat("v=spf1 ", 36) + `v=s" "` + strings.Repeat("v=spf1 ", 24) + `-all"`},
			{Name: host, Type: 65400, TTL: 60, Data: `\# 1 00`},
		},
		Challenges: []gslb.Record{{Name: gslb.MustName("_acme-challenge.app.cloud.example.com"), Type: dns.TypeTXT, TTL: 5, Data: `"token"`}},
	}
}

// zoneOfText reads a zone file into sets, octet by octet.
func zoneOfText(t *testing.T, text string) map[string][][]byte {
	t.Helper()
	sets := make(map[string][][]byte)
	zp := dns.NewZoneParser(strings.NewReader(text), "", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if rr.Header().Rrtype != dns.TypeTXT {
			continue
		}
		buf := make([]byte, dns.MaxMsgSize)
		off, err := dns.PackRR(rr, buf, 0, nil, false)
		require.NoError(t, err)
		label, _, _ := strings.Cut(strings.TrimSuffix(rr.Header().Name, "_report.eu.cloud.example.com."), ".")
		sets[label] = append(sets[label], buf[off-int(rr.Header().Rdlength):off])
	}
	require.NoError(t, zp.Err())
	return sets
}

// TestReportsOfOtherVersionsAreReadAlike: today's reader, and what the first release and a
// later one of the same major version wrote.
func TestReportsOfOtherVersionsAreReadAlike(t *testing.T) {
	for _, file := range []string{"report.zone", "later.zone"} {
		text, err := os.ReadFile("testdata/format1/" + file)
		require.NoError(t, err)
		z, err := newZone("eu", testZone)
		require.NoError(t, err)
		changes := make(map[string]*set)
		for label, txt := range zoneOfText(t, string(text)) {
			s := &set{label: label, txt: txt}
			for _, d := range txt {
				s.size += len(d)
			}
			if label != "" {
				s.part, err = parsePart(s, testZone)
				require.NoErrorf(t, err, "%s: %s", file, label)
			}
			changes[label] = s
		}
		got, err := z.with(changes, soa{instance: "k3f0", serial: 1772600767}).Report()
		require.NoError(t, err, file)
		assert.Equal(t, format1Report(), got, file)
	}
}

// TestTheFirstReleaseReadsWhatIsWrittenNow: today's author with everything that was added
// since, and the reader of the first release, which knows none of it.
func TestTheFirstReleaseReadsWhatIsWrittenNow(t *testing.T) {
	now := format1Report()
	now.Lost, now.Disputed, now.Returned = []gslb.GeoTag{"ap"}, []gslb.GeoTag{"us"}, []gslb.GeoTag{"sa"}
	now.Asked = []gslb.Asked{{Cluster: "us", Answered: 1, Silent: 2}}
	for _, o := range now.Offers {
		o.Policy.ReturnDelay = time.Minute
		for i := range o.Entries {
			o.Entries[i].Until = time.Unix(1_800_000_000, 0)
		}
	}
	z, err := Encode(now)
	require.NoError(t, err)
	first, err := os.ReadFile("testdata/format1/report.zone")
	require.NoError(t, err)
	want, got := firstReading(t, string(first)), firstReading(t, z.String())
	assert.Greater(t, len(want), 8)
	assert.Equal(t, want, got)
}

// firstKeys is what the first release read of each kind of record; hash it wrote and
// never read.
var firstKeys = map[string]string{
	"cluster": "v tag id instance zone edge public mark blind state hears",
	"ns":      "n name cluster addrs",
	"host":    "name kind namespace object created strategy primary order weights ttl splitbrain max unhealthy fallback override reason",
	"entry":   "n family addr hostname health reason since weight owners scheme port sni path",
	"record":  "n name type ttl data", "challenge": "n name type ttl data",
}

// firstReading is the reader of the first release: the records that it knew, with the keys
// that it knew, in order.
func firstReading(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	for label, txt := range zoneOfText(t, text) {
		for _, rdata := range txt {
			kind, pairs := firstLine(t, rdata)
			keys, known := firstKeys[kind]
			if !known {
				continue
			}
			line := label + " " + kind
			for _, k := range strings.Fields(keys) {
				if v := pairs[k]; v != "" {
					line += fmt.Sprintf(" %s=%q", k, v)
				}
			}
			out = append(out, line)
			if kind == "cluster" {
				major, _, _ := strings.Cut(pairs["v"], ".")
				require.Equal(t, "1", major, "any other is refused")
			}
			if kind == "host" {
				require.Contains(t, text, label, "a host stands under its label")
			}
		}
	}
	sort.Strings(out)
	return out
}

// firstLine splits a record: a kind, key=value, and strings that begin with + and go on.
func firstLine(t *testing.T, rdata []byte) (kind string, pairs map[string]string) {
	t.Helper()
	pairs = make(map[string]string)
	last := ""
	for i := 0; len(rdata) > 0; i++ {
		n := int(rdata[0])
		s := string(rdata[1 : 1+n])
		rdata = rdata[1+n:]
		key, value, ok := strings.Cut(s, "=")
		switch {
		case i == 0:
			kind = s
		case strings.HasPrefix(s, "+"):
			pairs[last] += s[1:]
		default:
			require.True(t, ok, "%q: every string is key=value", s)
			require.NotContains(t, pairs, key, "no key stands twice")
			last, pairs[key] = key, value
		}
	}
	return kind, pairs
}

// TestHellosOfOtherVersionsAreReadAlike: the option of the first release and of a later
// one, and what the first release makes of today's.
func TestHellosOfOtherVersionsAreReadAlike(t *testing.T) {
	want := &hello{tag: "us", id: "id-us", instance: "a1", number: 81234, hold: time.Second, hears: []gslb.GeoTag{"ap", "eu"}}
	for _, text := range []string{
		"v=1 tag=us id=id-us instance=a1 n=81234 hold=1000 hears=ap,eu",
		"v=1.9 tag=us colour=blue id=id-us instance=a1 n=81234 hold=1000 hears=ap,eu mood",
	} {
		got, err := parseHello(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	now := *want
	now.to, now.at = "k3f0", []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	known := slices.DeleteFunc(strings.Fields(now.String()), func(s string) bool {
		key, _, _ := strings.Cut(s, "=")
		return !slices.Contains(strings.Fields("v tag id instance n hold hears"), key)
	})
	assert.Equal(t, "v=1 tag=us id=id-us instance=a1 n=81234 hold=1000 hears=ap,eu", strings.Join(known, " "))
}
