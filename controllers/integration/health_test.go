// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func TestEndpointsDecideHealthAndEventsTellOfAnswers(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1", "192.0.2.2")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")
	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)

	setReady(t, s.api, ns, "shop", false)
	s.answers("shop.cloud.example.com")
	g := s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	assert.Equal(t, gslbv1beta1.Unhealthy, g.Status.ServiceHealth["shop.cloud.example.com"])
	assert.Empty(t, g.Status.HealthyClusters)
	assert.Empty(t, g.Status.HealthyRecords["shop.cloud.example.com"])
	assert.Equal(t, int64(1), g.Generation, "the spec is never written")

	require.NoError(t, s.api.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"}}))
	g = s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonServiceNotFound)
	assert.Equal(t, gslbv1beta1.NotFound, g.Status.ServiceHealth["shop.cloud.example.com"])

	eventually(t, func() error {
		events := s.events("Gslb", ns, "shop")
		if !containing(events, "Normal AnswerChanged shop.cloud.example.com: no address → 192.0.2.1, 192.0.2.2") ||
			!containing(events, "Warning NothingCanServe shop.cloud.example.com: 192.0.2.1, 192.0.2.2 → no address") {
			return notYet("events are %q", events)
		}
		return nil
	})
}

func TestOneChangedSliceTranslatesOnlyItsGslbs(t *testing.T) {
	crds, err := definitions()
	require.NoError(t, err)
	s := newSite(t, ownServer(t, crds)) // so that what is counted is of this test alone
	ns := namespace(t, s.api, nil)
	const n = 100
	app(t, s.api, ns, "shared", true)
	for i := range n {
		name := fmt.Sprintf("app-%d", i)
		service := name
		if i < 3 {
			service = "shared" // three Gslbs stand on one Service
		} else {
			app(t, s.api, ns, name, true)
		}
		ingress(t, s.api, ingressOf(ns, name, name+".cloud.example.com", service, nil), "192.0.2.1")
		require.NoError(t, s.api.Create(t.Context(), referring(ns, name, gslbv1beta1.ResourceRef{Name: name})))
	}
	for i := range n {
		s.answers(fmt.Sprintf("app-%d.cloud.example.com", i), "192.0.2.1")
		s.condition(ns, fmt.Sprintf("app-%d", i), gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	}
	s.quiet()

	before := s.translations()
	setReady(t, s.api, ns, "app-50", false)
	s.answers("app-50.cloud.example.com")
	s.quiet()
	assert.Equal(t, 1, s.translations()-before, "one slice, one Gslb")

	before = s.translations()
	setReady(t, s.api, ns, "shared", false)
	for i := range 3 {
		s.answers(fmt.Sprintf("app-%d.cloud.example.com", i))
	}
	s.quiet()
	assert.Equal(t, 3, s.translations()-before, "one slice, the three Gslbs on its Service")

	before = s.translations()
	app(t, s.api, ns, "stranger", true)
	setReady(t, s.api, ns, "stranger", false)
	s.quiet()
	assert.Equal(t, before, s.translations(), "a slice that no host depends on")
	assert.Empty(t, s.quiet(), "nothing is written when nothing changes")
}

func TestMarkFollowsTheSlicesThatChangedSomething(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers("shop.cloud.example.com", "192.0.2.1")

	setReady(t, s.api, ns, "shop", false)
	s.answers("shop.cloud.example.com")
	slice := &discoveryv1.EndpointSlice{}
	require.NoError(t, s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "shop-1"}, slice))
	eventually(t, func() error {
		if mark := s.store.World().Local.Mark; fmt.Sprint(mark) != slice.ResourceVersion {
			return notYet("the mark is %d, the slice's version %s", mark, slice.ResourceVersion)
		}
		return nil
	})

	s.quiet()
	revision := s.store.World().Revision
	app(t, s.api, ns, "stranger", true)
	s.quiet()
	assert.Equal(t, revision, s.store.World().Revision, "what changes nothing makes no new World")
}

func TestBadGslbHarmsItselfAlone(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	ingress(t, s.api, ingressOf(ns, "outside", "shop.elsewhere.example.net", "shop", nil), "192.0.2.2")
	empty := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "hostless"},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Name: "http"}}}}}
	ingress(t, s.api, empty, "192.0.2.3")
	for _, g := range [][2]string{{"good", "web"}, {"outside", "outside"}, {"hostless", "hostless"}, {"later", "web"}} {
		require.NoError(t, s.api.Create(t.Context(), referring(ns, g[0], gslbv1beta1.ResourceRef{Name: g[1]})))
		if g[0] == "good" {
			s.answers("shop.cloud.example.com", "192.0.2.1")
		}
	}
	g := s.condition(ns, "outside", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonHostOutsideZones)
	assert.Contains(t, fmt.Sprint(g.Status.Conditions), "cloud.example.com", "the message names the zones")
	s.condition(ns, "outside", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNotAccepted)
	s.condition(ns, "hostless", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonNoHosts)
	s.answers("shop.cloud.example.com", "192.0.2.1")

	winner, loser := "good", "later" // in one second or not
	s.condition(ns, winner, gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
	g = s.condition(ns, loser, gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonConflicted)
	assert.Contains(t, fmt.Sprint(g.Status.Conditions), ns+"/"+winner, "the message names who has it")

	require.NoError(t, s.api.Delete(t.Context(), &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: winner}}))
	s.condition(ns, loser, gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
}
