// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
)

func withK8gb(c *controllers.Config) {
	c.K8gb, c.Zone, c.Addrs = true, nil, []netip.Addr{netip.MustParseAddr("192.0.2.53")}
}

// k8gbServer is an API server on which k8gb's kinds are installed and ours are not.
func k8gbServer(t *testing.T) *rest.Config {
	t.Helper()
	crds, err := incumbentDefinitions()
	require.NoError(t, err)
	return ownServer(t, crds)
}

// apply creates the objects of a manifest, as its users would.
func apply(t *testing.T, api client.Client, file string) {
	t.Helper()
	text, err := os.ReadFile("../../api/k8gb/testdata/" + file)
	require.NoError(t, err)
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		obj := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &obj.Object))
		require.NoError(t, api.Create(t.Context(), obj), obj.GetName())
	}
}

func playground(t *testing.T, api client.Client) {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "test-gslb"}}))
	app(t, api, "test-gslb", "frontend-podinfo", true)
	app(t, api, "test-gslb", "unhealthy-app", false)
}

// old waits until a Gslb of k8gb has a status.
func old[T client.Object](s *site, obj T, name string, meets func() bool) {
	s.t.Helper()
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: name}, obj); err != nil {
			return err
		}
		if !meets() {
			return notYet("%s is %+v", name, obj)
		}
		return nil
	})
}

func TestPlaygroundOfK8gbAppliesUnchanged(t *testing.T) {
	t.Parallel()
	cfg := k8gbServer(t)
	s := newSite(t, cfg, withK8gb, withBalancers)
	playground(t, s.api)
	apply(t, s.api, "playground.yaml")

	ing := &networkingv1.Ingress{}
	for _, name := range []string{"test-gslb", "test-gslb-failover"} {
		g := &absa.Gslb{}
		old(s, g, name, func() bool { return true })
		old(s, ing, name, func() bool { return true })
		assert.True(t, metav1.IsControlledBy(ing, g), "it is owned in the group of its Gslb")
		assert.Equal(t, "k8gb.absa.oss/v1beta1", ing.OwnerReferences[0].APIVersion)
		assert.Equal(t, "gslb", ing.Labels["app.k8gb.io/managed-by"])
		setAddresses(t, s.api, ing, "192.0.2.1", "192.0.2.2")
	}
	for _, host := range []string{"roundrobin.cloud.example.com", "failover.cloud.example.com"} {
		s.answers(host, "192.0.2.1", "192.0.2.2")
	}
	s.answers("unhealthy.cloud.example.com")
	s.answers("notfound.cloud.example.com")
	g := &absa.Gslb{}
	want := k8gb.GslbStatus{
		GeoTag: "eu", Hosts: "notfound.cloud.example.com, unhealthy.cloud.example.com, roundrobin.cloud.example.com",
		ServiceHealth: map[string]string{
			"notfound.cloud.example.com": "NotFound", "unhealthy.cloud.example.com": "Unhealthy", "roundrobin.cloud.example.com": "Healthy",
		},
		HealthyRecords: map[string][]string{
			"notfound.cloud.example.com": {}, "unhealthy.cloud.example.com": {}, "roundrobin.cloud.example.com": {"192.0.2.1", "192.0.2.2"},
		},
		LoadBalancer: k8gb.LoadBalancer{ExposedIPs: []string{"192.0.2.1", "192.0.2.2"}},
		Servers: []k8gb.Server{
			{Host: "notfound.cloud.example.com", Services: []k8gb.NamespacedName{{Namespace: "test-gslb", Name: "non-existing-app"}}},
			{Host: "unhealthy.cloud.example.com", Services: []k8gb.NamespacedName{{Namespace: "test-gslb", Name: "unhealthy-app"}}},
			{Host: "roundrobin.cloud.example.com", Services: []k8gb.NamespacedName{{Namespace: "test-gslb", Name: "frontend-podinfo"}}},
		},
	}
	old(s, g, "test-gslb", func() bool { return g.Status.Equal(&want) })
	failover := sample{"test-gslb-failover", "failover.cloud.example.com", true, "frontend-podinfo", []string{"192.0.2.1", "192.0.2.2"}}
	failover.becomes(s, true)
	zd := &k8gb.ZoneDelegation{}
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKey{Name: "cloud-example-com"}, zd))
		if want := (k8gb.DNSServer{Name: "gslb-ns-eu-cloud.example.com", Address: "192.0.2.53"}); !slices.Equal(zd.Status.DNSServers, []k8gb.DNSServer{want}) {
			return notYet("its name servers are %v, not %v", zd.Status.DNSServers, want)
		}
		return nil
	})
	assert.NotNil(t, s.store.World().Zone(zone().Zone), "its zone is served")

	setReady(t, s.api, "test-gslb", "frontend-podinfo", false)
	old(s, g, "test-gslb", func() bool { return g.Status.ServiceHealth["roundrobin.cloud.example.com"] == "Unhealthy" })
	setReady(t, s.api, "test-gslb", "frontend-podinfo", true)
	old(s, g, "test-gslb", func() bool { return g.Status.Equal(&want) })

	t.Run("references", func(t *testing.T) { references(t, s) })
	t.Run("annotated", func(t *testing.T) { annotatedForK8gb(t, s) })
	t.Run("adopted", func(t *testing.T) { adoptedFromK8gb(t, s) })
	t.Run("left by k8gb", func(t *testing.T) { leftByK8gb(t, s) })
	t.Run("kinds", func(t *testing.T) { kindsOfK8gb(t, s, cfg) })
	assert.Empty(t, s.quiet(), "a status that is pruned is not written for ever")
	t.Run("twin", func(t *testing.T) { twinOfOurs(t, s, cfg) })
	t.Run("removed", func(t *testing.T) { removedWithFinalizer(t, s) })
	t.Run("two clusters", func(t *testing.T) { inTwoClusters(t, s) })
}

// references: samples with resourceRef, and what is better than with k8gb: a misspelt
// primary is shown.
func references(t *testing.T, s *site) {
	for i, name := range []string{"playground-failover", "playground-labels", "playground-misspelt", "playground-geoip"} {
		ing := ingressOf("test-gslb", name, strings.TrimPrefix(name, "playground-")+"s.cloud.example.com", "frontend-podinfo", nil)
		ing.Labels = map[string]string{"app": name}
		ingress(t, s.api, ing, []string{"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"}[i])
	}
	apply(t, s.api, "references.yaml")
	for _, c := range []sample{
		{"playground-failover", "failovers.cloud.example.com", false, "frontend-podinfo", []string{"192.0.2.10"}},
		{"playground-labels", "labelss.cloud.example.com", false, "frontend-podinfo", []string{"192.0.2.11"}},
		{"playground-misspelt", "misspelts.cloud.example.com", false, "frontend-podinfo", []string{"192.0.2.30", "192.0.2.31"}},
		{"playground-geoip", "geoips.cloud.example.com", false, "frontend-podinfo", []string{"192.0.2.13"}},
	} {
		c.becomes(s, true)
	}
	for name, reason := range map[string]string{"playground-misspelt": "UnknownGeoTag", "playground-geoip": "StrategyPending", "playground-labels": "UnknownGeoTag"} {
		eventually(t, func() error {
			if events := s.events("Gslb", "test-gslb", name); !containing(events, reason) {
				return notYet("events of %s are %q", name, events)
			}
			return nil
		})
	}
}

// annotatedForK8gb: the Gslb of an annotated Ingress is made in the group that is there.
func annotatedForK8gb(t *testing.T, s *site) {
	apply(t, s.api, "annotated.yaml")
	ing := &networkingv1.Ingress{}
	old(s, ing, "playground-annotated", func() bool { return true })
	setAddresses(t, s.api, ing, "192.0.2.20")
	g := &k8gb.Gslb{}
	old(s, g, "playground-annotated", func() bool { return g.Status.GeoTag == "eu" })
	assert.True(t, metav1.IsControlledBy(g, ing))
	assert.Equal(t, "failover", g.Spec.Strategy.Type)
	made := sample{"playground-annotated", "annotated.cloud.example.com", false, "frontend-podinfo", []string{"192.0.2.20"}}
	made.becomes(s, true)

	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing))
		ing.Annotations[gslbv1beta1.K8gbAnnotationDNSTTLSeconds] = "9"
		return s.api.Update(t.Context(), ing)
	})
	old(s, g, "playground-annotated", func() bool { return *g.Spec.Strategy.DNSTTLSeconds == 9 })
	k8gbTakesMoreInAnnotations(t, s)
}

// twinOfOurs: our kinds are installed while we run, and a twin takes the place of an
// object of k8gb.
func twinOfOurs(t *testing.T, s *site, cfg *rest.Config) {
	crds, err := definitions()
	require.NoError(t, err)
	_, err = envtest.InstallCRDs(cfg, envtest.CRDInstallOptions{CRDs: crds})
	require.NoError(t, err)
	before := &absa.Gslb{}
	old(s, before, "test-gslb-failover", func() bool { return true })
	converted, _ := before.K8gb().Meridian()
	twin := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: "test-gslb-failover"}, Spec: converted.Spec}
	require.NoError(t, s.api.Create(t.Context(), twin))

	s.condition("test-gslb", "test-gslb-failover", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	ing := &networkingv1.Ingress{}
	eventually(t, func() error { // as kubectl meridian migrate does
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(twin), ing))
		ing.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(twin, gslbv1beta1.GroupVersion.WithKind("Gslb"))}
		return s.api.Update(t.Context(), ing)
	})
	eventually(t, func() error {
		if events := s.events("Gslb", "test-gslb", "test-gslb-failover"); !containing(events, "Superseded") {
			return notYet("events are %q", events)
		}
		return nil
	})
	require.NoError(t, s.api.Delete(t.Context(), before))
	s.answers("failover.cloud.example.com", "192.0.2.1", "192.0.2.2")
	assert.Empty(t, s.quiet())
}

// removedWithFinalizer: k8gb's finalizer holds nothing for ever, and a host goes with its
// object.
func removedWithFinalizer(t *testing.T, s *site) {
	g := &k8gb.Gslb{}
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "playground-failover"}, g))
		g.Finalizers = []string{"k8gb.absa.oss/finalizer"}
		return s.api.Update(t.Context(), g)
	})
	require.NoError(t, s.api.Delete(t.Context(), g))
	eventually(t, func() error {
		if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g); !apierrors.IsNotFound(err) {
			return notYet("it is there: %v", err)
		}
		return nil
	})
	s.absent("failovers.cloud.example.com")
}

func TestNothingOfK8gbIsWrittenWhileItsOperatorRuns(t *testing.T) {
	t.Parallel()
	cfg := k8gbServer(t)
	api := newClient(t, cfg)
	playground(t, api)
	replicas := int32(1)
	require.NoError(t, api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "k8gb"}}))
	operator := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "k8gb", Name: "k8gb"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"name": "k8gb"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"name": "k8gb"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "k8gb", Image: "k8gb"}}},
			},
		},
	}
	require.NoError(t, api.Create(t.Context(), operator))
	apply(t, api, "playground.yaml")
	apply(t, api, "references.yaml")
	apply(t, api, "annotated.yaml")

	s := newSite(t, cfg, withK8gb)
	s.answers("roundrobin.cloud.example.com")
	eventually(t, func() error {
		if s.metric("meridian_controllers_k8gb_running") != 1 {
			return notYet("it is not seen")
		}
		return nil
	})
	s.renewals(4)
	assert.Empty(t, s.writes.list(), "what it writes is left to it")

	operator.Spec.Replicas = new(int32)
	require.NoError(t, api.Update(context.WithoutCancel(t.Context()), operator))
	g := &absa.Gslb{}
	old(s, g, "test-gslb", func() bool { return g.Status.GeoTag == "eu" })
	old(s, &networkingv1.Ingress{}, "test-gslb", func() bool { return true })
	old(s, &k8gb.Gslb{}, "playground-annotated", func() bool { return true })
}
