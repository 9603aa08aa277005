// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/terratest/world"
)

// TestHealthOfHosts has hosts whose Service does not exist, has no Pods, and has
// some, side by side; then an override by hand.
func TestHealthOfHosts(t *testing.T) {
	s := stage(t, 1)
	healthy, unhealthy, missing := s.Host("healthy"), s.Host("unhealthy"), s.Host("notfound")
	first := s.Clusters[0]
	start(s, "app")
	s.ApplyIn("apply an application without Pods", s.Clusters, func(c *world.Cluster) string { return app(c, s.AppImage, "unhealthy-app", 0) })
	balance(s, "healthy", healthy, "app", roundRobin)
	balance(s, "unhealthy", unhealthy, "unhealthy-app", roundRobin)
	balance(s, "notfound", missing, "notfound-app", roundRobin)
	s.Answers("the healthy one is answered", healthy, s.At(s.Clusters...))
	s.Answers("the unhealthy one exists, without address", unhealthy, world.NoData)
	s.Answers("so does the one without Service", missing, world.NoData)
	for name, want := range map[string]struct {
		host   string
		health gslbv1beta1.ServiceHealth
	}{"healthy": {healthy, "Healthy"}, "unhealthy": {unhealthy, "Unhealthy"}, "notfound": {missing, "NotFound"}} {
		s.AwaitGslb("the status of "+name+" is "+string(want.health), name, s.Clusters, func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
			if got := g.Status.ServiceHealth[want.host]; got != want.health {
				return fmt.Errorf("serviceHealth is %q", got)
			}
			return nil
		})
	}
	s.Scale("unhealthy-app", 1, first)
	s.Answers("with Pods in one cluster it is answered", unhealthy, s.At(first))
	s.Do("make the missing Service in the same cluster", func(ctx context.Context) error {
		return s.Apply(ctx, first, app(first, s.AppImage, "notfound-app", 1))
	})
	s.Answers("the host that had none is answered", missing, s.At(first))
	s.Do("and delete it again", func(ctx context.Context) error { return s.Delete(ctx, first, &corev1.Service{}, "notfound-app") })
	s.Answers("it is not answered any more", missing, world.NoData)
	overridden(s, healthy)
}

// overridden drains and forces a host by annotation.
func overridden(s *world.Stage, host string) {
	first := s.Clusters[0]
	if len(s.Clusters) < 2 {
		return
	}
	annotate := func(value string) {
		s.Do("annotate the override: "+value, func(ctx context.Context) error {
			return s.Patch(ctx, first, &gslbv1beta1.Gslb{}, "healthy", fmt.Sprintf(`{"metadata":{"annotations":{"gslb.meridian.dev/override":%s}}}`, value))
		})
	}
	annotate(`"drain"`)
	s.Answers("the drained cluster is left out", host, s.At(s.Others(first)...))
	annotate("null")
	s.Answers("and answered again", host, s.At(s.Clusters...))
	s.Scale("app", 0, first)
	s.Answers("without Pods it is left out", host, s.At(s.Others(first)...))
	annotate(`"force"`)
	s.Answers("forced, it is answered all the same", host, s.At(s.Clusters...))
}

// TestServiceHealthPolicy has two Services behind one host.
func TestServiceHealthPolicy(t *testing.T) {
	s := stage(t, 1)
	first := s.Clusters[0]
	hosts := map[string]string{"Any": s.Host("any"), "All": s.Host("all")}
	start(s, "front", "api")
	for policy, host := range hosts {
		name := "policy-" + map[string]string{"Any": "any", "All": "all"}[policy]
		s.ApplyIn("apply a host with two Services and the policy "+policy, s.Clusters, func(*world.Cluster) string {
			return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: %s}
spec:
  ingress:
    rules:
    - host: %s
      http:
        paths:
        - {path: /, pathType: Prefix, backend: {service: {name: front, port: {name: http}}}}
        - {path: /api, pathType: Prefix, backend: {service: {name: api, port: {name: http}}}}
  serviceHealthPolicy: %s
  strategy: {type: roundRobin, dnsTtlSeconds: 1}
`, name, host, policy)
		})
		s.AwaitEntries(name, s.Clusters...)
		s.Answers("both Services are up: all are answered", host, s.At(s.Clusters...))
	}
	without := world.NoData
	if rest := s.Others(first); len(rest) > 0 {
		without = s.At(rest...)
	}
	s.Scale("api", 0, first)
	s.Answers("one of two is down, policy All: left out", hosts["All"], without)
	s.AwaitGslb("policy Any: still healthy", "policy-any", s.Clusters[:1], func(_ *world.Cluster, g *gslbv1beta1.Gslb) error {
		return world.Condition(g, "Serving", metav1.ConditionTrue, "Serving")
	})
	s.Answers("and answered", hosts["Any"], s.At(s.Clusters...))
	s.Scale("front", 0, first)
	s.Answers("both are down, policy Any: left out", hosts["Any"], without)
	s.Scale("front", 1, first)
	s.Answers("one is back, policy Any: answered", hosts["Any"], s.At(s.Clusters...))
	s.Scale("api", 1, first)
	s.Answers("both are back, policy All: answered", hosts["All"], s.At(s.Clusters...))
}
