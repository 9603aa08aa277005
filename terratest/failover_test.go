// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestFullFailover stops the application in the primary and starts it again.
func TestFullFailover(t *testing.T) {
	s := stage(t, 2)
	eu, others := s.Clusters[0], s.Clusters[1:]
	host := s.Host("failover")
	start(s, "app")
	balance(s, "failover", host, "app", primary(eu))
	s.Answers("the primary is answered", host, s.At(eu))
	s.Serves(host, eu)
	s.Scale("app", 0, eu)
	s.Answers("the others take over, together", host, s.At(others...))
	s.Serves(host, others...)
	s.AwaitGslb("the status of the primary says why", "failover", s.Clusters[:1], func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		return world.Condition(g, "Serving", metav1.ConditionTrue, "NoLocalReadyEndpoints")
	})
	s.Scale("app", 0, others...)
	s.Answers("nobody can serve: NODATA, never NXDOMAIN", host, world.NoData)
	s.Scale("app", 1, others...)
	s.Answers("the others are back", host, s.At(others...))
	s.Scale("app", 1, eu)
	s.Answers("the primary is back", host, s.At(eu))
	s.Serves(host, eu)
}

// TestFailoverOrder goes down an order of three clusters and up again.
func TestFailoverOrder(t *testing.T) {
	s := stage(t, 3)
	first, second, third := s.Clusters[2], s.Clusters[0], s.Clusters[1] // not the order of their names
	host := s.Host("order")
	start(s, "app")
	balance(s, "order", host, "app", failover(first, second, third))
	s.Answers("the first of the order is answered", host, s.At(first))
	s.Scale("app", 0, first)
	s.Answers("then the second, alone", host, s.At(second))
	s.Scale("app", 0, second)
	s.Answers("then the third", host, s.At(third))
	s.Scale("app", 1, second)
	s.Answers("the second is back", host, s.At(second))
	s.Scale("app", 1, first)
	s.Answers("the first is back", host, s.At(first))
}

// TestSplitFailover has each cluster ask for itself as the primary.
func TestSplitFailover(t *testing.T) {
	s := stage(t, 2)
	host := s.Host("split")
	start(s, "app")
	s.ApplyIn("apply a Gslb that names its own cluster the primary", s.Clusters, func(c *world.Cluster) string {
		return gslb("split", host, "app", primary(c))
	})
	s.AwaitEntries("split", s.Clusters...)
	own := map[world.Server]string{}
	var anyOwn []string
	for _, c := range s.Clusters {
		own[c.DNS] = s.At(c)
		anyOwn = append(anyOwn, s.At(c))
	}
	own[s.Edge] = world.AnyOf(anyOwn...)
	s.AnswersEach("each cluster answers with its own", host, own)
	s.AwaitGslb("the status shows that the policies differ", "split", s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		return world.Condition(g, "Accepted", metav1.ConditionTrue, "SpecDiverged")
	})
	a := s.Clusters[0]
	rest := s.Others(a)
	s.Scale("app", 0, a)
	own[a.DNS], own[s.Edge] = s.At(rest...), world.AnyOf(append(anyOwn[1:], s.At(rest...))...)
	s.AnswersEach("one is down: it answers with the others, they still with their own", host, own)
	b := s.Clusters[1]
	s.Scale("app", 0, b)
	s.Scale("app", 1, a)
	s.AwaitReady("app", a)
	own[a.DNS], own[b.DNS] = s.At(a), s.At(s.Others(b)...)
	own[s.Edge] = world.AnyOf(append(anyOwn, s.At(s.Others(b)...))...)
	s.AnswersEach("the other one is down instead", host, own)
	s.Scale("app", 0, s.Clusters...)
	s.Answers("down everywhere", host, world.NoData)
	s.Scale("app", 1, s.Clusters...)
	for i, c := range s.Clusters {
		own[c.DNS] = anyOwn[i]
	}
	own[s.Edge] = world.AnyOf(anyOwn...)
	s.AnswersEach("each is back to its own", host, own)
}
