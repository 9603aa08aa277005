// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestClusterKilled stops a whole cluster, as a power cut does, and starts it
// again. What the others serve by themselves never fails meanwhile.
func TestClusterKilled(t *testing.T) {
	s := stage(t, 2)
	if !s.HasProvider() {
		s.Lacks("the provider's script " + s.ProviderScript + ", which stops and starts clusters")
	}
	dead, alive := s.Clusters[0], s.Clusters[1:]
	rr, fail, calm := s.Host("roundrobin"), s.Host("failover"), s.Host("calm")
	start(s, "app")
	balance(s, "roundrobin", rr, "app", roundRobin)
	balance(s, "failover", fail, "app", primary(dead))
	balance(s, "calm", calm, "app", failover(append(append([]*world.Cluster{}, alive...), dead)...))
	all := s.At(s.Clusters...)
	s.Answers("all are answered", rr, all)
	s.Answers("the primary is answered", fail, s.At(dead))
	s.Answers("and another one for the third host", calm, s.At(alive[0]))
	asker := s.Ask(calm, s.At(alive[0]), world.ServersOf(alive...)...)

	begin := time.Now()
	s.Do("stop the cluster "+dead.GeoTag, func(ctx context.Context) error { return s.StopCluster(ctx, dead) })
	t.Cleanup(func() { revive(t, s, dead) })
	s.Answers("it is gone from round robin", rr, s.At(alive...), world.ServersOf(alive...)...)
	s.Note("from before the stop until it is gone", fmt.Sprintf("%.2f s", time.Since(begin).Seconds()))
	s.Until("every replica has dropped it", world.Soon, func(ctx context.Context) error {
		for _, server := range world.ServersOf(alive...) {
			for range 16 { // each time from a new port, so of any replica
				if got := server.Addrs(ctx, rr); got != s.At(alive...) {
					return fmt.Errorf("%s answers %q", server.Name, got)
				}
			}
		}
		return nil
	})
	gone := s.Ask(rr, s.At(alive...), world.ServersOf(alive...)...)
	s.Answers("the others took over its failover host", fail, s.At(alive...), world.ServersOf(alive...)...)
	s.Answers("the edge sees the same", rr, s.At(alive...), s.Edge)
	s.Answers("for the failover host too", fail, s.At(alive...), s.Edge)
	s.Serves(fail, alive...)
	lost := func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		for _, c := range g.Status.Clusters {
			if c.GeoTag == dead.GeoTag && c.Liveness == gslbv1beta1.LivenessLost {
				return nil
			}
		}
		return fmt.Errorf("the status does not show %s as lost: %v", dead.GeoTag, g.Status.Clusters)
	}
	s.AwaitGslb("the status shows it lost", "roundrobin", alive, lost)

	s.NothingFailed("it stays away", gone)
	s.Do("start it again", func(ctx context.Context) error { return s.StartCluster(ctx, dead) })
	s.Until("its API and Meridian work", world.Patiently, func(ctx context.Context) error {
		if err := dead.API.List(ctx, &gslbv1beta1.GslbList{}); err != nil {
			return err
		}
		if got := dead.DNS.Zone(ctx, s.Zone); got != "" {
			return fmt.Errorf("its DNS server: %s", got)
		}
		return nil
	})
	s.AwaitReady("app", dead)
	s.AwaitEntries("roundrobin", dead)
	s.Answers("it is back in round robin", rr, s.At(s.Clusters...))
	s.Answers("and is the primary again", fail, s.At(dead))
	s.Serves(fail, dead)
	s.NothingFailed("the third host, all the while", asker)
}

// revive starts the cluster for the tests that follow, where this one ended early.
func revive(t *testing.T, s *world.Stage, c *world.Cluster) {
	ctx, cancel := context.WithTimeout(context.Background(), world.Patiently)
	defer cancel()
	if c.DNS.Zone(ctx, s.Zone) != "" {
		assert.NoError(t, s.StartCluster(ctx, c))
	}
}
