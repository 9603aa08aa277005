// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func ingressOf(ns, name, host, service string, labels map[string]string) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels},
		Spec:       networkingv1.IngressSpec{Rules: rules(host, service)},
	}
}

func TestReferenceByNameFollowsTheObjectAndNeverWritesIt(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonResourceNotFound)

	ing := ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1", "2001:db8::1")
	s.answers("shop.cloud.example.com", "192.0.2.1", "2001:db8::1")
	g := s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	assert.Equal(t, "shop.cloud.example.com", g.Status.Hosts)
	assert.Equal(t, "eu", g.Status.GeoTag)
	assert.Equal(t, "eu", g.Status.HealthyClusters)
	assert.Equal(t, map[string]gslbv1beta1.ServiceHealth{"shop.cloud.example.com": gslbv1beta1.Healthy}, g.Status.ServiceHealth)
	require.Len(t, g.Status.Servers, 1)
	assert.Equal(t, "shop.cloud.example.com", g.Status.Servers[0].Host)
	assert.Equal(t, []gslbv1beta1.NamespacedName{{Namespace: ns, Name: "shop"}}, g.Status.Servers[0].Services)
	require.NotNil(t, g.Status.Servers[0].ClaimedAt)
	assert.False(t, g.Status.Servers[0].ClaimedAt.Time.Before(g.CreationTimestamp.Time), "nothing is claimed before it is there")
	require.Len(t, g.Status.Answers, 2, "one for each family")
	assert.Equal(t, []string{"192.0.2.1"}, g.Status.Answers[0].Addresses)
	assert.Equal(t, []string{"2001:db8::1"}, g.Status.Answers[1].Addresses)

	setAddresses(t, s.api, ing, "192.0.2.7")
	s.answers("shop.cloud.example.com", "192.0.2.7")

	require.NoError(t, s.api.Delete(t.Context(), ing))
	s.absent("shop.cloud.example.com")
	s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonResourceNotFound)
}

func TestReferenceIntoAnotherNamespaceIsFollowedByIndex(t *testing.T) {
	s := newSite(t, server)
	here, there := namespace(t, s.api, nil), namespace(t, s.api, nil)
	app(t, s.api, there, "shop", true)
	ingress(t, s.api, ingressOf(there, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(here, "shop", gslbv1beta1.ResourceRef{Name: "web", Namespace: there})))
	s.condition(here, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonRefNotPermitted)
	s.absent("shop.cloud.example.com")
	install(t, gatewayAPI(t, "referencegrants"))
	applyAll(t, s.api, there, `apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: $NS, name: shops}
spec:
  from: [{group: gslb.meridian.dev, kind: Gslb, namespace: `+here+`}]
  to: [{group: networking.k8s.io, kind: Ingress}]`)
	s.answers("shop.cloud.example.com", "192.0.2.1")

	setReady(t, s.api, there, "shop", false)
	s.answers("shop.cloud.example.com")
	setReady(t, s.api, there, "shop", true)
	s.answers("shop.cloud.example.com", "192.0.2.1")
}

func TestReferenceByLabelsFollowsTheLabels(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	blue := ingress(t, s.api, ingressOf(ns, "blue", "blue.cloud.example.com", "shop", map[string]string{"live": "yes"}), "192.0.2.1")
	green := ingress(t, s.api, ingressOf(ns, "green", "green.cloud.example.com", "shop", nil), "192.0.2.2")
	ref := gslbv1beta1.ResourceRef{LabelSelector: gslbv1beta1.LabelSelector{MatchLabels: map[string]gslbv1beta1.LabelValue{"live": "yes"}}}
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", ref)))
	s.answers("blue.cloud.example.com", "192.0.2.1")

	relabel(t, s.api, green, "yes")
	s.answers("green.cloud.example.com", "192.0.2.2")
	s.answers("blue.cloud.example.com", "192.0.2.1") // several objects are balanced together
	relabel(t, s.api, blue, "no")
	s.answers("green.cloud.example.com", "192.0.2.2")
	s.absent("blue.cloud.example.com")
}

func relabel(t testing.TB, api client.Client, ing *networkingv1.Ingress, live string) {
	t.Helper()
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing); err != nil {
			return err
		}
		ing.Labels = map[string]string{"live": live}
		return api.Update(t.Context(), ing)
	})
}

func TestEntriesOutliveAStatusThatGoesEmpty(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ing := ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers("shop.cloud.example.com", "192.0.2.1")

	setAddresses(t, s.api, ing)
	before := s.translations()
	relabel(t, s.api, ing, "touched") // a later event of the same object, so that the empty status was surely seen
	eventually(t, func() error {
		if s.translations() == before {
			return notYet("not translated")
		}
		return nil
	})
	s.answers("shop.cloud.example.com", "192.0.2.1")
	setAddresses(t, s.api, ing, "192.0.2.8")
	s.answers("shop.cloud.example.com", "192.0.2.8")
}

// TestEntriesOutliveARestartWhileTheirStatusIsEmpty: an ingress controller and Meridian are
// replaced at the same time, as when a node is drained.
func TestEntriesOutliveARestartWhileTheirStatusIsEmpty(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	const host = "restarted.cloud.example.com"
	app(t, s.api, ns, "shop", true)
	ing := ingress(t, s.api, ingressOf(ns, "web", host, "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers(host, "192.0.2.1")
	setAddresses(t, s.api, ing)
	s.quiet()
	s.answers(host, "192.0.2.1")
	s.stop()

	next := newSite(t, server, withSaved(t, s.store.Save()))
	eventually(t, func() error {
		if w := next.store.World(); w == nil || !w.Local.Synced {
			return notYet("objects are not read")
		}
		return nil
	})
	next.quiet()
	next.answers(host, "192.0.2.1")
	setAddresses(t, s.api, ing, "192.0.2.8")
	next.answers(host, "192.0.2.8")

	setAddresses(t, s.api, ing)
	next.stop()
	other := newSite(t, server) // it knows nothing of before
	other.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	other.answers(host)
}
