// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestFullRoundRobin balances over two clusters, whatever else is there.
func TestFullRoundRobin(t *testing.T) {
	s := stage(t, 2)
	fullRoundRobin(s, s.Clusters[:2])
}

// TestFullRoundRobinOfThree balances over three.
func TestFullRoundRobinOfThree(t *testing.T) {
	s := stage(t, 3)
	fullRoundRobin(s, s.Clusters[:3])
}

// fullRoundRobin stops the application in each of some clusters in turn. Clusters
// without the Gslb answer as the others do.
func fullRoundRobin(s *world.Stage, cs []*world.Cluster) {
	host := s.Host("roundrobin")
	s.ApplyIn("apply the application and the Gslb", cs, func(c *world.Cluster) string {
		return app(c, s.AppImage, "app", 1) + "---\n" + gslb("roundrobin", host, "app", roundRobin)
	})
	s.AwaitReady("app", cs...)
	s.AwaitEntries("roundrobin", cs...)
	s.Answers("all addresses are answered", host, s.At(cs...))
	s.Serves(host, cs...)
	for _, server := range world.ServersOf(cs...) {
		rotates(s, server, host, s.At(cs...))
	}
	for i, c := range cs {
		rest := append(append([]*world.Cluster{}, cs[:i]...), cs[i+1:]...)
		s.Scale("app", 0, c)
		s.Answers("without "+c.GeoTag, host, s.At(rest...))
		s.Scale("app", 1, c)
		s.Answers(c.GeoTag+" is back", host, s.At(cs...))
	}
}

// rotates asks until every address has stood first.
func rotates(s *world.Stage, server world.Server, host, all string) {
	first := map[string]bool{}
	s.Until("every address stands first at "+server.Name+" now and then", world.Soon, func(ctx context.Context) error {
		r, err := server.Ask(ctx, host, dns.TypeA)
		if err != nil {
			return err
		}
		if got := world.Read(r); got != all {
			return fmt.Errorf("answered %q, want %q", got, all)
		}
		if a, ok := r.Answer[0].(*dns.A); ok {
			first[a.A.String()] = true
		}
		if len(first) < len(r.Answer) {
			return fmt.Errorf("only %v stood first of %q", first, all)
		}
		return nil
	})
}
