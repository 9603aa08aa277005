// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// The checks L of docs/neighbours.md: Linkerd mirrors the Services of other clusters, whose
// endpoints are the gateways there.

// mirror is Service podinfo-east, and the slice that leads to east's gateway.
const mirror = `apiVersion: v1
kind: Service
metadata:
  namespace: $NS
  name: podinfo-east
  labels: {mirror.linkerd.io/mirrored-service: "true", mirror.linkerd.io/cluster-name: east}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-east-1, labels: {kubernetes.io/service-name: podinfo-east, endpointslice.kubernetes.io/managed-by: endpointslicemirroring-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [203.0.113.9], conditions: {ready: true}}`

func TestL1LocalScopeTakesAClusterWithoutPodsOut(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	const host = "l1.cloud.example.com"
	ns := eu.inNamespace(host, aService, emptySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.1}"), aGslb(roundRobin))
	eu.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	eu.answers(host)
}

// split is a route of weights: a part of the requests goes to east.
func split(s *site, host string) (ns string) {
	s.t.Helper()
	ns = s.inNamespace(host, aService, emptySlice, mirror, aGateway, httpRoute("podinfo", "$HOST", "{name: podinfo, port: 80, weight: 50}, {name: podinfo-east, port: 80, weight: 50}"),
		strings.NewReplacer("networking.k8s.io/v1", "gateway.networking.k8s.io/v1", "kind: Ingress", "kind: HTTPRoute").Replace(aGslb("serviceHealthScope: clusterset\n  "+roundRobin)))
	s.answers(host, "192.0.2.1")
	return ns
}

func TestL2ClustersetScopeCountsTheMirrorAndSaysSo(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	ns := split(us, "l2.cloud.example.com")
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.Health == gslbv1beta1.ClusterHealthy && slices.Equal(c.DependsOn, []string{"east"})
	})
}

func TestL3MirrorThatIsNotReadyTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	ns := split(us, "l3.cloud.example.com")
	us.setSlice(ns, "podinfo-east-1", false)
	us.answers("l3.cloud.example.com")
	us.setSlice(ns, "podinfo-east-1", true)
	us.answers("l3.cloud.example.com", "192.0.2.1")
}

func TestL6MirrorWithWeightZeroDoesNotCount(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	ns := split(us, "l6.cloud.example.com")
	patch := `[{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 0}]`
	require.NoError(t, us.api.Patch(t.Context(), named(gatewayV1, "HTTPRoute", ns, "podinfo"), client.RawPatch(types.JSONPatchType, []byte(patch))))
	us.answers("l6.cloud.example.com")
	us.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
}

func TestL7ClusterWithoutTheKindsOfSplitsWorks(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	for _, kind := range []schema.GroupVersionKind{{Group: "split.smi-spec.io", Version: "v1alpha2", Kind: "TrafficSplitList"}, gatewayV1.WithKind("HTTPRouteList")} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		require.Error(t, eu.api.List(t.Context(), list), "%s is not installed", kind.Kind)
	}
	eu.inNamespace("l7.cloud.example.com", aService, readySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.7}"), aGslb(roundRobin))
	eu.answers("l7.cloud.example.com", "192.0.2.7")
}

func TestL4FederatedServiceIsUnknownAndNotUnhealthy(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	const host = "l4.cloud.example.com"
	federated := `apiVersion: v1
kind: Service
metadata:
  namespace: $NS
  name: podinfo-federated
  labels: {multicluster.linkerd.io/remote-discovery: "podinfo@east", multicluster.linkerd.io/local-discovery: podinfo}
spec: {ports: [{name: http, port: 80}]}`
	federated = strings.Replace(federated, "labels:", "annotations:", 1) // "@" is none of a label
	ns := eu.inNamespace(host, federated, anIngress("", "podinfo-federated", "{ip: 192.0.2.4}"), aGslb("healthCheck: {}\n  "+roundRobin))
	g := eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnknown })
	assert.NotEqual(t, gslbv1beta1.Unhealthy, g.Status.ServiceHealth[host])
	probe := func(h gslb.Health) {
		eu.store.SetVerdict(gslb.Verdict{Host: gslb.MustName(host), Addr: netip.MustParseAddr("192.0.2.4"), Health: h})
	}
	probe(gslb.Healthy)
	eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	eu.answers(host, "192.0.2.4")
	probe(gslb.Unhealthy)
	eu.answers(host)
}

func TestL5GatewayOfLinkerdIsNeverPublished(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	const host = "l5.cloud.example.com"
	gateway := `apiVersion: v1
kind: Namespace
metadata: {name: linkerd-multicluster}
---
apiVersion: v1
kind: Service
metadata: {namespace: linkerd-multicluster, name: linkerd-gateway, annotations: {gslb.meridian.dev/hostname: $HOST, gslb.meridian.dev/strategy: roundRobin}}
spec:
  type: LoadBalancer
  selector: {app: linkerd-gateway}
  ports: [{name: mc-gateway, port: 4143}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: linkerd-multicluster, name: linkerd-gateway-1, labels: {kubernetes.io/service-name: linkerd-gateway, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.0.9], conditions: {ready: true}}`
	eu.inNamespace("l5-gateway.cloud.example.com", gateway)
	eu.inNamespace(host, aService, readySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.5}"), aGslb("serviceHealthScope: clusterset\n  "+roundRobin))
	eu.answers(host, "192.0.2.5")
	us.answers(host, "192.0.2.5")
	// Even a Gslb that names the gateway publishes it nowhere.
	eu.condition("linkerd-multicluster", "linkerd-gateway", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	eu.neverAnswers(t, "203.0.113.9")
	us.neverAnswers(t, "203.0.113.9")
}
