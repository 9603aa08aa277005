// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// balancers are the names of load balancers that can be resolved.
type balancers map[string]string

func (b balancers) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	addr, err := netip.ParseAddr(b[strings.TrimSuffix(name, ".")])
	if err != nil {
		return hostnames.Answer{}, errors.New("nobody answers")
	}
	return hostnames.Answer{Addrs: []netip.Addr{addr}, TTL: time.Minute}, nil
}

func withBalancers(c *controllers.Config) {
	c.Asker = balancers{"lb-1.example.net": "192.0.2.71", "lb-2.example.net": "192.0.2.72"}
}

// sample is a Gslb of api/k8gb/testdata, and what becomes of it in a cluster that is alone
// in its zone: the status that k8gb gives, and the answer; inTwoClusters has what it becomes beside another.
type sample struct {
	name, host string
	older      bool // in k8gb.absa.oss
	service    string
	addrs      []string
}

// status reads the status of the Gslb of a sample.
func (c *sample) status(s *site) (*k8gb.GslbStatus, error) {
	key := client.ObjectKey{Namespace: "test-gslb", Name: c.name}
	if c.older {
		g := &absa.Gslb{}
		return &g.Status, s.api.Get(s.t.Context(), key, g)
	}
	g := &k8gb.Gslb{}
	return &g.Status, s.api.Get(s.t.Context(), key, g)
}

// becomes waits until status and answer of a sample are those of an application that is
// healthy, or of one that is not.
func (c *sample) becomes(s *site, healthy bool) {
	s.t.Helper()
	health, records := "Healthy", c.addrs
	if !healthy {
		health, records = "Unhealthy", []string{}
	}
	want := k8gb.GslbStatus{
		GeoTag: "eu", Hosts: c.host, ServiceHealth: map[string]string{c.host: health}, HealthyRecords: map[string][]string{c.host: records},
		LoadBalancer: k8gb.LoadBalancer{ExposedIPs: c.addrs},
		Servers:      []k8gb.Server{{Host: c.host, Services: []k8gb.NamespacedName{{Namespace: "test-gslb", Name: c.service}}}},
	}
	eventually(s.t, func() error {
		have, err := c.status(s)
		if err != nil || have.Equal(&want) {
			return err
		}
		return notYet("the status of %s is %+v, not %+v", c.name, have, want)
	})
	s.answers(c.host, records...)
}

// kindSamples are those of kinds.yaml.
func kindSamples() []sample {
	const web = "frontend-podinfo"
	return []sample{
		{"kinds-httproute", "httproute.cloud.example.com", false, web, []string{"192.0.2.40", "192.0.2.41"}},
		{"kinds-grpcroute", "grpcroute.cloud.example.com", true, web, []string{"192.0.2.40"}},
		{"kinds-tlsroute-v1", "tlsroute-v1.cloud.example.com", false, web, []string{"192.0.2.40"}},
		{"kinds-tlsroute-v1alpha2", "tlsroute-v1alpha2.cloud.example.com", true, web, []string{"192.0.2.40"}},
		{"kinds-tlsroute-v1alpha3", "tlsroute-v1alpha3.cloud.example.com", false, web, []string{"192.0.2.40"}},
		{"kinds-tcproute", "tcproute.cloud.example.com", false, web, []string{"192.0.2.40"}},
		{"kinds-udproute", "udproute.cloud.example.com", false, web, []string{"192.0.2.40"}},
		{"kinds-virtualservice", "virtualservice.cloud.example.com", false, web, []string{"192.0.2.50"}},
		{"kinds-virtualservice-v1beta1", "virtualservice-v1beta1.cloud.example.com", true, web, []string{"192.0.2.50"}},
		{"kinds-service", "service.cloud.example.com", true, "kinds-service", []string{"192.0.2.60"}},
		{"kinds-exposed", "exposed.cloud.example.com", false, "kinds-exposed", []string{"192.0.2.71", "192.0.2.72"}},
	}
}

const gatewaysForKinds = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: $NS, name: one}
spec:
  gatewayClassName: any
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}
  - {name: tcp, port: 5432, protocol: TCP}
  - {name: udp, port: 5353, protocol: UDP}
status: {addresses: [{type: IPAddress, value: 192.0.2.40}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: $NS, name: two}
spec: {gatewayClassName: any, listeners: [{name: http, port: 80, protocol: HTTP}]}
status: {addresses: [{type: IPAddress, value: 192.0.2.41}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {namespace: $NS, name: mesh-edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: istio-ingressgateway}
spec: {type: LoadBalancer, selector: {istio: ingressgateway}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.50}]}}`

func routeForKinds(version, kind, name, names, parents string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/%s
kind: %s
metadata: {namespace: $NS, name: kinds-%s, labels: {app: kinds-%s}%s
  parentRefs: %s
  rules: [{backendRefs: [{name: frontend-podinfo, port: 80}]}]`, version, kind, name, name, names, parents)
}

func meshForKinds(name string) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: $NS, name: kinds-%s, labels: {app: kinds-%s}}
spec:
  hosts: [%s.cloud.example.com]
  gateways: [mesh-edge]
  http: [{route: [{destination: {host: frontend-podinfo}}]}]`, name, name, name)
}

func balancerForKinds(name, annotations string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: %s, labels: {app: %s}, annotations: {%s}}
spec: {type: LoadBalancer, selector: {app: %s}, ports: [{name: http, port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.60}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: %s-1, labels: {kubernetes.io/service-name: %s, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.9], conditions: {ready: true}}]`, name, name, annotations, name, name, name)
}

// kindsOfK8gb: a Gslb of k8gb that points to an object of any kind has the status and the
// answer that k8gb gives, whichever group it stands in, and follows its application.
func kindsOfK8gb(t *testing.T, s *site, cfg *rest.Config) {
	apply(t, s.api, "kinds.yaml") // before their kinds are installed
	crds := append(gatewayAPI(t, "gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes", "referencegrants"), istioAPI(t)...)
	_, err := envtest.InstallCRDs(cfg, envtest.CRDInstallOptions{CRDs: crds})
	require.NoError(t, err)
	hosts := func(name string) string { return "}\nspec:\n  hostnames: [" + name + ".cloud.example.com]" }
	const one, both = "[{name: one}]", "[{name: one}, {name: two}]"
	objects := []string{
		gatewaysForKinds, routeForKinds("v1", "HTTPRoute", "httproute", hosts("httproute"), both),
		routeForKinds("v1", "GRPCRoute", "grpcroute", hosts("grpcroute"), one),
		routeForKinds("v1alpha2", "TCPRoute", "tcproute", ", annotations: {k8gb.io/hostname: tcproute.cloud.example.com}}\nspec:", one),
		routeForKinds("v1alpha2", "UDPRoute", "udproute", "}\nspec:", one),
		meshForKinds("virtualservice"), meshForKinds("virtualservice-v1beta1"),
		balancerForKinds("kinds-service", "k8gb.io/hostname: service.cloud.example.com"), balancerForKinds("kinds-exposed", ""),
	}
	for _, version := range []string{"v1", "v1alpha2", "v1alpha3"} {
		name := "tlsroute-" + version
		objects = append(objects, routeForKinds(version, "TLSRoute", name, hosts(name), one))
	}
	applyAll(t, s.api, "test-gslb", strings.Join(objects, "\n---\n"))
	all := kindSamples()
	for i := range all {
		all[i].becomes(s, true)
	}
	services := []string{"frontend-podinfo", "kinds-service", "kinds-exposed"}
	for _, ready := range []bool{false, true} {
		for _, service := range services {
			setReady(t, s.api, "test-gslb", service, ready)
		}
		for i := range all {
			all[i].becomes(s, ready)
		}
	}
}

// adoptedFromK8gb: a Gslb that k8gb made for an annotated Ingress, with a copy of it in the
// Gslb, goes on as it is. Its strategy follows the annotations, and nothing is in conflict.
func adoptedFromK8gb(t *testing.T, s *site) {
	ing := ingress(t, s.api, ingressOf("test-gslb", "generated", "generated.cloud.example.com", "frontend-podinfo", nil), "192.0.2.21")
	g := &absa.Gslb{}
	require.NoError(t, yaml.Unmarshal([]byte(`
metadata: {namespace: test-gslb, name: generated, finalizers: [k8gb.absa.oss/finalizer]}
spec:
  ingress:
    rules:
    - host: generated.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: frontend-podinfo, port: {name: http}}}}]}
  strategy: {type: roundRobin, weight: {eu: 5}}`), g))
	g.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(ing, networkingv1.SchemeGroupVersion.WithKind("Ingress"))}
	require.NoError(t, s.api.Create(t.Context(), g))
	made := sample{"generated", "generated.cloud.example.com", true, "frontend-podinfo", []string{"192.0.2.21"}}
	made.becomes(s, true)
	spec := g.Spec.Ingress.DeepCopy()
	eventually(t, func() error {
		if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing); err != nil {
			return err
		}
		ing.Annotations = map[string]string{"k8gb.io/strategy": "failover", "k8gb.io/primary-geotag": "eu"}
		return s.api.Update(t.Context(), ing)
	})
	old(s, g, "generated", func() bool { return g.Spec.Strategy.Type == "failover" && g.Spec.Strategy.PrimaryGeoTag == "eu" })
	assert.Equal(t, spec, g.Spec.Ingress, "nothing else of it is written")
	assert.Equal(t, map[string]int{"eu": 5}, g.Spec.Strategy.Weight, "for weights k8gb has no annotation: they are people's")
	assert.Equal(t, []string{"k8gb.absa.oss/finalizer"}, g.Finalizers)
	made.becomes(s, true)
	assert.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), client.ObjectKeyFromObject(g), &k8gb.Gslb{})), "there is no second one")
	require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing))
	assert.Empty(t, ing.OwnerReferences, "the Ingress stays its user's")
	assert.False(t, containing(s.events("Gslb", "test-gslb", "generated"), "Warning"), "nothing is in conflict")
}
