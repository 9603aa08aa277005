// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Manifests that checks are made of.
const (
	aService = `apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: podinfo}
spec: {selector: {app: podinfo}, ports: [{name: http, port: 80}]}`

	readySlice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: podinfo}}`

	emptySlice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: []`
)

// anIngress leads $HOST to a Service; status is that of its load balancer, as YAML.
func anIngress(annotations, service, status string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: $NS, name: podinfo, annotations: {%s}}
spec:
  rules:
  - host: $HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}
status: {loadBalancer: {ingress: [%s]}}`, annotations, service, status)
}

// aGslb refers to the Ingress; more are further fields of the spec, as YAML.
func aGslb(more string) string {
	return `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {namespace: $NS, name: podinfo}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: podinfo}
  ` + strings.TrimSpace(more)
}

var (
	coreV1      = schema.GroupVersion{Version: "v1"}
	discoveryV1 = schema.GroupVersion{Group: "discovery.k8s.io", Version: "v1"}
)

const roundRobin = "strategy: {type: roundRobin}"
