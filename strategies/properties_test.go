// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// each runs f on a few thousand random hosts; seed makes a failure repeatable.
func each(t *testing.T, f func(t require.TestingT, seed string, h *gslb.Host, r *rand.Rand)) {
	t.Helper()
	for i := range uint64(5000) {
		r := rand.New(rand.NewPCG(i, 11))
		f(t, fmt.Sprintf("seed %d", i), random(r), r)
	}
}

// rerated gives a host as it counts: an address is as good as the best that any of its
// owners says, but for owners that left. This is the obvious way to say it.
func rerated(h *gslb.Host) *gslb.Host {
	out := *h
	out.Parts = slices.Clone(h.Parts)
	for i := range out.Parts {
		out.Parts[i].Entries = slices.Clone(h.Parts[i].Entries)
		for j := range out.Parts[i].Entries {
			e := &out.Parts[i].Entries[j]
			for _, other := range h.Parts {
				for _, o := range other.Entries {
					if o.Addr == e.Addr && o.Tier < e.Tier && e.Reason != gslb.ReasonClusterLeft {
						e.Tier, e.Reason = o.Tier, gslb.ReasonSharedAddress
					}
				}
			}
		}
	}
	return &out
}

// usable gives the addresses of the best tier that a host has.
func usable(h *gslb.Host) (gslb.Tier, []netip.Addr) {
	best := gslb.TierOut
	for _, p := range h.Parts {
		for _, e := range p.Entries {
			best = min(best, e.Tier)
		}
	}
	var out []netip.Addr
	for _, p := range h.Parts {
		for _, e := range p.Entries {
			if best != gslb.TierOut && e.Tier == best {
				out = append(out, e.Addr)
			}
		}
	}
	return best, out
}

func TestAnswersAreUsableEntriesAndNothingElse(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		d := strategies.Decide(h)
		require.NotEmpty(t, d.Answers, "%s: every decision has an answer, be it NODATA", seed)
		require.NotEmpty(t, d.Reason, seed)
		h = rerated(h)
		tier, may := usable(h)
		if tier == gslb.TierOut {
			return
		}
		require.NotEmpty(t, d.Addrs(), "%s: NODATA only when nothing can serve", seed)
		require.Subset(t, may, d.Addrs(), seed)
		for _, a := range d.Answers {
			require.True(t, slices.IsSorted(a.Clusters), seed)
			require.True(t, slices.IsSortedFunc(a.Addrs, netip.Addr.Compare), seed)
			require.Equal(t, slices.Compact(slices.Clone(a.Addrs)), a.Addrs, "%s: distinct", seed)
			for _, c := range a.Clusters {
				require.True(t, slices.ContainsFunc(h.Part(c).Entries, func(e gslb.Candidate) bool {
					return e.Tier == tier && slices.Contains(a.Addrs, e.Addr)
				}), "%s: cluster %s is named and has a part in the answer", seed, c)
			}
		}
	})
}

func TestNodataOnlyWhenThereIsNothing(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		d := strategies.Decide(h)
		tier, _ := usable(h)
		offered := slices.ContainsFunc(h.Parts, func(p gslb.Part) bool { return len(p.Entries) > 0 })
		last := map[gslb.WhenAllUnhealthy]bool{
			gslb.LastHealthy: len(h.LastHealthy) > 0, gslb.AllOffered: offered, gslb.Fallback: len(h.Policy.Fallback) > 0,
		}[h.Policy.WhenAllUnhealthy]
		something := tier != gslb.TierOut || last
		require.Equal(t, something, len(d.Addrs()) > 0, seed)
		require.Equal(t, !something, d.Reason == gslb.ReasonEmpty, seed)
		for _, v4 := range []bool{true, false} {
			has := slices.ContainsFunc(d.Addrs(), func(a netip.Addr) bool { return a.Is4() == v4 })
			require.Equal(t, has, len(d.Shares(v4)) > 0, "%s: a family that the decision has is answered", seed)
		}
	})
}

// TestOrderOfEntriesDoesNotMatter: which address a status lists first, or in
// which order a report was read, changes no answer.
func TestOrderOfEntriesDoesNotMatter(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, r *rand.Rand) {
		want := strategies.Decide(h)
		mixed := *h
		mixed.Parts = slices.Clone(h.Parts)
		for i := range mixed.Parts {
			e := slices.Clone(mixed.Parts[i].Entries)
			r.Shuffle(len(e), func(a, b int) { e[a], e[b] = e[b], e[a] })
			mixed.Parts[i].Entries = e
		}
		got := strategies.Decide(&mixed)
		require.ElementsMatch(t, want.Entries, got.Entries, seed)
		got.Entries = want.Entries
		require.Equal(t, want, got, seed)
	})
}

// TestDecidingChangesNothing: hosts are shared between goroutines and Worlds.
func TestDecidingChangesNothing(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		before := fmt.Sprintf("%+v", *h)
		first := strategies.Decide(h)
		first.Shares(true)
		first.Addrs()
		require.Equal(t, first, strategies.Decide(h), "%s: pure", seed)
		require.Equal(t, before, fmt.Sprintf("%+v", *h), seed)
	})
}

// TestEveryCandidateIsExplainedRightly: each entry once, in exactly if it is
// drawn for its family, and never in without a reason.
func TestEveryCandidateIsExplainedRightly(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		d := strategies.Decide(h)
		drawn := make(map[netip.Addr][]gslb.GeoTag)
		for _, v4 := range []bool{true, false} {
			for _, s := range d.Shares(v4) {
				for _, a := range s.Addrs {
					drawn[a] = append(drawn[a], d.Answers[s.Answer].Clusters...)
				}
			}
		}
		h = rerated(h)
		tier, _ := usable(h)
		i := 0
		for _, p := range h.Parts {
			for _, e := range p.Entries {
				require.Less(t, i, len(d.Entries), seed)
				x := d.Entries[i]
				i++
				require.Equal(t, p.Cluster, x.Cluster, seed)
				require.Equal(t, e.Addr, x.Addr, seed)
				require.NotEmpty(t, x.Reason, seed)
				in := slices.Contains(drawn[e.Addr], p.Cluster) && (e.Tier == tier)
				require.Equal(t, in, x.In, "%s: %s %s (%s)", seed, p.Cluster, e.Addr, x.Reason)
				if x.In {
					require.Equal(t, e.Reason, x.Reason, "%s: what is in says how it is", seed)
				}
			}
		}
		require.Len(t, d.Entries, i, seed)
	})
}

// TestFailoverReturnsToThePrimary: whatever happened, as soon as the first
// cluster of the order can serve as well as any, it alone is answered again.
func TestFailoverReturnsToThePrimary(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, r *rand.Rand) {
		if h.Policy.Strategy != gslb.Failover || h.Part(h.Policy.Tags()[0]) == nil {
			return
		}
		first := h.Policy.Primary
		if len(h.Policy.FailoverOrder) > 0 {
			first = h.Policy.FailoverOrder[0]
		}
		before := strategies.Decide(h)
		back := *h
		back.Parts = slices.Clone(h.Parts)
		back.Part(first).Entries = healthy(eu4, eu6)
		d := strategies.Decide(&back)
		require.Len(t, d.Answers, 1, seed)
		require.Equal(t, []gslb.GeoTag{first}, d.Answers[0].Clusters, seed)
		require.Equal(t, []netip.Addr{eu4, eu6}, d.Answers[0].Addrs, seed)

		again := back
		again.Parts = slices.Clone(h.Parts)
		require.Equal(t, before, strategies.Decide(&again), "%s: and away again: nothing is remembered", seed)
	})
}

// TestFailoverChoosesOneListedClusterAtMost compares with the obvious.
func TestFailoverChoosesOneListedClusterAtMost(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		h = rerated(h)
		tier, _ := usable(h)
		if h.Policy.Strategy != gslb.Failover || tier == gslb.TierOut {
			return
		}
		order := h.Policy.FailoverOrder
		if len(order) == 0 {
			order = []gslb.GeoTag{h.Policy.Primary}
		}
		var want []gslb.GeoTag
		for _, tag := range order {
			if p := h.Part(tag); p != nil && p.Best() == tier {
				want = []gslb.GeoTag{tag}
				break
			}
		}
		if want == nil {
			for _, p := range h.Parts {
				if p.Best() == tier {
					want = append(want, p.Cluster)
				}
			}
		}
		require.Equal(t, want, strategies.Decide(h).Answers[0].Clusters, seed)
	})
}

// TestSharesAddUp: of every family, the shares are exactly the answers with such
// addresses, weights as the policy says, 0 only among zeros.
func TestSharesAddUp(t *testing.T) {
	each(t, func(t require.TestingT, seed string, h *gslb.Host, _ *rand.Rand) {
		d := strategies.Decide(h)
		for _, v4 := range []bool{true, false} {
			var sum, all uint32
			for _, a := range d.Answers {
				if slices.ContainsFunc(a.Addrs, func(ip netip.Addr) bool { return ip.Is4() == v4 }) {
					all += a.Weight
				}
			}
			for _, s := range d.Shares(v4) {
				require.Positive(t, s.Weight, seed)
				require.NotEmpty(t, s.Addrs, seed)
				require.Subset(t, d.Answers[s.Answer].Addrs, s.Addrs, seed)
				if all > 0 {
					require.Equal(t, d.Answers[s.Answer].Weight, s.Weight, seed)
				}
				sum += s.Weight
			}
			if all > 0 {
				require.Equal(t, all, sum, seed)
			}
		}
	})
}

// TestASharedAddressIsDrawnWithTheWeightOfOneOwner counts 10,000 draws: two clusters
// behind one global load balancer do not have twice its share.
func TestASharedAddressIsDrawnWithTheWeightOfOneOwner(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("ap", 30, "eu", 30, "us", 10)}
	d := strategies.Decide(host(p, part("ap", healthy(ap4)), part("eu", healthy(eu4)), part("us", healthy(eu4))))
	assert.Equal(t, []string{"ap: 203.0.113.1 (30)", "eu us: 192.0.2.1 (30)"}, said(d))
	shares := d.Shares(true)
	require.Len(t, shares, 2)
	const draws = 10_000
	counts := make([]int, 2)
	r := rand.New(rand.NewPCG(42, 42))
	for range draws {
		if r.Uint32N(shares[0].Weight+shares[1].Weight) < shares[0].Weight {
			counts[0]++
		} else {
			counts[1]++
		}
	}
	assert.InDelta(t, draws/2, counts[1], draws*0.015)
}

// TestDrawsKeepTheWeights counts 10,000 draws with a fixed seed: each cluster
// within four standard deviations of its share.
func TestDrawsKeepTheWeights(t *testing.T) {
	cases := [][]any{{"eu", 1, "us", 3}, {"eu", 5, "us", 5}, {"ap", 1, "eu", 10, "us", 89}, {"eu", 1000, "us", 1}, {"eu", 0, "us", 7}, {"eu", 0, "us", 0}}
	const draws = 10_000
	for _, pairs := range cases {
		t.Run(fmt.Sprint(pairs...), func(t *testing.T) {
			p := gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights(pairs...)}
			d := strategies.Decide(host(p, part("ap", healthy(ap4)), part("eu", healthy(eu4)), part("us", healthy(us4))))
			if len(pairs) < 6 {
				d = strategies.Decide(host(p, part("eu", healthy(eu4)), part("us", healthy(us4))))
			}
			shares := d.Shares(true)
			var sum uint32
			for _, s := range shares {
				sum += s.Weight
			}
			counts := make(map[int]int)
			r := rand.New(rand.NewPCG(42, 42))
			for range draws {
				n := r.Uint32N(sum)
				for _, s := range shares {
					if n < s.Weight {
						counts[s.Answer]++
						break
					}
					n -= s.Weight
				}
			}
			total := 0
			for _, s := range shares {
				share := float64(s.Weight) / float64(sum)
				slack := 4 * math.Sqrt(draws*share*(1-share))
				assert.InDelta(t, draws*share, counts[s.Answer], slack+1, "%v", d.Answers[s.Answer].Clusters)
				total += counts[s.Answer]
			}
			assert.Equal(t, draws, total)
		})
	}
}
