// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func annotate(t testing.TB, api client.Client, ing *networkingv1.Ingress, annotations map[string]string) {
	t.Helper()
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing); err != nil {
			return err
		}
		ing.Annotations = annotations
		return api.Update(t.Context(), ing)
	})
}

// gslbOf waits for the Gslb of an Ingress that meets a condition.
func (s *site) gslbOf(ing *networkingv1.Ingress, meets func(*gslbv1beta1.Gslb) bool) *gslbv1beta1.Gslb {
	s.t.Helper()
	g := &gslbv1beta1.Gslb{}
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKeyFromObject(ing), g); err != nil {
			return err
		}
		if !meets(g) {
			return notYet("the Gslb is %+v", g.Spec)
		}
		return nil
	})
	return g
}

func TestAnnotatedIngressMakesItsGslb(t *testing.T) {
	s := newSite(t, server)
	for name, keys := range map[string]struct{ strategy, primary, ttl string }{
		"of Meridian":      {gslbv1beta1.AnnotationStrategy, gslbv1beta1.AnnotationPrimaryGeoTag, gslbv1beta1.AnnotationDNSTTLSeconds},
		"of the incumbent": {gslbv1beta1.K8gbAnnotationStrategy, gslbv1beta1.K8gbAnnotationPrimaryGeoTag, gslbv1beta1.K8gbAnnotationDNSTTLSeconds},
	} {
		t.Run(name, func(t *testing.T) {
			ns := namespace(t, s.api, nil)
			app(t, s.api, ns, "shop", true)
			ing := ingressOf(ns, "shop", "shop.cloud.example.com", "shop", nil)
			ing.Annotations = map[string]string{keys.strategy: "failover", keys.primary: "eu"}
			ingress(t, s.api, ing, "192.0.2.1")

			g := s.gslbOf(ing, func(*gslbv1beta1.Gslb) bool { return true })
			assert.True(t, metav1.IsControlledBy(g, ing), "the Gslb belongs to the Ingress and goes with it")
			assert.Equal(t, gslbv1beta1.Failover, g.Spec.Strategy.Type)
			assert.Equal(t, gslbv1beta1.GeoTag("eu"), g.Spec.Strategy.PrimaryGeoTag)
			s.answers("shop.cloud.example.com", "192.0.2.1")

			annotate(t, s.api, ing, map[string]string{keys.strategy: "roundRobin", keys.ttl: "7"})
			g = s.gslbOf(ing, func(g *gslbv1beta1.Gslb) bool { return g.Spec.Strategy.Type == gslbv1beta1.RoundRobin })
			assert.Equal(t, int32(7), *g.Spec.Strategy.DNSTTLSeconds)

			eventually(t, func() error { // what people write into it
				require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), g))
				g.Spec.Strategy.DNSTTLSeconds = new(int32)
				return s.api.Update(t.Context(), g)
			})
			s.gslbOf(ing, func(g *gslbv1beta1.Gslb) bool { return *g.Spec.Strategy.DNSTTLSeconds == 7 })

			annotate(t, s.api, ing, nil)
			eventually(t, func() error {
				if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), g); !apierrors.IsNotFound(err) {
					return notYet("the Gslb is there: %v", err)
				}
				return nil
			})
			s.absent("shop.cloud.example.com")
		})
	}
}

func TestExplicitGslbKeepsItsSpecBesideAnAnnotatedIngress(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	own := referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "shop"})
	require.NoError(t, s.api.Create(t.Context(), own))
	ing := ingressOf(ns, "shop", "shop.cloud.example.com", "shop", nil)
	ing.Annotations = map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "failover", gslbv1beta1.K8gbAnnotationPrimaryGeoTag: "us"}
	ingress(t, s.api, ing, "192.0.2.1")

	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	assert.Empty(t, s.quiet())
	g := s.gslbOf(ing, func(*gslbv1beta1.Gslb) bool { return true })
	assert.Equal(t, gslbv1beta1.RoundRobin, g.Spec.Strategy.Type)
	assert.Equal(t, int64(1), g.Generation, "its spec was never written")
	assert.Empty(t, g.OwnerReferences)
}

func TestWrongAnnotationLeavesTheGslbAndTellsInAnEvent(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ing := ingressOf(ns, "shop", "shop.cloud.example.com", "shop", nil)
	ing.Annotations = map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin"}
	ingress(t, s.api, ing, "192.0.2.1")
	s.answers("shop.cloud.example.com", "192.0.2.1")

	annotate(t, s.api, ing, map[string]string{gslbv1beta1.AnnotationStrategy: "randomly"})
	eventually(t, func() error {
		if events := s.events("Ingress", ns, "shop"); !containing(events, "gslb.meridian.dev/strategy") {
			return notYet("events are %q", events)
		}
		return nil
	})
	s.answers("shop.cloud.example.com", "192.0.2.1")
	g := s.gslbOf(ing, func(*gslbv1beta1.Gslb) bool { return true })
	assert.Equal(t, gslbv1beta1.RoundRobin, g.Spec.Strategy.Type)
}

func TestIngressOfAnEmbeddedSpecMakesNoSecondGslb(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	g := embedded(ns, "shop", "shop.cloud.example.com", "shop")
	require.NoError(t, s.api.Create(t.Context(), g))
	ing := &networkingv1.Ingress{}
	eventually(t, func() error { return s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing) })
	annotate(t, s.api, ing, map[string]string{gslbv1beta1.AnnotationStrategy: "failover"})
	s.quiet()
	var all gslbv1beta1.GslbList
	require.NoError(t, s.api.List(t.Context(), &all, client.InNamespace(ns)))
	require.Len(t, all.Items, 1)
	assert.Equal(t, gslbv1beta1.RoundRobin, all.Items[0].Spec.Strategy.Type)
}
