// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// addrs gives the addresses of an answer in order.
func addrs(m *dns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			out = append(out, rr.A.String())
		case *dns.AAAA:
			out = append(out, rr.AAAA.String())
		}
	}
	return out
}

func weights(ws ...gslb.Weight) gslb.Policy {
	return gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: ws}
}

func TestWeightsOneToThreeOverTenThousandDraws(t *testing.T) {
	table := build(t, dnstest.Host{
		Name: "app." + zone, Addrs: []string{"192.0.2.1", "192.0.2.2"},
		Others: map[string][]string{"us": {"198.51.100.1", "198.51.100.2"}, "ap": {"203.0.113.1"}},
		Policy: weights(gslb.Weight{Cluster: "eu", Weight: 1}, gslb.Weight{Cluster: "us", Weight: 3}),
	})
	draw := rand.NewPCG(1, 2)
	first := make(map[string]int)
	for range 10_000 {
		got := addrs(message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, draw.Uint64()))
		require.Len(t, got, 2, "the addresses of one cluster")
		assert.Equal(t, got[0][:7], got[1][:7], "of one only")
		first[got[0]]++
	}
	eu, us := first["192.0.2.1"]+first["192.0.2.2"], first["198.51.100.1"]+first["198.51.100.2"]
	assert.Equal(t, 10_000, eu+us, "a cluster without a weight is not drawn")
	assert.InDelta(t, 2_500, eu, 150, "1 of 4")
	assert.InDelta(t, eu/2, first["192.0.2.1"], 100, "either address begins as often")
	assert.InDelta(t, us/2, first["198.51.100.1"], 150)
}

func TestWeightsByFamily(t *testing.T) {
	table := build(t, dnstest.Host{
		Name: "app." + zone, Addrs: []string{"192.0.2.1"}, Others: map[string][]string{"us": {"2001:db8::1"}},
		Policy: weights(gslb.Weight{Cluster: "eu", Weight: 1}, gslb.Weight{Cluster: "us", Weight: 3}),
	})
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		r := lookup(table, "app."+zone, qtype)
		require.Len(t, r.Shares, 1, "draws skip clusters that lack the family")
		for _, draw := range []uint64{0, 1<<63 - 1, 1<<64 - 1} {
			m := message(t, table, dnstest.Query{Name: "app." + zone, Type: qtype}, draw)
			assert.Equal(t, []string{r.Shares[0].Addrs[0].String()}, addrs(m))
		}
	}
}

func TestEveryRotationOfAWindow(t *testing.T) {
	all := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}
	for _, c := range []struct {
		most uint16
		want int
	}{{0, 5}, {1, 1}, {3, 3}, {5, 5}, {9, 5}} {
		t.Run(fmt.Sprintf("at most %d", c.most), func(t *testing.T) {
			table := build(t, dnstest.Host{Name: "app." + zone, Addrs: all, Policy: gslb.Policy{MaxAnswers: c.most}})
			starts := make(map[string]int)
			for i := range uint64(len(all)) {
				draw := i * (1 << 32) / uint64(len(all))
				got := addrs(message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, draw+1))
				require.Len(t, got, c.want)
				at := slices.Index(all, got[0])
				for j, a := range got {
					assert.Equal(t, all[(at+j)%len(all)], a)
				}
				starts[got[0]]++
			}
			assert.Len(t, starts, len(all), "each address begins one of the rotations")
			last := addrs(message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, 1<<64-1))
			assert.Equal(t, all[4], last[0])
		})
	}
}

// Two clusters that publish one address give it once (row 75).
func TestAnAddressIsAnsweredOnce(t *testing.T) {
	table := build(t, dnstest.Host{
		Name: "app." + zone, Addrs: []string{"192.0.2.1"}, Others: map[string][]string{"us": {"192.0.2.1", "192.0.2.2"}},
	})
	got := addrs(message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, 0))
	assert.ElementsMatch(t, []string{"192.0.2.1", "192.0.2.2"}, got)
}

// More addresses than fit into any message: an answer is the largest window.
func TestMoreAddressesThanAMessageHolds(t *testing.T) {
	var all []string
	for i := range 5000 {
		all = append(all, fmt.Sprintf("10.0.%d.%d", i/250, i%250+1))
	}
	table := build(t, dnstest.Host{Name: "app." + zone, Addrs: all})
	m := message(t, table, dnstest.Query{Name: "app." + zone, Type: dns.TypeA}, 1<<64-1)
	assert.Greater(t, len(m.Answer), 4000)
	assert.Less(t, len(m.Answer), 5000)
	m.Compress = true
	assert.LessOrEqual(t, m.Len(), dns.MaxMsgSize-64)
}
