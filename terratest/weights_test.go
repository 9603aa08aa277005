// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// draws is how many answers of each server are counted.
const draws = 600

// TestWeights counts answers: each cluster's share is its weight, within bounds
// that a right server leaves once in a million counts.
func TestWeights(t *testing.T) {
	s := stage(t, 2)
	host := s.Host("weights")
	start(s, "app")
	weights := []int{5, 3, 2}
	cs := s.Clusters[:min(len(s.Clusters), len(weights))]
	balance(s, "weights", host, "app", weighted(cs, weights))
	s.AwaitGslb("every cluster can be drawn", "weights", s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		if n := len(g.Status.Answers); n != len(cs) {
			return fmt.Errorf("%d answers are drawn from, want %d", n, len(cs))
		}
		return nil
	})
	s.Answers("one cluster at a time is answered", host, wanted(s, cs))
	sum := 0
	for i := range cs {
		sum += weights[i]
	}
	for _, server := range world.ServersOf(s.Clusters...) {
		seen := count(s, server, host, draws)
		total := 0
		for i, c := range cs {
			n := seen[s.At(c)]
			total += n
			lo, hi := world.Binomial(draws, float64(weights[i])/float64(sum), world.FalseAlarm)
			s.Note(fmt.Sprintf("%s draws %s", server.Name, c.GeoTag), fmt.Sprintf("%d of %d; weight %d of %d allows %d to %d", n, draws, weights[i], sum, lo, hi))
			assert.Truef(t, lo <= n && n <= hi, "%s drew %s %d times, want %d to %d", server.Name, c.GeoTag, n, lo, hi)
		}
		assert.Equal(t, draws, total, "%s answered something else too: %v", server.Name, seen)
	}
	zeroWeight(t, s, host, cs)
}

// zeroWeight gives all but the first cluster weight 0: they are drawn only when
// nothing else is left.
func zeroWeight(t *testing.T, s *world.Stage, host string, cs []*world.Cluster) {
	first, rest := cs[0], cs[1:]
	s.ApplyIn("weight 1 for "+first.GeoTag+", 0 for the others", s.Clusters, func(*world.Cluster) string {
		return gslb("weights", host, "app", weighted(cs, []int{1, 0, 0}))
	})
	s.AwaitGslbObserved("weights")
	s.Answers("only "+first.GeoTag+" is answered", host, s.At(first))
	for _, server := range world.ServersOf(s.Clusters...) {
		assert.Equal(t, map[string]int{s.At(first): draws / 3}, count(s, server, host, draws/3), "weight 0 was drawn by %s", server.Name)
	}
	s.Scale("app", 0, first)
	s.Answers("nothing else is left: weight 0 is drawn", host, wanted(s, rest))
	s.Scale("app", 1, first)
	s.Answers("and not any more", host, s.At(first))
}

func weighted(cs []*world.Cluster, weights []int) string {
	var w []string
	for i, c := range cs {
		w = append(w, fmt.Sprintf("%s: %d", c.GeoTag, weights[i]))
	}
	return "type: weightedRoundRobin, weight: {" + strings.Join(w, ", ") + "}"
}

// wanted is the answer with the addresses of any one of some clusters.
func wanted(s *world.Stage, cs []*world.Cluster) string {
	var each []string
	for _, c := range cs {
		each = append(each, s.At(c))
	}
	return world.AnyOf(each...)
}

// count asks n times and counts the answers.
func count(s *world.Stage, server world.Server, host string, n int) map[string]int {
	var seen map[string]int
	s.Do(fmt.Sprintf("ask %s %d times", server.Name, n), func(ctx context.Context) (err error) {
		seen, err = server.Count(ctx, host, n)
		return err
	})
	return seen
}
