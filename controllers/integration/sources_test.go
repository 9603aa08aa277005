// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
)

var gatewayV1 = schema.GroupVersion{Group: "gateway.networking.k8s.io", Version: "v1"}

func toKind(version, kind, name string) gslbv1beta1.ResourceRef {
	return gslbv1beta1.ResourceRef{APIVersion: version, Kind: kind, Name: name}
}

// gslbFor is a Gslb that refers to an object of any kind.
func gslbFor(ns, name string, ref gslbv1beta1.ResourceRef) *gslbv1beta1.Gslb {
	g := referring(ns, name, ref)
	g.Spec.ResourceRef = &ref
	return g
}

const aGateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: $NS, name: edge}
spec:
  gatewayClassName: any
  listeners: [{name: http, port: 80, protocol: HTTP}, {name: tcp, port: 5432, protocol: TCP}]
status:
  addresses: [{type: IPAddress, value: 192.0.2.1}]`

func httpRoute(name, host, backend string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: $NS, name: %s}
spec:
  parentRefs: [{name: edge}]
  hostnames: [%s]
  rules: [{backendRefs: [%s]}]`, name, host, backend)
}

// TestRoutesAreServedOnceTheirKindsAreInstalled: while the process runs the kinds of the
// Gateway API come, go, and come back.
func TestRoutesAreServedOnceTheirKindsAreInstalled(t *testing.T) {
	s := newSite(t, server)
	short := newSite(t, server, func(c *controllers.Config) { c.HoldEntries, c.Instance = time.Second, "two" })
	ns, apps := namespace(t, s.api, nil), namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	app(t, s.api, apps, "far", true)
	require.NoError(t, s.api.Create(t.Context(), gslbFor(ns, "shop", toKind("gateway.networking.k8s.io/v1", "HTTPRoute", "shop"))))
	require.NoError(t, s.api.Create(t.Context(), gslbFor(ns, "far", toKind("gateway.networking.k8s.io/v1beta1", "HTTPRoute", "far"))))
	g := s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonResourceKindUnsupported)
	assert.Contains(t, g.Status.Conditions[1].Message, "its CustomResourceDefinition is not installed")

	crds := gatewayAPI(t, "gateways", "httproutes", "referencegrants")
	install(t, crds)
	applyAll(t, s.api, ns, strings.Join([]string{aGateway, httpRoute("shop", "shop.cloud.example.com", "{name: shop, port: 80}"),
		httpRoute("far", "far.cloud.example.com", "{name: far, namespace: "+apps+", port: 80}")}, "\n---\n"))
	s.answers("shop.cloud.example.com", "192.0.2.1")
	short.answers("shop.cloud.example.com", "192.0.2.1")

	t.Run("a Gateway that is not programmed", func(t *testing.T) {
		edge := named(gatewayV1, "Gateway", ns, "edge")
		status := func(programmed string) map[string]any {
			return map[string]any{
				"addresses": []any{map[string]any{"type": "IPAddress", "value": "192.0.2.1"}},
				"conditions": []any{map[string]any{
					"type": "Programmed", "status": programmed, "reason": "Test", "message": "", "lastTransitionTime": "2026-05-01T10:00:00Z", "observedGeneration": int64(1),
				}},
			}
		}
		writeStatus(t, s.api, edge, status("False"))
		s.answers("shop.cloud.example.com")
		s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonNotProgrammed)
		writeStatus(t, s.api, edge, status("True"))
		s.answers("shop.cloud.example.com", "192.0.2.1")
	})

	t.Run("a listener that lets routes of labelled namespaces in", func(t *testing.T) {
		allow := func(namespaces string) {
			patch := `[{"op": "add", "path": "/spec/listeners/0/allowedRoutes", "value": {"namespaces": ` + namespaces + `}}]`
			require.NoError(t, s.api.Patch(t.Context(), named(gatewayV1, "Gateway", ns, "edge"), client.RawPatch(types.JSONPatchType, []byte(patch))))
		}
		allow(`{"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}`)
		s.answers("shop.cloud.example.com")
		g := s.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
		assert.Contains(t, g.Status.Conditions[1].Message, "lets no routes of namespace "+ns+" in (allowedRoutes.namespaces)")
		label := []byte(`{"metadata": {"labels": {"team": "shop"}}}`)
		require.NoError(t, s.api.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, client.RawPatch(types.MergePatchType, label)))
		s.answers("shop.cloud.example.com", "192.0.2.1")
		allow(`{"from": "Same"}`)
		s.answers("shop.cloud.example.com", "192.0.2.1")
	})

	t.Run("a ReferenceGrant that comes and goes", func(t *testing.T) {
		s.answers("far.cloud.example.com")
		s.condition(ns, "far", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonRefNotPermitted)
		applyAll(t, s.api, apps, `apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {namespace: $NS, name: far}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: `+ns+`}]
  to: [{group: "", kind: Service}]`)
		s.answers("far.cloud.example.com", "192.0.2.1")
		require.NoError(t, s.api.Delete(t.Context(), named(gatewayV1, "ReferenceGrant", apps, "far")))
		s.answers("far.cloud.example.com")
	})

	t.Run("the kinds go, and come back", func(t *testing.T) {
		uninstall(t, crds)
		short.absent("shop.cloud.example.com") // its hold is over
		s.answers("shop.cloud.example.com", "192.0.2.1")
		install(t, crds)
		applyAll(t, s.api, ns, strings.ReplaceAll(aGateway, "192.0.2.1", "192.0.2.2")+"\n---\n"+httpRoute("shop", "shop.cloud.example.com", "{name: shop, port: 80}"))
		s.answers("shop.cloud.example.com", "192.0.2.2")
		short.answers("shop.cloud.example.com", "192.0.2.2")
	})
}

// TestOneEndpointSliceTranslatesItsGslbsAlone: 100 Gslbs of mixed kinds, and a counter.
func TestOneEndpointSliceTranslatesItsGslbsAlone(t *testing.T) {
	crds, err := definitions()
	require.NoError(t, err)
	crds = slices.Concat(crds, gatewayAPI(t, "gateways", "httproutes", "tcproutes", "referencegrants"), istioAPI(t), serviceImports(t))
	s := newSite(t, ownServer(t, crds)) // so that what is counted is of this test alone
	ns := namespace(t, s.api, nil)
	applyAll(t, s.api, ns, aGateway+`
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {namespace: $NS, name: mesh-edge}
spec:
  selector: {istio: $NS}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: mesh-edge}
spec: {type: LoadBalancer, selector: {istio: $NS, app: gateway}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}`)
	const each = 20
	for i := range each {
		for _, kind := range []string{"ing", "http", "tcp", "vs", "svc"} {
			makeMixed(t, s, ns, kind, fmt.Sprintf("%s%d", kind, i))
		}
	}
	for i := range each {
		s.answers(fmt.Sprintf("ing%d.cloud.example.com", i), "192.0.2.3")
		s.answers(fmt.Sprintf("http%d.cloud.example.com", i), "192.0.2.1")
		s.answers(fmt.Sprintf("tcp%d.cloud.example.com", i), "192.0.2.1")
		s.answers(fmt.Sprintf("vs%d.cloud.example.com", i), "192.0.2.7")
		s.answers(fmt.Sprintf("svc%d.cloud.example.com", i), "192.0.2.5")
	}
	count := func() int {
		settled(t, s.translations)
		return s.translations()
	}
	for _, kind := range []string{"ing", "http", "tcp", "vs", "svc"} {
		before := count()
		setReady(t, s.api, ns, kind+"3", false)
		s.answers(kind + "3.cloud.example.com")
		assert.Equal(t, before+1, count(), "one EndpointSlice of %s, one Gslb", kind)
	}
	before := count()
	writeStatus(t, s.api, named(gatewayV1, "Gateway", ns, "edge"), map[string]any{"addresses": []any{map[string]any{"value": "192.0.2.2"}}})
	for i := range each {
		if i != 3 {
			s.answers(fmt.Sprintf("http%d.cloud.example.com", i), "192.0.2.2")
			s.answers(fmt.Sprintf("tcp%d.cloud.example.com", i), "192.0.2.2")
		}
	}
	assert.Equal(t, before+2*each, count(), "a Gateway, the routes that it carries, and no others")
}

// makeMixed makes a Gslb of a kind, with all that it needs.
func makeMixed(t *testing.T, s *site, ns, kind, name string) {
	t.Helper()
	host := name + ".cloud.example.com"
	ref := gslbv1beta1.ResourceRef{}
	if kind != "svc" {
		app(t, s.api, ns, name, true)
	}
	switch kind {
	case "ing":
		ref = toKind("networking.k8s.io/v1", "Ingress", name)
		ingress(t, s.api, ingressOf(ns, name, host, name, nil), "192.0.2.3")
	case "http":
		ref = toKind("gateway.networking.k8s.io/v1beta1", "HTTPRoute", name)
		applyAll(t, s.api, ns, httpRoute(name, host, "{name: "+name+", port: 80}"))
	case "tcp":
		ref = toKind("gateway.networking.k8s.io/v1alpha2", "TCPRoute", name)
		applyAll(t, s.api, ns, fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {namespace: $NS, name: %s, annotations: {gslb.meridian.dev/hostname: %s}}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: %s, port: 80}]}]`, name, host, name))
	case "vs":
		ref = toKind("networking.istio.io/v1alpha3", "VirtualService", name)
		applyAll(t, s.api, ns, fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: $NS, name: %s}
spec:
  hosts: [%s]
  gateways: [mesh-edge]
  http: [{route: [{destination: {host: %s}}]}]`, name, host, name))
	case "svc":
		ref = toKind("v1", "Service", name)
		app(t, s.api, ns, name, true)
		exposeService(t, s, ns, name, host)
	}
	require.NoError(t, s.api.Create(t.Context(), gslbFor(ns, name, ref)))
}

// exposeService makes a Service one of type LoadBalancer with a host and an address.
func exposeService(t *testing.T, s *site, ns, name, host string) {
	t.Helper()
	eventually(t, func() error {
		svc := &corev1.Service{}
		if err := s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, svc); err != nil {
			return err
		}
		svc.Annotations = map[string]string{gslbv1beta1.AnnotationHostname: host}
		svc.Spec.Type = corev1.ServiceTypeLoadBalancer
		if err := s.api.Update(t.Context(), svc); err != nil {
			return err
		}
		svc.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.5"}}
		return s.api.Status().Update(t.Context(), svc)
	})
}

// settled waits until a number has stood still for a while.
func settled(t *testing.T, count func() int) {
	t.Helper()
	last, still := count(), 0
	eventually(t, func() error {
		now := count()
		if now != last {
			last, still = now, 0
		}
		if still++; still < 50 {
			return notYet("it moves")
		}
		return nil
	})
}
