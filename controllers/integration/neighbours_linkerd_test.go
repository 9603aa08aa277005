// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
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
	_, us := clusters(t)
	host := fresh("l1")
	ns := splitBySMI(us, host, "podinfo") // scope clusterset: the mirror is ready, and counts
	us.edit(ns, func(g *gslbv1beta1.Gslb) { g.Spec.ServiceHealthScope = gslbv1beta1.ScopeLocal })
	us.answers(host)
	us.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.Health == gslbv1beta1.ClusterUnhealthy && c.DependsOn == nil
	})
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
	ns := split(us, fresh("l2"))
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.Health == gslbv1beta1.ClusterHealthy && slices.Equal(c.DependsOn, []string{"east"})
	})
}

func TestL3MirrorThatIsNotReadyTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("l3")
	ns := split(us, host)
	us.setSlice(ns, "podinfo-east-1", false)
	us.answers(host)
	us.setSlice(ns, "podinfo-east-1", true)
	us.answers(host, "192.0.2.1")
}

func TestL6MirrorWithWeightZeroDoesNotCount(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("l6")
	ns := split(us, host)
	patch := `[{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 0}]`
	require.NoError(t, us.api.Patch(t.Context(), named(gatewayV1, "HTTPRoute", ns, "podinfo"), client.RawPatch(types.JSONPatchType, []byte(patch))))
	us.answers(host)
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
	host := fresh("l7")
	eu.inNamespace(host, aService, readySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.7}"), aGslb(roundRobin))
	eu.answers(host, "192.0.2.7")
}

// trafficSplit sends half of what is for podinfo to east.
const trafficSplit = `apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {namespace: $NS, name: podinfo}
spec:
  service: podinfo
  backends: [{service: podinfo, weight: 50}, {service: podinfo-east, weight: 50}]`

var splitV1 = schema.GroupVersion{Group: "split.smi-spec.io", Version: "v1alpha1"}

// splitBySMI is an Ingress that names podinfo alone, and a TrafficSplit behind it.
func splitBySMI(s *site, host, service string) (ns string) {
	s.t.Helper()
	ns = s.inNamespace(host, aService, emptySlice, mirror, trafficSplit, anIngress("", service, "{ip: 192.0.2.1}"), aGslb("serviceHealthScope: clusterset\n  "+roundRobin))
	s.answers(host, "192.0.2.1")
	return ns
}

// weights writes those of the two backends, as Linkerd's failover extension does.
func (s *site) weights(ns string, here, east any) {
	s.t.Helper()
	patch := fmt.Sprintf(`[{"op": "replace", "path": "/spec/backends/0/weight", "value": %v}, {"op": "replace", "path": "/spec/backends/1/weight", "value": %v}]`, here, east)
	require.NoError(s.t, s.api.Patch(s.t.Context(), named(splitV1, "TrafficSplit", ns, "podinfo"), client.RawPatch(types.JSONPatchType, []byte(patch))))
}

func TestL2TrafficSplitCountsTheMirrorAndSaysSo(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	ns := splitBySMI(us, fresh("l2-smi"), "podinfo")
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.Health == gslbv1beta1.ClusterHealthy && slices.Equal(c.DependsOn, []string{"east"})
	})
}

func TestL3TrafficSplitToAMirrorThatIsNotReadyTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("l3-smi")
	ns := splitBySMI(us, host, "podinfo")
	us.setSlice(ns, "podinfo-east-1", false)
	us.answers(host)
	us.setSlice(ns, "podinfo-east-1", true)
	us.answers(host, "192.0.2.1")
}

func TestL6TrafficSplitWithWeightZeroTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("l6-smi")
	ns := splitBySMI(us, host, "podinfo")
	us.weights(ns, 100, 0)
	us.answers(host)
	us.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	us.weights(ns, `"0"`, `"900m"`) // as v1alpha1 writes it
	us.answers(host, "192.0.2.1")
	require.NoError(t, us.api.Delete(t.Context(), named(splitV1, "TrafficSplit", ns, "podinfo")))
	us.answers(host)
}

func TestL7TrafficSplitsMayBeMissingComeAndGo(t *testing.T) {
	const host = "l7-smi.cloud.example.com"
	s := newSite(t, server, func(c *controllers.Config) { c.HoldEntries = time.Second })
	ns := namespace(t, s.api, nil)
	manifest := strings.Join([]string{aService, emptySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.1}"), aGslb("serviceHealthScope: clusterset\n  " + roundRobin)}, "\n---\n")
	applyAll(t, s.api, ns, strings.ReplaceAll(manifest, "$HOST", host))
	s.answers(host)
	s.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)

	crds := []*apiextensionsv1.CustomResourceDefinition{trafficSplits("v1alpha1")}
	install(t, crds)
	applyAll(t, s.api, ns, strings.Replace(trafficSplit, "v1alpha2", "v1alpha1", 1))
	s.answers(host, "192.0.2.1")
	uninstall(t, crds)
	s.answers(host)
	crds[0] = trafficSplits("v1alpha2")
	install(t, crds)
	applyAll(t, s.api, ns, trafficSplit)
	s.answers(host, "192.0.2.1")
}

func TestL4FederatedServiceIsUnknownAndNotUnhealthy(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("l4")
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
	never("203.0.113.9")
	host := fresh("l5")
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
	byName := fresh("l5-gateway")
	t.Cleanup(func() { // Linkerd's names are the same each time; garbage collection would take the Gslb
		eu.remove(named(coreV1, "Service", "linkerd-multicluster", "linkerd-gateway"))
		eventually(t, func() error {
			eu.remove(&gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "linkerd-multicluster", Name: "linkerd-gateway"}})
			if eu.store.World().Host(gslb.MustName(byName)) != nil {
				return notYet("%s is offered", byName)
			}
			return nil
		})
	})
	eu.inNamespace(byName, gateway)
	eu.inNamespace(host, aService, readySlice, mirror, anIngress("", "podinfo", "{ip: 192.0.2.5}"), aGslb("serviceHealthScope: clusterset\n  "+roundRobin))
	eu.answers(host, "192.0.2.5")
	us.answers(host, "192.0.2.5")
	// Even a Gslb that names the gateway publishes it nowhere.
	eu.condition("linkerd-multicluster", "linkerd-gateway", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	us.offeredBy(byName, "eu")
	eu.neverAnswers(t, "203.0.113.9")
	us.neverAnswers(t, "203.0.113.9")
}
