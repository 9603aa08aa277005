// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// asked is how many questions have to show in the counters.
const asked = 100

// TestMetrics scrapes every Pod of Meridian through the API server.
func TestMetrics(t *testing.T) {
	s := stage(t, 1)
	s.NeedsMeridianPods()
	host, all := prepared(s)
	for _, c := range s.Clusters {
		s.Until("every Pod in "+c.GeoTag+" hears the other clusters and is ready", world.Soon, func(ctx context.Context) error {
			return eachPod(ctx, c, func(m world.Metrics) error { return healthyMetrics(m, s.Others(c)) })
		})
		before := queries(t.Context(), s, c)
		s.Do(fmt.Sprintf("ask %s %d times", c.GeoTag, asked), func(ctx context.Context) error {
			for range asked {
				if got := c.DNS.Addrs(ctx, host); got != all {
					return fmt.Errorf("answered %q, want %q", got, all)
				}
			}
			return nil
		})
		s.Until("the counters have them", world.Soon, func(ctx context.Context) error {
			if got := queries(ctx, s, c) - before; got < asked {
				return fmt.Errorf("they rose by %v, want %d or more", got, asked)
			}
			return nil
		})
	}
}

// healthyMetrics says what is not as it should be in a cluster that hears all others.
func healthyMetrics(m world.Metrics, others []*world.Cluster) error {
	is := func(want float64, name string, labels ...string) error {
		if got, ok := m.Sum(name, labels...); !ok || got != want {
			return fmt.Errorf("%s%v is %v (there: %t), want %v", name, labels, got, ok, want)
		}
		return nil
	}
	errs := []error{is(1, "meridian_dnsserver_ready"), is(0, "meridian_answers_table_stale")}
	for _, o := range others {
		errs = append(errs, is(1, "meridian_gslb_cluster_liveness", "geo_tag="+o.GeoTag, "liveness=fresh"))
	}
	return errors.Join(errs...)
}

// queries is how many questions all Pods of a cluster have counted.
func queries(ctx context.Context, s *world.Stage, c *world.Cluster) (sum float64) {
	err := eachPod(ctx, c, func(m world.Metrics) error {
		n, ok := m.Sum("meridian_dnsserver_queries_total", "qtype="+dns.TypeToString[dns.TypeA])
		if sum += n; !ok {
			return errors.New("no questions for A were counted")
		}
		return nil
	})
	if err != nil {
		s.T.Log(err) // the count is too low then, and the caller waits
	}
	return sum
}

func eachPod(ctx context.Context, c *world.Cluster, f func(m world.Metrics) error) error {
	pods, err := c.Pods(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pods {
		m, err := c.Metrics(ctx, p)
		if err == nil {
			err = f(m)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("Pod %s: %w", p.Name, err))
		}
	}
	return errors.Join(errs...)
}
