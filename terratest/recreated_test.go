// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestRecreatedObjects deletes what a Gslb lives of, and makes it again.
func TestRecreatedObjects(t *testing.T) {
	s := stage(t, 2)
	eu, us := s.Clusters[0], s.Clusters[1]
	rest := s.Others(eu)
	host, other := s.Host("recreated"), s.Host("renamed")
	start(s, "app")
	balance(s, "shop", host, "app", failover(eu, us))
	own := world.ServersOf(s.Clusters...)
	s.Answers("the first is answered", host, s.At(eu), own...)

	s.Do("delete the Deployment in "+eu.GeoTag, func(ctx context.Context) error { return s.Delete(ctx, eu, &appsv1.Deployment{}, "app") })
	s.Answers("the second takes over", host, s.At(us), own...)
	s.ApplyIn("make it again", []*world.Cluster{eu}, func(c *world.Cluster) string { return app(c, s.AppImage, "app", 1) })
	s.Answers("the first is back", host, s.At(eu), own...)

	ingressAgain(s, eu)
	s.Answers("the first is answered", host, s.At(eu), own...)

	s.Do("delete the Gslb in "+eu.GeoTag, func(ctx context.Context) error { return s.Delete(ctx, eu, &gslbv1beta1.Gslb{}, "shop") })
	s.Answers("only the others are answered, by every cluster", host, s.At(us), own...)
	s.ApplyIn("make it again, with the other order", []*world.Cluster{eu}, func(*world.Cluster) string { return gslb("shop", host, "app", failover(us, eu)) })
	s.AwaitEntries("shop", eu)
	s.AnswersEach("each answers by its own Gslb", host, map[world.Server]string{eu.DNS: s.At(us), us.DNS: s.At(eu)})

	s.Do("delete the Gslb everywhere", func(ctx context.Context) error {
		return each(s.Clusters, func(c *world.Cluster) error { return s.Delete(ctx, c, &gslbv1beta1.Gslb{}, "shop") })
	})
	s.Answers("the host is gone", host, world.NXDomain, own...)
	s.ApplyIn("make it again with another host", s.Clusters, func(*world.Cluster) string { return gslb("shop", other, "app", roundRobin) })
	s.AwaitEntries("shop", s.Clusters...)
	s.Answers("the other host is answered", other, s.At(s.Clusters...))
	s.Answers("the first one is not", host, world.NXDomain, own...)

	s.Do("delete the namespace in "+eu.GeoTag, func(ctx context.Context) error {
		return eu.API.Delete(ctx, world.Namespace(s.Namespace))
	})
	s.Answers("only the others are answered", other, s.At(rest...))
	namespaceAgain(s, eu)
	s.ApplyIn("make all in it again", []*world.Cluster{eu}, func(c *world.Cluster) string {
		return app(c, s.AppImage, "app", 1) + "---\n" + gslb("shop", other, "app", roundRobin)
	})
	s.AwaitEntries("shop", eu)
	s.Answers("all are answered again", other, s.At(s.Clusters...))
	s.Serves(other, s.Clusters...)
}

// ingressAgain deletes the Ingress that belongs to a Gslb: it is made again.
func ingressAgain(s *world.Stage, c *world.Cluster) {
	var before networkingv1.Ingress
	s.Do("delete the Ingress of the Gslb in "+c.GeoTag, func(ctx context.Context) error {
		if err := s.Get(ctx, c, &before, "shop"); err != nil {
			return err
		}
		return s.Delete(ctx, c, &networkingv1.Ingress{}, "shop")
	})
	s.Until("it is made again", world.Soon, func(ctx context.Context) error {
		var now networkingv1.Ingress
		err := s.Get(ctx, c, &now, "shop")
		if err == nil && now.UID == before.UID {
			err = fmt.Errorf("the old one is still there")
		}
		return err
	})
	s.AwaitEntries("shop", c)
}

// namespaceAgain waits until the stage's namespace is gone and makes it again.
func namespaceAgain(s *world.Stage, c *world.Cluster) {
	s.Until("the namespace is gone and can be made again", world.Patiently, func(ctx context.Context) error {
		err := c.API.Create(ctx, world.Namespace(s.Namespace))
		if apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("it is still there: %w", err)
		}
		return err
	})
}
