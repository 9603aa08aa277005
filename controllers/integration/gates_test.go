// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
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
	tell(corev1.ConditionUnknown)
	s.answers("shop.cloud.example.com")
	tell(corev1.ConditionTrue)
	s.answers("shop.cloud.example.com", "192.0.2.1")
	require.NoError(t, s.api.Delete(t.Context(), db))
	s.answers("shop.cloud.example.com") // it is gone while it was True

	require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g))
	g.Spec.ReadinessGates = []gslbv1beta1.ReadinessGate{{APIVersion: "no.such.example/v1", Kind: "Thing", Name: "db", ConditionType: "Ready"}}
	require.NoError(t, s.api.Update(t.Context(), g))
	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonLastResort)
	s.answers("shop.cloud.example.com", "192.0.2.1") // unknown is not unhealthy
}

// TestReadinessGatesOfClusterScope: the namespace of the Gslb does not matter for a node.
func TestReadinessGatesOfClusterScope(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	const host = "gates-scope.cloud.example.com"
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.81}"),
		aGslb("readinessGates: [{apiVersion: v1, kind: Node, name: gates-w1, conditionType: Ready}]\n  "+roundRobin))
	notReady := func(c *gslbv1beta1.ClusterStatus) bool { return c.Reason == string(gslb.ReasonGateNotReady) }
	eu.own(ns, "podinfo", notReady)
	eu.answers(host) // there is no such node
	node := readyNode(eu, "gates-w1", nil)
	eu.answers(host, "192.0.2.81")
	setNode(eu, node, corev1.ConditionFalse)
	eu.answers(host)
	eu.own(ns, "podinfo", notReady)
	setNode(eu, node, corev1.ConditionTrue)
	eu.answers(host, "192.0.2.81")
}

// TestReadinessGatesOfAKindThatMayNotBeRead leave health unknown, until there is the right.
func TestReadinessGatesOfAKindThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	const host = "gates-rights.cloud.example.com"
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.82}"),
		aGslb("readinessGates: [{apiVersion: policy/v1, kind: PodDisruptionBudget, name: db, conditionType: DisruptionAllowed}]\n  "+roundRobin))
	eventually(t, func() error {
		g := eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnknown })
		why := meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message
		if !strings.Contains(why, "cannot be told") || !strings.Contains(why, "forbidden") {
			return notYet("condition Resolved says %q", why)
		}
		return nil
	})
	eu.answers(host, "192.0.2.82") // unknown is not unhealthy

	applyAll(t, eu.api, ns, `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {namespace: $NS, name: gates}
rules: [{apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {namespace: $NS, name: gates}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: gates}
subjects: [{kind: ServiceAccount, namespace: meridian, name: meridian}]`)
	eu.answers(host) // there is no such object, and now that can be told
}
