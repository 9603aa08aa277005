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

func TestEmbeddedIngressIsMadeOwnedUpdatedAndRestored(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	g := embedded(ns, "shop", "shop.cloud.example.com", "shop")
	require.NoError(t, s.api.Create(t.Context(), g))

	ing := &networkingv1.Ingress{}
	eventually(t, func() error { return s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing) })
	assert.True(t, metav1.IsControlledBy(ing, g), "the Ingress belongs to the Gslb")
	assert.Equal(t, "shop.cloud.example.com", ing.Spec.Rules[0].Host)
	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)

	setAddresses(t, s.api, ing, "192.0.2.1", "192.0.2.2")
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")
	g = s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	assert.Equal(t, []string{"192.0.2.1", "192.0.2.2"}, g.Status.HealthyRecords["shop.cloud.example.com"])

	g.Spec.Ingress.Rules[0].Host = "store.cloud.example.com"
	require.NoError(t, s.api.Update(t.Context(), g))
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing))
		if ing.Spec.Rules[0].Host != "store.cloud.example.com" {
			return notYet("the Ingress has host %s", ing.Spec.Rules[0].Host)
		}
		return nil
	})
	s.answers("store.cloud.example.com", "192.0.2.1", "192.0.2.2")
	s.absent("shop.cloud.example.com")

	ing.Spec.Rules[0].Host = "hand.cloud.example.com"
	ing.Labels["team"] = "blue"
	require.NoError(t, s.api.Update(t.Context(), ing))
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing))
		if ing.Spec.Rules[0].Host != "store.cloud.example.com" {
			return notYet("the Ingress has host %s", ing.Spec.Rules[0].Host)
		}
		return nil
	})
	assert.Equal(t, "blue", ing.Labels["team"], "what others added stays")
	assert.Empty(t, s.quiet(), "nothing is written when nothing changes")
}

func TestForeignIngressIsNeverWritten(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	foreign := ingress(t, s.api, &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"}, Spec: networkingv1.IngressSpec{Rules: rules("other.cloud.example.com", "shop")},
	}, "192.0.2.9")
	require.NoError(t, s.api.Create(t.Context(), embedded(ns, "shop", "shop.cloud.example.com", "shop")))

	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonIngressNotWritten)
	s.quiet()
	now := &networkingv1.Ingress{}
	require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(foreign), now))
	assert.Equal(t, foreign.ResourceVersion, now.ResourceVersion)
}

func TestRefusedIngressIsShownAndTriedAgain(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	// A quota of no Ingresses: the API server refuses what the rules of the Gslb allow.
	quota := quotaOfIngresses(ns, 0)
	require.NoError(t, s.api.Create(t.Context(), quota))
	setQuotaStatus(t, s.api, quota)
	g := embedded(ns, "shop", "shop.cloud.example.com", "shop")
	require.NoError(t, s.api.Create(t.Context(), g))

	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonIngressNotWritten)
	require.NoError(t, s.api.Delete(t.Context(), quota))
	eventually(t, func() error { return s.api.Get(t.Context(), client.ObjectKeyFromObject(g), &networkingv1.Ingress{}) })
	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
}

func TestGslbThatIsDeletedLeavesTheAnswers(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	g := embedded(ns, "shop", "shop.cloud.example.com", "shop")
	require.NoError(t, s.api.Create(t.Context(), g))
	ing := &networkingv1.Ingress{}
	eventually(t, func() error { return s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing) })
	setAddresses(t, s.api, ing, "192.0.2.1")
	s.answers("shop.cloud.example.com", "192.0.2.1")

	require.NoError(t, s.api.Delete(t.Context(), g))
	s.absent("shop.cloud.example.com")
	require.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g)))
}
