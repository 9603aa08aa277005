// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

var update = flag.Bool("update", false, "rewrite testdata")

// fullReport says everything that format 1 can say.
func fullReport() *gslb.Report {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	host := gslb.MustName("app.cloud.example.com")
	wild := gslb.MustName("*.shop.cloud.example.com")
	return &gslb.Report{
		Cluster: "eu", ClusterID: "5e9c2b1e-0001", Instance: "k3f0", Zone: zone, EdgeZone: gslb.MustName("example.com"),
		Serial: 1772600767, Public: 1772600000, Hears: []gslb.GeoTag{"ap", "us"}, Mark: 88123, Blind: at, Announcement: gslb.Pausing,
		NameServers: []gslb.NameServer{{
			Cluster: "eu", Name: gslb.MustName("gslb-ns-eu-cloud.example.com"),
			Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8::10")},
		}},
		Offers: map[gslb.Name]*gslb.Offer{
			host: {
				Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: "shop", Name: "app"}, Created: at.Add(-time.Hour),
				Policy: gslb.Policy{
					Strategy: gslb.Failover, Primary: "eu", FailoverOrder: []gslb.GeoTag{"eu", "us"}, TTL: 30,
					SplitBrain: 5 * time.Minute, MaxAnswers: 4, WhenAllUnhealthy: gslb.Fallback,
					Fallback: []netip.Addr{netip.MustParseAddr("192.0.2.250")},
				},
				DependsOn: []string{"member 1", "us"},
				Entries: []gslb.Entry{
					{
						Addr: netip.MustParseAddr("192.0.2.1"), Hostname: "lb.example.net", Health: gslb.Healthy, Reason: gslb.ReasonReady,
						Since: at, Weight: 7, Owners: []gslb.GeoTag{"eu", "us"},
						Ask: gslb.Ask{Scheme: "https", Port: 443, SNI: "app.cloud.example.com", Path: "/health?a=b \"c\"\\é"},
					},
					{Addr: netip.MustParseAddr("2001:db8::1"), Health: gslb.Unhealthy, Reason: gslb.ReasonNotReady},
					{Hostname: "lb.example.net", Reason: gslb.ReasonUnresolved},
				},
			},
			wild: {
				Host: wild, Source: gslb.Source{Kind: "Ingress", Namespace: "shop", Name: "wild"},
				Policy:   gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: []gslb.Weight{{Cluster: "eu", Weight: 1}, {Cluster: "us", Weight: 3}}, TTL: 5},
				Override: gslb.Drain, Reason: gslb.ReasonAddressUnknown, Bare: true,
			},
		},
		Records: []gslb.Record{
			{Name: gslb.MustName("cloud.example.com"), Type: dns.TypeTXT, TTL: 60, Data: `"` + strings.Repeat("v=spf1 ", 36) + `v=s" "` + strings.Repeat("v=spf1 ", 24) + `-all"`},
			{Name: host, Type: 65400, TTL: 60, Data: `\# 1 00`},
		},
		Challenges: []gslb.Record{{Name: gslb.MustName("_acme-challenge.app.cloud.example.com"), Type: dns.TypeTXT, TTL: 5, Data: `"token"`}},
	}
}

func TestReportAsText(t *testing.T) {
	z, err := peers.Encode(fullReport())
	require.NoError(t, err)
	const file = "testdata/report.zone"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(z.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), z.String(), "the format must not drift; a change of it needs a note in docs/peers.md")

	// The text is a zone file that others read.
	zp := dns.NewZoneParser(strings.NewReader(z.String()), "", file)
	n := 0
	for _, ok := zp.Next(); ok; _, ok = zp.Next() {
		n++
	}
	require.NoError(t, zp.Err())
	assert.Equal(t, strings.Count(z.String(), "\n"), n)
}

func TestReportComesBackAsItWas(t *testing.T) {
	want := fullReport()
	z, err := peers.Encode(want)
	require.NoError(t, err)
	got, err := z.Report()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "k3f0", z.Instance())
	assert.EqualValues(t, 1772600767, z.Serial())
}

func TestAnyReportComesBackAsItWas(t *testing.T) {
	for seed := range uint64(300) {
		want := randomReport(rand.New(rand.NewPCG(seed, 1)))
		z, err := peers.Encode(want)
		require.NoErrorf(t, err, "seed %d", seed)
		got, err := z.Report()
		require.NoErrorf(t, err, "seed %d", seed)
		require.Equalf(t, want, got, "seed %d", seed)
		again, err := peers.Encode(got)
		require.NoError(t, err)
		require.Equal(t, z.String(), again.String())
	}
}

// randomReport makes a report of a few hosts with random content.
func randomReport(r *rand.Rand) *gslb.Report {
	rep := &gslb.Report{
		Cluster: pick[gslb.GeoTag](r, "eu", "us-east-1", "a"), ClusterID: "id", Instance: "i", Zone: zone, EdgeZone: gslb.MustName("example.com"),
		Serial: r.Uint32(), Public: r.Uint32(), Hears: tags(r), Mark: r.Uint64(), Blind: moment(r),
		Announcement: pick(r, gslb.Active, gslb.Pausing, gslb.Leaving), RemovalsMeant: r.IntN(2) == 0, Offers: map[gslb.Name]*gslb.Offer{},
	}
	for i := range r.IntN(3) {
		rep.NameServers = append(rep.NameServers, gslb.NameServer{Cluster: rep.Cluster, Name: gslb.MustName(fmt.Sprintf("ns%d.example.com", i)), Addrs: addrs(r)})
	}
	for i := range r.IntN(6) {
		n := gslb.MustName(fmt.Sprintf("h%d.%s", i, zone))
		o := &gslb.Offer{
			Host: n, Source: gslb.Source{Kind: "Gslb", Namespace: text(r, 20), Name: text(r, 253)}, Created: moment(r),
			Policy: gslb.Policy{
				Strategy: pick(r, gslb.RoundRobin, gslb.Failover, gslb.GeoIP, "later"), Primary: pick(r, gslb.GeoTag(""), "eu"),
				FailoverOrder: tags(r), TTL: r.Uint32(), SplitBrain: time.Duration(r.IntN(1000)) * time.Second,
				MaxAnswers: uint16(r.IntN(9)), WhenAllUnhealthy: pick(r, gslb.WhenAllUnhealthy(""), gslb.Empty), Fallback: addrs(r),
			},
			Override: pick(r, gslb.NoOverride, gslb.Drain, gslb.Force), Reason: pick(r, gslb.Reason(""), gslb.ReasonServiceNotFound),
		}
		for _, t := range tags(r) {
			o.Policy.Weights = append(o.Policy.Weights, gslb.Weight{Cluster: t, Weight: uint16(r.IntN(1000))})
		}
		for range r.IntN(13) {
			e := gslb.Entry{
				Hostname: text(r, 60), Health: gslb.Health(r.IntN(3)), Reason: gslb.ReasonReady, Since: moment(r), Weight: uint16(r.IntN(3)), Owners: tags(r),
				Ask: gslb.Ask{Scheme: pick(r, "", "https"), Port: uint16(r.Uint32()), SNI: text(r, 200), Path: text(r, 2048)},
			}
			if a := addrs(r); len(a) > 0 {
				e.Addr = a[0]
			} else if e.Hostname == "" {
				e.Hostname = "x"
			}
			o.Entries = append(o.Entries, e)
		}
		rep.Offers[n] = o
	}
	for i := range r.IntN(12) {
		rec := randomRecord(r, gslb.MustName(fmt.Sprintf("h%d.%s", i%4, zone)))
		if rec.Type == dns.TypeTXT && r.IntN(2) == 0 {
			rep.Challenges = append(rep.Challenges, rec)
		} else {
			rep.Records = append(rep.Records, rec)
		}
	}
	return rep
}

// randomRecord makes a record of any type whose data are as they are handed in:
// canonical.
func randomRecord(r *rand.Rand, n gslb.Name) gslb.Record {
	typ, data := uint16(1+r.IntN(65535)), fmt.Sprintf(`\# %d %x`, 20, make([]byte, 20))
	switch r.IntN(6) {
	case 0, 1:
		typ, data = dns.TypeTXT, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text(r, 200))+`"`
	case 2:
		typ, data = dns.TypeMX, fmt.Sprintf("%d Mail%d.example.net", r.IntN(65536), r.IntN(9))
	case 3:
		typ, data = dns.TypeHTTPS, fmt.Sprintf("%d svc.example.net port=%d alpn=h2", 1+r.IntN(9), r.IntN(65536))
	case 4:
		b := make([]byte, r.IntN(1500))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		typ, data = uint16(65280+r.IntN(200)), fmt.Sprintf(`\# %d %x`, len(b), b)
	}
	canonical, err := rdata.Canonical(typ, data)
	if err != nil { // a type whose data are not twenty zeros
		return randomRecord(r, n)
	}
	return gslb.Record{Name: n, Type: typ, TTL: r.Uint32() >> 1, Data: canonical}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func tags(r *rand.Rand) []gslb.GeoTag {
	var out []gslb.GeoTag
	for i := range r.IntN(4) {
		out = append(out, gslb.GeoTag(fmt.Sprintf("t%d", i)))
	}
	return out
}

func addrs(r *rand.Rand) []netip.Addr {
	var out []netip.Addr
	for range r.IntN(3) {
		if r.IntN(2) == 0 {
			out = append(out, netip.AddrFrom4([4]byte{192, 0, 2, byte(r.Uint32())}))
		} else {
			out = append(out, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(r.Uint32())}))
		}
	}
	return out
}

func moment(r *rand.Rand) time.Time {
	if r.IntN(3) == 0 {
		return time.Time{}
	}
	return time.Unix(int64(r.Uint32()), int64(r.IntN(1e9))).UTC()
}

// text gives up to most octets of anything printable, some of it beyond ASCII.
func text(r *rand.Rand, most int) string {
	var b strings.Builder
	for n := r.IntN(most + 1); b.Len() < n-3; {
		b.WriteRune(pick(r, 'a', 'Z', '0', '=', ',', '+', ' ', '"', '\\', ';', 'é', '世', '~'))
	}
	return b.String()
}

func TestEncodeRefusesWhatDoesNotFit(t *testing.T) {
	host := gslb.MustName("app.cloud.example.com")
	for _, c := range []struct {
		why  string
		edit func(r *gslb.Report)
		want string
	}{
		{"a host outside", func(r *gslb.Report) {
			r.Offers[gslb.MustName("app.example.org")] = &gslb.Offer{Host: gslb.MustName("app.example.org")}
		}, "host app.example.org: it does not lie in the zone cloud.example.com"},
		{"too many entries", func(r *gslb.Report) {
			r.Offers[host].Entries = make([]gslb.Entry, 300)
			named(r.Offers[host].Entries)
		}, "host app.cloud.example.com: 300 entries; at most 256 are allowed"},
		{"a path without end", func(r *gslb.Report) { r.Offers[host].Entries[0].Ask.Path = strings.Repeat("/", 3000) }, "host app.cloud.example.com: entry: path: 3000 octets; at most 2048 are allowed"},
		{"a control character", func(r *gslb.Report) { r.Offers[host].Entries[0].Ask.SNI = "a\nb" }, `host app.cloud.example.com: control character 0x0a in "sni=a\nb"`},
		{"no UTF-8", func(r *gslb.Report) { r.Offers[host].Entries[0].Ask.SNI = "\xff" }, "host app.cloud.example.com: entry: sni: not UTF-8"},
		{"no address", func(r *gslb.Report) { r.Offers[host].Entries[0] = gslb.Entry{} }, "host app.cloud.example.com: entry: addr: an entry has an address or a host name"},
		{"no cluster id", func(r *gslb.Report) { r.ClusterID = "" }, "report of zone cloud.example.com: cluster: id: a cluster id has 1 to 128 octets"},
		{"an id with a blank", func(r *gslb.Report) { r.ClusterID = "a b" }, "only printable ASCII without blanks"},
		{"a bad instance", func(r *gslb.Report) { r.Instance = "A.b" }, `instance "A.b": 1 to 32 lower-case letters`},
		{"too many octets of records", func(r *gslb.Report) {
			for range 10 {
				r.Records = append(r.Records, gslb.Record{Name: host, Type: 16, Data: strings.Repeat("x", 8000)})
			}
		}, "octets; at most 60000 are allowed"},
	} {
		r := fullReport()
		c.edit(r)
		_, err := peers.Encode(r)
		assert.ErrorContains(t, err, c.want, c.why)
	}
}

func named(es []gslb.Entry) {
	for i := range es {
		es[i].Hostname = "x"
	}
}
