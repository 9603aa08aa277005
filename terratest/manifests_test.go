// SPDX-License-Identifier: Apache-2.0

package terratest_test

import (
	"fmt"
	"strings"

	"github.com/meridian-gslb/meridian/terratest/world"
)

// app is a Deployment and a Service of that name: a web server whose message is
// the cluster's geo tag.
func app(c *world.Cluster, image, name string, replicas int) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: podinfo
        image: %[3]s
        ports: [{name: http, containerPort: 9898}]
        env: [{name: PODINFO_UI_MESSAGE, value: %[4]q}]
        readinessProbe: {periodSeconds: 1, httpGet: {path: /readyz, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 9898, targetPort: http}]
`, name, replicas, image, c.GeoTag)
}

// rules are the rules of an Ingress, embedded or not: one for each host, all to
// one Service. indent is how deep they stand.
func rules(indent int, service string, hosts ...string) string {
	var b strings.Builder
	for _, host := range hosts {
		fmt.Fprintf(&b, `- host: %q
  http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {name: http}}}}]}
`, host, service)
	}
	space := strings.Repeat(" ", indent)
	return space + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", "\n"+space) + "\n"
}

// gslb is a Gslb with an embedded Ingress of one host. Its TTL is one second, so
// that the edge's cache does not hide what changes.
func gslb(name, host, service, strategy string) string {
	return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: %s}
spec:
  ingress:
    rules:
%s  strategy: {dnsTtlSeconds: 1, %s}
`, name, rules(4, service, host), strategy)
}

// reference is a Gslb that takes its hosts from an Ingress that is there.
func reference(name, ingress, strategy string) string {
	return fmt.Sprintf(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: %s}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: %s}
  strategy: {dnsTtlSeconds: 1, %s}
`, name, ingress, strategy)
}

// ingress is an Ingress of one host, with annotations ("key: value" each).
func ingress(name, host, service string, annotations ...string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %s
  annotations: {%s}
spec:
  rules:
%s`, name, strings.Join(annotations, ", "), rules(2, service, host))
}

// failover is the strategy of that name, with the order of some clusters.
func failover(order ...*world.Cluster) string {
	return "type: failover, failoverOrder: [" + strings.Join(world.Tags(order...), ", ") + "]"
}

// primary is failover with a primary only.
func primary(c *world.Cluster) string { return "type: failover, primaryGeoTag: " + c.GeoTag }

const roundRobin = "type: roundRobin"

// start deploys the application in every cluster and waits until it is ready.
func start(s *world.Stage, names ...string) {
	s.T.Helper()
	s.ApplyIn("apply the application "+strings.Join(names, ", "), s.Clusters, func(c *world.Cluster) string {
		var all []string
		for _, name := range names {
			all = append(all, app(c, s.AppImage, name, 1))
		}
		return strings.Join(all, "---\n")
	})
	for _, name := range names {
		s.AwaitReady(name, s.Clusters...)
	}
}

// balance applies the same Gslb in every cluster and waits for its entries.
func balance(s *world.Stage, name, host, service, strategy string) {
	s.T.Helper()
	s.ApplyIn("apply the Gslb "+name, s.Clusters, func(*world.Cluster) string { return gslb(name, host, service, strategy) })
	s.AwaitEntries(name, s.Clusters...)
}
