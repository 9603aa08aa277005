// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestAnnotatedIngress follows the life of an Ingress that asks for balancing by
// annotations alone, ours and those of k8gb.
func TestAnnotatedIngress(t *testing.T) {
	for prefix, name := range map[string]string{"gslb.meridian.dev": "ours", "k8gb.io": "k8gb"} {
		t.Run(name, func(t *testing.T) {
			s := stage(t, 2)
			annotatedLife(s, prefix)
		})
	}
}

func annotatedLife(s *world.Stage, prefix string) {
	eu, us := s.Clusters[0], s.Clusters[1]
	host := s.Host("annotated")
	ttl := fmt.Sprintf("%s/dns-ttl-seconds: %q", prefix, "1")
	apply := func(what string, annotations ...string) {
		s.ApplyIn(what, s.Clusters, func(*world.Cluster) string { return ingress("shop", host, "app", annotations...) })
	}
	start(s, "app")
	apply("apply an Ingress without annotations")
	s.AwaitEntries("shop", s.Clusters...)
	s.Answers("it is nobody's", host, world.NXDomain, world.ServersOf(s.Clusters...)...)

	apply("annotate it: round robin", prefix+"/strategy: roundRobin", ttl)
	owned(s, "a Gslb of its name appears, owned by it", func(g *gslbv1beta1.Gslb) error { return strategyIs(g, "roundRobin", "") })
	s.Answers("it is balanced", host, s.At(s.Clusters...))
	apply("change the strategy", prefix+"/strategy: failover", prefix+"/primary-geotag: "+us.GeoTag, ttl)
	owned(s, "the Gslb follows", func(g *gslbv1beta1.Gslb) error { return strategyIs(g, "failover", us.GeoTag) })
	s.Answers("so do the answers", host, s.At(us))
	apply("change the primary", prefix+"/strategy: failover", prefix+"/primary-geotag: "+eu.GeoTag, ttl)
	s.Answers("the other primary is answered", host, s.At(eu))

	apply("remove the annotations")
	gone(s, "shop", "the Gslb is gone")
	s.Answers("and the answer", host, world.NXDomain, world.ServersOf(s.Clusters...)...)
	apply("annotate it again", prefix+"/strategy: roundRobin", ttl)
	s.Answers("it is balanced again", host, s.At(s.Clusters...), world.ServersOf(s.Clusters...)...)
	s.Do("delete the Ingress", func(ctx context.Context) error {
		return each(s.Clusters, func(c *world.Cluster) error { return s.Delete(ctx, c, &networkingv1.Ingress{}, "shop") })
	})
	gone(s, "shop", "its Gslb goes with it")
	s.Answers("and the answer", host, world.NXDomain, world.ServersOf(s.Clusters...)...)
}

// TestAnnotatedIngressKeepsExplicitGslb has a Gslb that somebody wrote, of the
// name of an annotated Ingress.
func TestAnnotatedIngressKeepsExplicitGslb(t *testing.T) {
	s := stage(t, 2)
	eu := s.Clusters[0]
	host := s.Host("explicit")
	start(s, "app")
	s.ApplyIn("apply an Ingress, and a Gslb of its name with failover", s.Clusters, func(*world.Cluster) string {
		return ingress("shop", host, "app") + "---\n" + reference("shop", "shop", primary(eu))
	})
	s.AwaitEntries("shop", s.Clusters...)
	s.Answers("the primary is answered", host, s.At(eu))
	s.ApplyIn("annotate the Ingress with round robin", s.Clusters, func(*world.Cluster) string {
		return ingress("shop", host, "app", "gslb.meridian.dev/strategy: roundRobin", "k8gb.io/strategy: roundRobin")
	})
	other := s.Host("marker")
	s.ApplyIn("and another one, to see when it is read", s.Clusters, func(*world.Cluster) string {
		return ingress("marker", other, "app", "gslb.meridian.dev/strategy: roundRobin")
	})
	s.Answers("the other one is balanced", other, s.At(s.Clusters...), world.ServersOf(s.Clusters...)...)
	s.AwaitGslb("the Gslb keeps its spec and belongs to nobody", "shop", s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		if len(g.OwnerReferences) > 0 {
			return fmt.Errorf("it is owned by %v", g.OwnerReferences)
		}
		return strategyIs(g, "failover", eu.GeoTag)
	})
	s.Answers("the primary is answered still", host, s.At(eu))
}

// owned waits until every cluster has the Gslb of the Ingress shop.
func owned(s *world.Stage, what string, f func(g *gslbv1beta1.Gslb) error) {
	s.T.Helper()
	s.AwaitGslb(what, "shop", s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		owner := metav1.GetControllerOf(g)
		if owner == nil || owner.Kind != "Ingress" || owner.Name != "shop" {
			return fmt.Errorf("its owner is %v, want the Ingress shop", owner)
		}
		return f(g)
	})
}

func strategyIs(g *gslbv1beta1.Gslb, kind, primary string) error {
	if st := g.Spec.Strategy; string(st.Type) != kind || string(st.PrimaryGeoTag) != primary {
		return fmt.Errorf("the strategy is %q with primary %q, want %q with %q", st.Type, st.PrimaryGeoTag, kind, primary)
	}
	return nil
}

// gone waits until no cluster has the Gslb.
func gone(s *world.Stage, name, what string) {
	s.T.Helper()
	s.Until(what, world.Soon, func(ctx context.Context) error {
		return each(s.Clusters, func(c *world.Cluster) error {
			err := s.Get(ctx, c, &gslbv1beta1.Gslb{}, name)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err == nil {
				err = fmt.Errorf("%s still has the Gslb %s", c.Name, name)
			}
			return err
		})
	})
}

// each calls f for every cluster until one gives an error.
func each(cs []*world.Cluster, f func(c *world.Cluster) error) error {
	for _, c := range cs {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}
