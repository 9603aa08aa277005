// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestExplainOfAFolderTellsWhatConditionsWould: readiness gates cannot be told from files,
// and an address inside the cluster is left out; a server says so in conditions.
func TestExplainOfAFolderTellsWhatConditionsWould(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(`apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {namespace: shop, name: app}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: app}
  strategy: {type: roundRobin}
  readinessGates: [{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: db, conditionType: Ready}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: app}
spec:
  rules:
  - host: app.cloud.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 10.96.0.80}]}}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web}
spec: {selector: {app: web}, clusterIP: 10.96.0.80, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: shop, name: web-1, labels: {kubernetes.io/service-name: web, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
`), 0o600))
	x, err := explainFiles(t.Context(), dir, "eu", false, gslb.MustName("app.cloud.example.com"), netip.Addr{})
	require.NoError(t, err)
	require.Len(t, x.Entries, 1, "the cluster IP is none")
	assert.Equal(t, "192.0.2.1", x.Entries[0].Address)
	assert.Equal(t, gslb.ReasonGateNotReady, x.Entries[0].Reason)
	assert.Contains(t, x.Notes, "host app.cloud.example.com: readiness gate: condition Ready of Cluster shop/db is not True: no file has the object; add it with that condition in its status")
	found := false
	for _, n := range x.Notes {
		found = found || n == "ignored in the status of Ingress shop/app: 10.96.0.80 is the cluster IP of Service shop/web, which nobody outside can connect to; --entry-cidrs lets addresses inside the cluster count"
	}
	assert.True(t, found, "%q", x.Notes)
}
