// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// bigZone is a report of many hosts with two entries each.
func bigZone(t testing.TB, hosts int, serial uint32) *Zone {
	t.Helper()
	r := &gslb.Report{Cluster: "eu", ClusterID: "5e9c2b1e-5c1f-4a6b-9c53-1c5c7d4b0001", Instance: "i", Zone: testZone, EdgeZone: testZone.Parent(), Serial: serial, Offers: map[gslb.Name]*gslb.Offer{}}
	for i := range hosts {
		r.Offers[gslb.MustName(fmt.Sprintf("app-%d.%s", i, testZone))] = bigOffer(i, serial)
	}
	z, err := Encode(r)
	require.NoError(t, err)
	return z
}

func bigOffer(i int, salt uint32) *gslb.Offer {
	n := gslb.MustName(fmt.Sprintf("app-%d.%s", i, testZone))
	o := &gslb.Offer{
		Host: n, Source: gslb.Source{Kind: "Gslb", Namespace: "shop", Name: fmt.Sprintf("app-%d", i)}, Created: time.Unix(1_700_000_000, 0),
		Policy: gslb.Policy{Strategy: gslb.Failover, Primary: "eu", TTL: 30, WhenAllUnhealthy: gslb.Empty},
	}
	for e := range 2 {
		o.Entries = append(o.Entries, gslb.Entry{
			Addr: netip.AddrFrom4([4]byte{192, 0, byte(salt), byte(e)}), Health: gslb.Healthy, Reason: gslb.ReasonReady, Since: time.Unix(1_700_000_000, 0),
			Ask: gslb.Ask{Scheme: "https", Port: 443, SNI: n.String(), Path: "/"},
		})
	}
	return o
}

// BenchmarkWhole10k is a reader's first sight of 10,000 hosts: written, signed,
// carried, verified and decoded.
func BenchmarkWhole10k(b *testing.B) {
	z := bigZone(b, 10_000, 1)
	b.SetBytes(int64(z.size))
	b.ReportAllocs()
	for b.Loop() {
		tr, err := carry(b, z, nil, nil, nil)
		require.NoError(b, err)
		_, err = tr.zone.Report()
		require.NoError(b, err)
	}
}

// BenchmarkOneOf10k is a change of one host of 10,000, from the author's new
// version to the reader's store.
func BenchmarkOneOf10k(b *testing.B) {
	z := bigZone(b, 10_000, 1)
	tr, err := carry(b, z, nil, nil, nil)
	require.NoError(b, err)
	base := tr.zone
	c := newCopies(tr.empty)
	store, err := gslb.NewStore(gslb.Config{Self: "us", ClusterID: "x"})
	require.NoError(b, err)
	require.NoError(b, c.take(base, true, time.Now(), store))
	b.ReportAllocs()
	for i := uint32(2); b.Loop(); i++ {
		o := bigOffer(77, i)
		s, err := encodeSet(o.Host, o, nil, testZone)
		require.NoError(b, err)
		next := z.with(map[string]*set{s.label: s}, soa{instance: "i", serial: i})
		tr, err := carry(b, next, z, base, nil)
		require.NoError(b, err)
		require.Equal(b, resultIncrement, tr.result)
		require.NoError(b, c.take(tr.zone, true, time.Now(), store))
		z, base = next, tr.zone
	}
}

// discard is a store that is content with everything.
type discard struct{}

func (discard) SetReport(*gslb.Report) error                                    { return nil }
func (discard) SetChange(*gslb.Report, uint32, map[gslb.Name]*gslb.Offer) error { return nil }
func (discard) Sight(gslb.Sighting)                                             {}
func (discard) KnowPeer(gslb.GeoTag)                                            {}
func (discard) UpdateLocal(func(*gslb.LocalState))                              {}

// TestKeepAliveCostsLittle holds the budget of one quiet second of a connection,
// both sides: most of it is HMAC.
func TestKeepAliveCostsLittle(t *testing.T) {
	x, err := New(Config{
		Self: "eu", ClusterID: "x", Instance: "i", Keys: []Key{{Key: testKey()}}, Store: discard{}, Worlds: make(chan *gslb.World), Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	z := bigZone(t, 10, 1)
	x.author.own[z.origin] = &ownZone{zone: z.zone, pub: newPublication()}
	x.author.own[z.origin].pub.publish(z)
	key := x.keys[0]
	n := uint64(0)
	allocs := testing.AllocsPerRun(200, func() {
		n++
		ask := newBuilder(512, 7, 0, question(z.origin, dns.TypeIXFR), z.origin)
		ask.soa(authoritySection, z.soa())
		h := &hello{tag: "us", id: "x", instance: "a", number: n}
		ask.opt(0, HoldOption, h.String())
		c := &chain{key: key}
		raw, err := c.sign(ask.buf, stamp(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		c.later = false
		tr := &transfer{empty: z, have: z.soa(), base: z, chain: c}
		taken := x.ServeSlow(t.Context(), raw, netip.AddrPort{}, true, func(b []byte) error {
			m, err := parseMessage(b)
			if err == nil {
				_, err = tr.take(m, time.Now())
			}
			return err
		})
		if !taken || tr.result != resultUnchanged {
			t.Fatal("not answered")
		}
	})
	assert.LessOrEqual(t, allocs, 130.0, "108 when measured")
}
