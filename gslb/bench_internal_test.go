// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// loaded gives a merger of cluster eu with n hosts, each offered by three clusters.
func loaded(b *testing.B, n int) (*merger, []*Offer) {
	b.Helper()
	m := newMerger("eu", "id-eu", DefaultTiming(), true)
	zone := MustName("cloud.example.com")
	m.setZones([]ZoneIntent{{Zone: zone, EdgeZone: MustName("example.com"), NegTTL: 30}})
	m.setLocal(LocalState{Synced: true})
	now := time.Now()
	offers := make([]*Offer, n)
	reports := map[GeoTag]*Report{}
	for _, tag := range []GeoTag{"us", "ap"} {
		reports[tag] = &Report{Cluster: tag, ClusterID: "id-" + string(tag), Instance: "a", Zone: zone, Offers: map[Name]*Offer{}}
	}
	for i := range n {
		o := &Offer{
			Host: MustName(fmt.Sprintf("app%d.cloud.example.com", i)), Source: Source{"Gslb", "default", fmt.Sprint("app", i)},
			Policy: Policy{Strategy: RoundRobin, TTL: 30},
		}
		for k := range 2 {
			addr := netip.AddrFrom4([4]byte{10, byte(k), byte(i >> 8), byte(i)})
			o.Entries = append(o.Entries, Entry{Addr: addr, Health: Healthy, Reason: ReasonReady})
		}
		offers[i] = o
		m.setObject(o.Source, []*Offer{o})
		for _, r := range reports {
			r.Offers[o.Host] = o
		}
	}
	for tag, r := range reports {
		if err := m.setReport(r, now); err != nil {
			b.Fatal(err)
		}
		m.sight(Sighting{Kind: Heard, Of: tag, Instance: "a", At: now})
	}
	m.merge(now)
	return m, offers
}

// BenchmarkOneChange is the price of one changed host among many: an input, and
// the next World.
//
// Most recent results (2 shared cores, Go 1.26): see docs/benchmarks.md.
func BenchmarkOneChange(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			m, offers := loaded(b, n)
			now := time.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				o := *offers[i%n]
				o.Entries = []Entry{{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Health: Healthy, Reason: ReasonReady}}
				m.setObject(o.Source, []*Offer{&o})
				before := m.world
				if w, _ := m.merge(now); w == before {
					b.Fatal("the change made no World")
				}
			}
		})
	}
}

// BenchmarkFirstWorld is the price of a start with 10,000 hosts in 3 clusters.
func BenchmarkFirstWorld(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		loaded(b, 10_000)
	}
}

// BenchmarkKeepAlive is the price of hearing a fresh cluster once more.
func BenchmarkKeepAlive(b *testing.B) {
	m, _ := loaded(b, 100)
	b.ReportAllocs()
	for range b.N {
		if m.sight(Sighting{Kind: Heard, Of: "us", Instance: "a", At: time.Now()}) {
			b.Fatal("a keep-alive of a fresh cluster wakes the loop")
		}
	}
}

// BenchmarkRecords merges what three clusters state, 2,048 records each, as one
// challenge more makes it anew.
//
// Most recent results (2 shared cores, Go 1.26): see docs/benchmarks.md.
func BenchmarkRecords(b *testing.B) {
	zone := MustName("cloud.example.com")
	var in []recordsOf
	for _, tag := range []GeoTag{"ap", "eu", "us"} {
		c := recordsOf{cluster: tag}
		for i := range 2048 {
			c.static = append(c.static, Record{Name: MustName(fmt.Sprintf("r%d.a.cloud.example.com", i)), Type: 16, TTL: 60, Data: `"` + string(tag) + `"`})
		}
		in = append(in, c)
	}
	rules := rulesOf(zone, MustName("other.example.com"))
	b.ReportAllocs()
	for b.Loop() {
		if r := unionRecords(in, rules); len(r.Sets) != 2048 {
			b.Fatal(len(r.Sets))
		}
	}
}
