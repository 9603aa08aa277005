// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/meta"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// front is the Service before the pods of an ingress controller or gateway, and the slice
// of them; $LABELS and $STATUS are its own, as YAML.
const front = `apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: front, labels: {$LABELS}}
spec: {type: LoadBalancer, selector: {app: front}, ports: [{name: http, port: 80}]}
status: {loadBalancer: {ingress: [$STATUS]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: front-1, labels: {kubernetes.io/service-name: front, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.7.1], conditions: {ready: false}, targetRef: {kind: Pod, namespace: $NS, name: front}}`

func frontWith(labels, status string) string {
	return strings.NewReplacer("$LABELS", labels, "$STATUS", status).Replace(front)
}

// wayIn holds that the pods behind Service front of a namespace, of which none is ready now,
// decide for a host whose own pods are all ready.
func (s *site) wayIn(ns, host, addr, fronts string) {
	s.t.Helper()
	closed := func() {
		s.t.Helper()
		s.answers(host)
		g := s.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
			return c.Health == gslbv1beta1.ClusterUnhealthy && c.Reason == string(gslb.ReasonEntryNotReady)
		})
		assert.Equal(s.t, gslbv1beta1.Unhealthy, g.Status.ServiceHealth[host])
		assert.Contains(s.t, meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message,
			"no client gets in at "+addr+": no pod behind Service "+fronts+"/front is ready")
	}
	open := func() {
		s.t.Helper()
		s.answers(host, addr)
		s.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	}
	closed()
	s.setSlice(fronts, "front-1", true)
	open()
	s.setSlice(fronts, "front-1", false)
	closed()
	s.setSlice(fronts, "front-1", true)
	open()
}

// TestIngressControllerWithoutReadyPodsTakesTheClusterOut: its Service is found by the address
// that both it and the Ingress have, in another namespace, also where it comes later.
func TestIngressControllerWithoutReadyPodsTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	const host, addr = "way-in-ingress.cloud.example.com", "192.0.2.124"
	ns := us.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: "+addr+"}"), aGslb(roundRobin))
	us.answers(host, addr) // nothing is known of the way in
	fronts := us.inNamespace("way-in-ingress-nginx.cloud.example.com", frontWith("app: ingress-nginx", "{ip: "+addr+"}"))
	us.wayIn(ns, host, addr, fronts)

	us.setSlice(fronts, "front-1", false)
	us.answers(host)
	// With another address it stands before others.
	svc := named(coreV1, "Service", fronts, "front")
	writeStatus(t, us.api, svc, map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "192.0.2.125"}}}})
	us.answers(host, addr)
}

// TestGatewayWithoutReadyPodsTakesTheClusterOut: the Service that a controller of the Gateway
// API made is found by its label; its status has no address.
func TestGatewayWithoutReadyPodsTakesTheClusterOut(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	const host, addr = "way-in-gateway.cloud.example.com", "192.0.2.126"
	route := strings.NewReplacer("networking.k8s.io/v1", "gateway.networking.k8s.io/v1", "kind: Ingress", "kind: HTTPRoute").Replace(aGslb(roundRobin))
	ns := us.inNamespace(host, aService, readySlice, strings.ReplaceAll(aGateway, "192.0.2.1", addr),
		httpRoute("podinfo", "$HOST", "{name: podinfo, port: 80}"), route)
	us.answers(host, addr)
	applyAll(t, us.api, ns, frontWith("gateway.networking.k8s.io/gateway-name: edge", ""))
	us.wayIn(ns, host, addr, ns)
}
