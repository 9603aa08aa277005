// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// Addresses of the clusters in these tests: v4 and v6 of each.
var (
	eu4 = netip.MustParseAddr("192.0.2.1")
	eu6 = netip.MustParseAddr("2001:db8:e::1")
	us4 = netip.MustParseAddr("198.51.100.1")
	us6 = netip.MustParseAddr("2001:db8:f::1")
	ap4 = netip.MustParseAddr("203.0.113.1")
	sa4 = netip.MustParseAddr("203.0.113.129")
)

// entries of one health.
func healthy(addrs ...netip.Addr) []gslb.Candidate {
	return rated(gslb.TierHealthy, gslb.ReasonReady, addrs)
}

func unknown(addrs ...netip.Addr) []gslb.Candidate {
	return rated(gslb.TierUnknown, gslb.ReasonHealthUnknown, addrs)
}

func lost(addrs ...netip.Addr) []gslb.Candidate {
	return rated(gslb.TierLost, gslb.ReasonClusterLost, addrs)
}

func down(addrs ...netip.Addr) []gslb.Candidate {
	return rated(gslb.TierOut, gslb.ReasonNotReady, addrs)
}

func rated(t gslb.Tier, why gslb.Reason, addrs []netip.Addr) []gslb.Candidate {
	var out []gslb.Candidate
	for _, a := range addrs {
		out = append(out, gslb.Candidate{Addr: a, Tier: t, Reason: why})
	}
	return out
}

// part is what one cluster brings.
func part(tag gslb.GeoTag, entries ...[]gslb.Candidate) gslb.Part {
	return gslb.Part{Cluster: tag, Liveness: gslb.Fresh, Entries: slices.Concat(entries...)}
}

func host(p gslb.Policy, parts ...gslb.Part) *gslb.Host {
	slices.SortFunc(parts, func(a, b gslb.Part) int {
		switch {
		case a.Cluster < b.Cluster:
			return -1
		case a.Cluster > b.Cluster:
			return 1
		}
		return 0
	})
	return &gslb.Host{Name: gslb.MustName("app.cloud.example.com"), Policy: p, Parts: parts}
}

func weights(pairs ...any) []gslb.Weight {
	var out []gslb.Weight
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, gslb.Weight{Cluster: gslb.GeoTag(pairs[i].(string)), Weight: uint16(pairs[i+1].(int))})
	}
	slices.SortFunc(out, func(a, b gslb.Weight) int {
		if a.Cluster < b.Cluster {
			return -1
		}
		return 1
	})
	return out
}

// said is an answer in one line: "eu us: 192.0.2.1 198.51.100.1 (3)".
func said(d strategies.Decision) []string {
	var out []string
	for _, a := range d.Answers {
		s := ""
		for i, c := range a.Clusters {
			if i > 0 {
				s += " "
			}
			s += string(c)
		}
		s += ":"
		for _, ip := range a.Addrs {
			s += " " + ip.String()
		}
		if a.Weight > 0 {
			s += fmt.Sprintf(" (%d)", a.Weight)
		}
		out = append(out, s)
	}
	return out
}

var tags = []gslb.GeoTag{"ap", "eu", "sa", "us", "za"}

// random makes a host as the merge could give it: up to five clusters with up to
// four entries each, some addresses shared, any tiers, any policy.
func random(r *rand.Rand) *gslb.Host {
	h := &gslb.Host{Name: gslb.MustName("app.cloud.example.com"), Policy: randomPolicy(r)}
	addr := func() netip.Addr {
		if r.IntN(3) == 0 {
			return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", 1+r.IntN(12)))
		}
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + r.IntN(12))})
	}
	for _, tag := range tags {
		if r.IntN(4) == 0 {
			continue
		}
		p := gslb.Part{Cluster: tag}
		worst := 1 + r.IntN(4) // some hosts have good entries only, some bad ones only
		for range r.IntN(5) {
			t := gslb.Tier(r.IntN(worst))
			if r.IntN(2) == 0 {
				t = gslb.Tier(worst - 1)
			}
			p.Entries = append(p.Entries, gslb.Candidate{Addr: addr(), Tier: t, Reason: reasonOf(t)})
		}
		h.Parts = append(h.Parts, p)
	}
	for range r.IntN(3) {
		h.LastHealthy = append(h.LastHealthy, addr())
	}
	slices.SortFunc(h.LastHealthy, netip.Addr.Compare)
	h.LastHealthy = slices.Compact(h.LastHealthy)
	return h
}

func reasonOf(t gslb.Tier) gslb.Reason {
	return []gslb.Reason{gslb.ReasonReady, gslb.ReasonProbePending, gslb.ReasonClusterLost, gslb.ReasonNotReady}[t]
}

func randomPolicy(r *rand.Rand) gslb.Policy {
	p := gslb.Policy{
		Strategy: []gslb.Strategy{gslb.RoundRobin, gslb.WeightedRoundRobin, gslb.Failover, gslb.GeoIP}[r.IntN(4)],
		TTL:      30, MaxAnswers: uint16(r.IntN(3)),
		WhenAllUnhealthy: []gslb.WhenAllUnhealthy{"", gslb.Empty, gslb.LastHealthy, gslb.AllOffered, gslb.Fallback}[r.IntN(5)],
	}
	some := slices.Clone(tags)
	r.Shuffle(len(some), func(a, b int) { some[a], some[b] = some[b], some[a] })
	switch {
	case p.Strategy == gslb.Failover && r.IntN(2) == 0:
		p.FailoverOrder = some[:1+r.IntN(3)]
	case p.Strategy == gslb.Failover:
		p.Primary = some[0]
	case p.Strategy == gslb.WeightedRoundRobin, p.Strategy == gslb.RoundRobin && r.IntN(3) == 0:
		for _, t := range tags {
			if r.IntN(3) > 0 {
				p.Weights = append(p.Weights, gslb.Weight{Cluster: t, Weight: uint16(r.IntN(4))})
			}
		}
	}
	if p.WhenAllUnhealthy == gslb.Fallback {
		p.Fallback = []netip.Addr{netip.MustParseAddr("203.0.113.200"), netip.MustParseAddr("2001:db8:ffff::1")}[:r.IntN(3)]
	}
	return p
}
