// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/controllers/rbac"
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

// onNodes is an ingress controller on the network of the nodes w1 and w2, as a DaemonSet is:
// its Service has no address, and came with the IngressClass.
const onNodes = `apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: $NS, labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/instance: $NS}}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: v1
kind: Node
metadata: {name: $NS-w1}
status: {addresses: [{type: InternalIP, address: 10.88.0.1}, {type: ExternalIP, address: 192.0.2.127}]}
---
apiVersion: v1
kind: Node
metadata: {name: $NS-w2}
status: {addresses: [{type: InternalIP, address: 10.88.0.2}, {type: ExternalIP, address: 192.0.2.128}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: front, labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/instance: $NS}}
spec: {selector: {app: front}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: front-1, labels: {kubernetes.io/service-name: front, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.88.0.1], nodeName: $NS-w1, conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: front-1}}
- {addresses: [10.88.0.2], nodeName: $NS-w2, conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: front-2}}`

// TestIngressControllerOnNodesIsJudgedNodeByNode: it is found by its IngressClass. An entry goes
// alone with the pod on its node, and the cluster with the last one, also where no endpoint is
// left; what never had one takes nobody out.
func TestIngressControllerOnNodesIsJudgedNodeByNode(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	const w1, w2 = "192.0.2.127", "192.0.2.128"
	host := fresh("way-in-nodes")
	classed := strings.Replace(anIngress("", "podinfo", "{ip: "+w1+"}, {ip: "+w2+"}"), "spec:", "spec:\n  ingressClassName: $NS", 1)
	ns := us.inNamespace(host, aService, readySlice, classed, aGslb(roundRobin))
	us.answers(host, w1, w2) // nothing is known of the way in
	t.Cleanup(func() {
		us.remove(named(networkingv1.SchemeGroupVersion, "IngressClass", "", ns))
		us.remove(named(coreV1, "Node", "", ns+"-w1"))
		us.remove(named(coreV1, "Node", "", ns+"-w2"))
	})
	applyAll(t, us.api, ns, onNodes)
	us.finds(ns, "clients get in by Service "+ns+"/front, found by the labels of IngressClass "+ns)
	us.setSlice(ns, "front-1", false)
	us.answers(host, w2)
	us.finds(ns, "no client gets in at "+w1+": no pod behind Service "+ns+"/front is ready at that address")
	us.setSlice(ns, "front-1", true)
	us.answers(host, w1, w2)

	endpoints := func(list string) {
		t.Helper()
		slice := named(discoveryV1, "EndpointSlice", ns, "front-1")
		patch := client.RawPatch("application/json-patch+json", []byte(`[{"op": "replace", "path": "/endpoints", "value": `+list+`}]`))
		require.NoError(t, us.api.Patch(t.Context(), slice, patch))
	}
	endpoints(`[{"addresses": ["10.88.0.1"], "nodeName": "` + ns + `-w1", "targetRef": {"kind": "Pod", "name": "front-1"}}]`)
	us.answers(host, w1)
	endpoints(`[]`)
	us.answers(host)
	require.NoError(t, us.api.Delete(t.Context(), named(coreV1, "Service", ns, "front")))
	us.answers(host, w1, w2)
	again := strings.Split(onNodes, "\n---\n")[3]
	applyAll(t, us.api, ns, again)
	us.finds(ns, "found by the labels of IngressClass "+ns)
	us.answers(host, w1, w2) // of this Service nobody saw an endpoint
}

var rbacV1 = schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}

// logLines keeps what is logged.
type logLines struct {
	mu  sync.Mutex
	all []string
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
	return len(line), nil
}

// with counts the lines with all of some words.
func (l *logLines) with(words ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

// TestRightsOfBefore: whoever takes a new image with the old ClusterRole, which does not let it
// read IngressClasses, gets the same answers as before, and is told once. They are read as soon
// as that is granted.
func TestRightsOfBefore(t *testing.T) {
	const w1, w2 = "192.0.2.127", "192.0.2.128"
	old := strings.ReplaceAll(strings.ReplaceAll(rbac.Manifest, ", ingressclasses", ""), "name: meridian", "name: before")
	require.NotContains(t, old, "ingressclasses")
	own := newClient(t, server)
	applyAll(t, own, "", old)
	ns, host := namespace(t, own, nil), "rights.cloud.example.com"
	classed := strings.Replace(anIngress("", "podinfo", "{ip: "+w1+"}, {ip: "+w2+"}"), "spec:", "spec:\n  ingressClassName: $NS", 1)
	down := strings.Replace(onNodes, "ready: true", "ready: false", 1)
	require.NotEqual(t, onNodes, down)
	applyAll(t, own, ns, strings.ReplaceAll(strings.Join([]string{aService, readySlice, classed, aGslb(roundRobin), down}, "\n---\n"), "$HOST", host))
	told := &logLines{}
	s := newSite(t, server, func(c *controllers.Config) {
		c.Rest.Impersonate.UserName = "system:serviceaccount:meridian:before"
		c.Logger = slog.New(slog.NewTextHandler(told, nil))
	})
	t.Cleanup(func() {
		s.remove(named(networkingv1.SchemeGroupVersion, "IngressClass", "", ns))
		s.remove(named(coreV1, "Node", "", ns+"-w1"))
		s.remove(named(coreV1, "Node", "", ns+"-w2"))
		s.remove(named(rbacV1, "ClusterRole", "", "before"))
		s.remove(named(rbacV1, "ClusterRoleBinding", "", "before"))
	})
	s.answers(host, w1, w2)
	s.blind(false)
	s.quiet() // it has asked again by then
	assert.Equal(t, 1, told.with("a kind may not be read", "kind=IngressClass"))

	granted := `[{"op": "add", "path": "/rules/-", "value": {"apiGroups": ["networking.k8s.io"], "resources": ["ingressclasses"], "verbs": ["list", "watch"]}}]`
	require.NoError(t, own.Patch(t.Context(), named(rbacV1, "ClusterRole", "", "before"), client.RawPatch("application/json-patch+json", []byte(granted))))
	s.answers(host, w2)
	assert.Equal(t, 1, told.with("a kind is read again", "kind=IngressClass"))
}

// finds waits until condition Resolved of Gslb podinfo says something.
func (s *site) finds(ns, want string) {
	s.t.Helper()
	g := &gslbv1beta1.Gslb{}
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g); err != nil {
			return err
		}
		c := meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved)
		if c == nil || !strings.Contains(c.Message, want) {
			return notYet("Resolved is %+v", c)
		}
		return nil
	})
}
