// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

// TestWholeCluster runs in a cluster with a node, an Ingress controller and garbage
// collection, as people have it, and has its API server killed.
func TestWholeCluster(t *testing.T) {
	planes := kplane.ForTest(t, "eu")
	cluster := planes.Cluster("eu")
	cfg, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig)
	require.NoError(t, err)
	crds, err := definitions()
	require.NoError(t, err)
	_, err = envtest.InstallCRDs(cfg, envtest.CRDInstallOptions{CRDs: crds})
	require.NoError(t, err)
	require.NoError(t, grant(cfg))
	// Garbage collection learns of new kinds each half minute, and when it starts.
	require.NoError(t, cluster.Kill(kplane.ControllerManager))
	require.NoError(t, planes.Revive(t.Context()))

	s := newSite(t, cfg, impatient, func(c *controllers.Config) { c.AllowLoopback = true })
	ns := namespaceOnly(t, s.api)
	pod := runningApp(t, s, ns, "shop")
	var entries []string
	for _, a := range cluster.IngressAddresses {
		entries = append(entries, a.String())
	}
	require.NoError(t, s.api.Create(t.Context(), embedded(ns, "roundrobin", "roundrobin.cloud.example.com", "shop")))
	annotated := ingressOf(ns, "failover", "failover.cloud.example.com", "shop", nil)
	annotated.Annotations = map[string]string{gslbv1beta1.K8gbAnnotationStrategy: "failover", gslbv1beta1.K8gbAnnotationPrimaryGeoTag: "eu"}
	require.NoError(t, s.api.Create(t.Context(), annotated))
	for _, name := range []string{"roundrobin", "failover"} {
		s.answers(name+".cloud.example.com", entries...)
		s.condition(ns, name, gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	}

	table, err := planes.Kubectl(t.Context(), "eu", nil, "get", "gslb", "-A", "-o", "wide")
	require.NoError(t, err)
	t.Logf("kubectl get gslb -A -o wide\n%s", table)
	for _, word := range []string{"STRATEGY", "GEOTAG", "HEALTHY", "SERVING", "REASON", "HOSTS", "ANSWER", "roundRobin", "failover.cloud.example.com", entries[0]} {
		assert.Contains(t, table, word)
	}

	require.NoError(t, s.api.Delete(t.Context(), annotated))
	require.NoError(t, cluster.Kill(kplane.APIServer))
	s.blind(true)
	s.answers("roundrobin.cloud.example.com", entries...)
	require.NoError(t, planes.Revive(t.Context()))
	s.blind(false)
	require.NoError(t, s.api.Delete(t.Context(), pod))
	s.answers("roundrobin.cloud.example.com")
	s.condition(ns, "roundrobin", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)

	eventually(t, func() error {
		err := s.api.Get(t.Context(), client.ObjectKeyFromObject(annotated), &gslbv1beta1.Gslb{})
		if !apierrors.IsNotFound(err) {
			return notYet("the Gslb of the Ingress is there: %v", err)
		}
		return nil
	})
	s.absent("failover.cloud.example.com")
	// Events that were sent while the API was away are tried again first, 10 s apart.
	eventually(t, func() error {
		out, err := planes.Kubectl(t.Context(), "eu", nil, "get", "events", "-n", ns, "--field-selector", "involvedObject.kind=Gslb")
		if want := "roundrobin.cloud.example.com: " + strings.Join(entries, ", ") + " → no address"; !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			return notYet("no event %q in %s (%v)", want, out, err)
		}
		return nil
	})
}

// runningApp makes a Service with one pod that really answers.
func runningApp(t *testing.T, s *site, ns, name string) *corev1.Pod {
	t.Helper()
	labels := map[string]string{"app": name}
	require.NoError(t, s.api.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "web", Image: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}},
		}}},
	}
	eventually(t, func() error { return client.IgnoreAlreadyExists(s.api.Create(t.Context(), pod)) }) // its ServiceAccount comes soon
	return pod
}
