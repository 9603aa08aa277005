// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func available(status corev1.ConditionStatus) appsv1.DeploymentStatus {
	return appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: status, Reason: "Told"}}}
}

// TestReadinessGatesAreFollowed: a condition of an object that Meridian knows nothing of.
func TestReadinessGatesAreFollowed(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	g := referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})
	g.Spec.ReadinessGates = []gslbv1beta1.ReadinessGate{{APIVersion: "apps/v1", Kind: "Deployment", Name: "db", ConditionType: "Available"}}
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers("shop.cloud.example.com") // there is no such object

	labels := map[string]string{"app": "db"}
	db := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "db"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "db"}}},
		}},
	}
	require.NoError(t, s.api.Create(t.Context(), db))
	tell := func(status corev1.ConditionStatus) {
		t.Helper()
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(db), db))
		db.Status = available(status)
		require.NoError(t, s.api.Status().Update(t.Context(), db))
	}
	tell(corev1.ConditionTrue)
	s.answers("shop.cloud.example.com", "192.0.2.1")
	tell(corev1.ConditionFalse)
	s.answers("shop.cloud.example.com")
	tell(corev1.ConditionTrue)
	s.answers("shop.cloud.example.com", "192.0.2.1")

	require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g))
	g.Spec.ReadinessGates = []gslbv1beta1.ReadinessGate{{APIVersion: "no.such.example/v1", Kind: "Thing", Name: "db", ConditionType: "Ready"}}
	require.NoError(t, s.api.Update(t.Context(), g))
	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonLastResort)
	s.answers("shop.cloud.example.com", "192.0.2.1") // unknown is not unhealthy
}
