// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// migratedByK8gb is what newer versions of k8gb make beside an object of the older group.
const migratedByK8gb = `apiVersion: k8gb.io/v1beta1
kind: Gslb
metadata: {name: test-gslb-failover, namespace: test-gslb}
spec:
  ingress:
    ingressClassName: nginx
    rules:
    - host: failover.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: frontend-podinfo, port: {name: http}}}}]}
  strategy: {type: failover, primaryGeoTag: eu}
`

// leftByK8gb is what k8gb leaves in clusters that are old: an Ingress that belongs to nobody
// since k8gb moved its Gslb to the newer group, and a Gslb that k8gb made for an annotated
// Ingress, with weights and an address that people wrote into it.
const leftByK8gb = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: moved, namespace: test-gslb}
spec:
  rules:
  - host: moved.cloud.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: frontend-podinfo, port: {name: http}}}}]}
---
apiVersion: k8gb.io/v1beta1
kind: Gslb
metadata: {name: moved, namespace: test-gslb}
spec:
  ingress:
    rules:
    - host: moved.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: frontend-podinfo, port: {name: http}}}}]}
  strategy: {type: roundRobin}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: weighted, namespace: test-gslb, annotations: {k8gb.io/strategy: roundRobin}}
spec:
  rules:
  - host: weighted.cloud.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: frontend-podinfo, port: {name: http}}}}]}
`

// madeForAnnotations makes the Gslb that k8gb makes for the Ingress of leftByK8gb.
func (p *place) madeForAnnotations() {
	p.t.Helper()
	ing := &networkingv1.Ingress{}
	require.NoError(p.t, p.api.Get(p.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "weighted"}, ing))
	require.NoError(p.t, p.api.Create(p.t.Context(), &k8gb.Gslb{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "test-gslb", Name: "weighted", Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{gslbv1beta1.K8gbAnnotationExposedIPAddresses: "192.0.2.9"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ing, networkingv1.SchemeGroupVersion.WithKind("Ingress"))},
		},
		Spec: k8gb.GslbSpec{
			ResourceRef: &k8gb.ResourceRef{ObjectReference: corev1.ObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "weighted"}},
			Strategy:    k8gb.Strategy{Type: "roundRobin", Weight: map[string]int{"eu": 5, "us": 1}},
		},
	}))
}

func TestMigrateMovesEverythingWithoutAChangedAnswer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.apply("playground.yaml")
	p.apply("annotated.yaml")
	p.applyText(migratedByK8gb)
	p.applyText(leftByK8gb)
	p.madeForAnnotations()
	g := &absa.Gslb{}
	p.until(func() error {
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, g))
		g.Finalizers = []string{"k8gb.absa.oss/finalizer"}
		return p.api.Update(t.Context(), g)
	})
	p.meridian()
	p.ingress("test-gslb", "192.0.2.1", "192.0.2.2")
	p.ingress("test-gslb-failover", "192.0.2.1")
	p.ingress("playground-annotated", "192.0.2.3")
	p.watch(watchedHost, "192.0.2.1", "192.0.2.2")
	p.watch(failoverHost, "192.0.2.1")
	p.watch("annotated.cloud.example.com", "192.0.2.3")
	p.ingress("moved", "192.0.2.4")
	p.watch("moved.cloud.example.com", "192.0.2.4")
	p.watch("weighted.cloud.example.com", "192.0.2.9")

	plan, err := p.migrate(migration{})
	require.NoError(t, err, plan)
	assert.Contains(t, plan, "install  CustomResourceDefinition gslbs.gslb.meridian.dev")
	assert.Contains(t, plan, "create   Gslb test-gslb/test-gslb in gslb.meridian.dev/v1beta1: the twin of k8gb.absa.oss/v1beta1")
	assert.Contains(t, plan, "create   Gslb test-gslb/test-gslb-failover in gslb.meridian.dev/v1beta1: the twin of k8gb.io/v1beta1 and k8gb.absa.oss/v1beta1")
	assert.Contains(t, plan, "re-own   Ingress test-gslb/test-gslb: to the twin")
	assert.Contains(t, plan, "Nothing was written")
	assert.True(t, meta.IsNoMatchError(p.api.List(t.Context(), &gslbv1beta1.GslbList{})), "a plan writes nothing")

	done, err := p.migrate(migration{apply: true})
	require.NoError(t, err, done)
	twin := &gslbv1beta1.Gslb{}
	ing := &networkingv1.Ingress{}
	for _, name := range []string{"test-gslb", "test-gslb-failover"} {
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: name}, twin))
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKeyFromObject(twin), ing))
		assert.True(t, metav1.IsControlledBy(ing, twin))
		assert.Len(t, ing.OwnerReferences, 1, "nothing of k8gb takes it along")
	}
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "weighted"}, twin))
	assert.Equal(t, map[string]gslbv1beta1.Weight{"eu": 5, "us": 1}, twin.Spec.Strategy.Weight, "for weights k8gb has no annotation: they are people's")
	assert.Equal(t, "shop", twin.Labels["team"])
	again, err := p.migrate(migration{apply: true})
	require.NoError(t, err, again)
	assert.NotContains(t, again, "create", "it is done already")
	assert.NotContains(t, again, "re-own")

	undone(p)
	removed, err := p.migrate(migration{apply: true, removeOld: true})
	require.NoError(t, err, removed)
	assert.Contains(t, removed, "remove   Gslb test-gslb/test-gslb in k8gb.absa.oss/v1beta1")
	assert.Contains(t, removed, "remove   ZoneDelegation cloud-example-com in k8gb.io/v1beta1")
	p.collectGarbage(ofK8gb()...)
	for _, crd := range definitionsIn(t, k8gb.CRDs, k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile) {
		require.NoError(t, p.api.Delete(t.Context(), crd))
		p.until(func() error {
			if err := p.api.Get(t.Context(), client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("%s is there: %w", crd.Name, err)
			}
			return nil
		})
	}
	p.until(func() error { // k8gb is gone, and what Meridian writes goes on
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKeyFromObject(twin), twin))
		if c := meta.FindStatusCondition(twin.Status.Conditions, gslbv1beta1.ConditionServing); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Errorf("not yet: %+v", c)
		}
		return nil
	})
	none, err := p.migrate(migration{apply: true, removeOld: true})
	require.NoError(t, err, none)
	assert.Contains(t, none, "there are no objects of k8gb in this cluster")
	p.watch(watchedHost, "192.0.2.1", "192.0.2.2")
	p.unchanged()
}

func TestMigrateSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.apply("playground.yaml")
	operator := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: "balancer"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "registry.example.com/k8gb-io/k8gb:v1"}}},
			},
		},
	}
	require.NoError(t, p.api.Create(t.Context(), operator))
	for name, args := range map[string][]string{"k8gb-external-dns": nil, "external-dns": {"--source=crd", "--txt-owner-id=k8gb-cloud.example.com-eu"}, "others": {"--txt-owner-id=ours"}} {
		d := operator.DeepCopy()
		d.ResourceVersion, d.Name = "", name
		d.Spec.Template.Spec.Containers[0].Image, d.Spec.Template.Spec.Containers[0].Args = "external-dns", args
		require.NoError(t, p.api.Create(t.Context(), d))
	}
	plan, err := p.migrate(migration{})
	require.ErrorIs(t, err, errBlocked)
	assert.Equal(t, 1, exitCode(err))
	for _, name := range []string{"k8gb-external-dns", "external-dns"} {
		assert.Contains(t, plan, "note     Deployment test-gslb/"+name+": k8gb's ExternalDNS runs, and writes k8gb's delegation over ours")
	}
	assert.NotContains(t, plan, "others")
	assert.Contains(t, plan, "blocked  Deployment test-gslb/balancer: k8gb's operator runs")
	assert.Contains(t, plan, "create", "the plan is whole all the same")
	text, err := p.migrate(migration{apply: true})
	require.ErrorIs(t, err, errBlocked)
	assert.NotContains(t, text, "create", "nothing is written beside it")

	operator.Spec.Replicas = new(int32)
	require.NoError(t, p.api.Update(t.Context(), operator))
	text, err = p.migrate(migration{apply: true})
	require.NoError(t, err, text)
	text, err = p.migrate(migration{apply: true, removeOld: true, timeout: time.Second})
	require.ErrorIs(t, err, errBlocked)
	assert.Contains(t, text, "blocked  Gslb test-gslb/test-gslb is not removed: Meridian has not read the twin: is it running in this cluster")
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, &absa.Gslb{}), "it stays")

	twin := &gslbv1beta1.Gslb{}
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, twin))
	p.notRemoved(twin)
	twin.Spec.Strategy.DNSTTLSeconds = new(int32(7))
	require.NoError(t, p.api.Update(t.Context(), twin))
	zone := &gslbv1beta1.ZoneDelegation{}
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Name: "cloud-example-com"}, zone))
	assert.NotContains(t, text, "a dnsZoneNegTTL or doFinalize of its own")
	zone.Spec.DoFinalize = !zone.Spec.DoFinalize
	require.NoError(t, p.api.Update(t.Context(), zone))
	text, err = p.migrate(migration{apply: true})
	require.ErrorIs(t, err, errBlocked)
	assert.Contains(t, text, "note     ZoneDelegation cloud-example-com: the twin has a dnsZoneNegTTL or doFinalize of its own; it counts")
	assert.Contains(t, text, "blocked  Gslb test-gslb/test-gslb: an object of that name in gslb.meridian.dev/v1beta1 asks for something else")
	assert.Contains(t, text, "ok       Gslb test-gslb/test-gslb-failover", "what blocks one keeps nothing from the others")

	text, err = p.migrate(migration{apply: true, back: true})
	require.ErrorIs(t, err, errBlocked)
	assert.Contains(t, text, "blocked  Gslb test-gslb/test-gslb: the object of that name in gslb.meridian.dev/v1beta1 is not as this command wrote it; it stays")
	assert.Contains(t, text, "remove   Gslb test-gslb/test-gslb-failover in gslb.meridian.dev/v1beta1: that in k8gb.absa.oss/v1beta1 counts again")
}

// notRemoved: an object of k8gb stays while Meridian refuses its twin, and while what it said of
// the twin is old.
func (p *place) notRemoved(twin *gslbv1beta1.Gslb) {
	p.t.Helper()
	for _, c := range []struct {
		status     metav1.ConditionStatus
		generation int64
		want       string
	}{
		{metav1.ConditionFalse, twin.Generation, "its twin is not accepted: HostOutsideZones: it lies in none"},
		{metav1.ConditionTrue, twin.Generation - 1, "Meridian has not read the twin"},
	} {
		twin.Status.Conditions = []metav1.Condition{{
			Type: gslbv1beta1.ConditionAccepted, Status: c.status, ObservedGeneration: c.generation,
			Reason: gslbv1beta1.ReasonHostOutsideZones, Message: "it lies in none", LastTransitionTime: metav1.Now(),
		}}
		require.NoError(p.t, p.api.Status().Update(p.t.Context(), twin))
		text, err := p.migrate(migration{apply: true, removeOld: true, timeout: time.Second})
		require.ErrorIs(p.t, err, errBlocked)
		assert.Contains(p.t, text, "blocked  Gslb test-gslb/test-gslb is not removed: "+c.want)
	}
}

func TestMigrateIsCalledRightly(t *testing.T) {
	for _, args := range [][]string{{"migrate", "--remove-old"}, {"migrate", "--aply"}, {"migrate", "--apply", "--remove-old", "--undo"}} {
		root := newRoot()
		root.SetArgs(args)
		err := root.Execute()
		require.Error(t, err)
		assert.Equal(t, 2, exitCode(err), "%q", args)
	}
}
