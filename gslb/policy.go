// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"
)

// Strategy names the way answers of a host are chosen (design.md R2).
type Strategy string

// The strategies.
const (
	RoundRobin         Strategy = "roundRobin"
	WeightedRoundRobin Strategy = "weightedRoundRobin"
	Failover           Strategy = "failover"
	GeoIP              Strategy = "geoip"
)

// WhenAllUnhealthy says what is answered when no cluster can serve a host.
type WhenAllUnhealthy string

// What can be answered then. The zero value means Empty.
const (
	Empty       WhenAllUnhealthy = "empty"       // NODATA
	LastHealthy WhenAllUnhealthy = "lastHealthy" // the addresses that were healthy last
	AllOffered  WhenAllUnhealthy = "all"         // every offered address, healthy or not
	Fallback    WhenAllUnhealthy = "fallback"    // Policy.Fallback
)

// Weight is the share of one cluster in a weighted round robin, 0 to 1000.
type Weight struct {
	Cluster GeoTag
	Weight  uint16
}

// Policy says how a host is answered. It is a value: slices in it are never
// changed after it was published.
type Policy struct {
	Strategy         Strategy
	Primary          GeoTag   // failover without an order: the cluster that serves while it can
	FailoverOrder    []GeoTag // failover: first that can serve wins; clusters not listed come last, together
	Weights          []Weight // weighted round robin, sorted by cluster; a cluster not listed has 0
	TTL              uint32   // seconds
	SplitBrain       time.Duration
	MaxAnswers       uint16        // addresses in one answer; 0: all
	CNAME            bool          // entries of load balancers that have a name are answered by it, as CNAME
	ReturnDelay      time.Duration // how long a cluster is healthy and heard again before it counts; 0: at once
	WhenAllUnhealthy WhenAllUnhealthy
	Fallback         []netip.Addr // answered when WhenAllUnhealthy is Fallback
}

// WeightOf gives the weight of a cluster; false when the policy does not list it.
func (p *Policy) WeightOf(c GeoTag) (uint16, bool) {
	i, ok := slices.BinarySearchFunc(p.Weights, c, func(w Weight, c GeoTag) int {
		switch {
		case w.Cluster < c:
			return -1
		case w.Cluster > c:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, false
	}
	return p.Weights[i].Weight, true
}

// Weighted reports that answers are drawn by weight: either strategy name, with
// weights.
func (p *Policy) Weighted() bool {
	return p.Strategy == WeightedRoundRobin || p.Strategy == RoundRobin && len(p.Weights) > 0
}

// Tags gives every geo tag that the policy names, in order of appearance.
func (p *Policy) Tags() []GeoTag {
	var tags []GeoTag
	add := func(t GeoTag) {
		if t != "" && !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	add(p.Primary)
	for _, t := range p.FailoverOrder {
		add(t)
	}
	for _, w := range p.Weights {
		add(w.Cluster)
	}
	return tags
}

// Hash identifies the content of the policy: equal policies have equal hashes
// on every cluster and in every version that knows the same fields.
func (p *Policy) Hash() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s|%s|%v|%v|%d|%d|%d|%s|%v", p.Strategy, p.Primary, p.FailoverOrder, p.Weights,
		p.TTL, int64(p.SplitBrain/time.Second), p.MaxAnswers, p.WhenAllUnhealthy, p.Fallback)
	if p.ReturnDelay != 0 { // as in versions that do not know it
		fmt.Fprintf(h, "|%d", int64(p.ReturnDelay/time.Second))
	}
	if p.CNAME {
		fmt.Fprint(h, "|cname")
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
