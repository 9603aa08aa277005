// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

const incumbent = `apiVersion: k8gb.absa.oss/v1beta1
kind: Gslb
metadata: {name: app, namespace: test, annotations: {k8gb.io/exposed-ip-addresses: "192.0.2.1"}}
spec:
  ingress:
    rules:
    - host: app.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
  strategy: {type: failover, primaryGeoTag: EU, dnsTtlSeconds: 5}
---
apiVersion: k8gb.io/v1beta1
kind: ZoneDelegation
metadata: {name: lab}
spec: {loadBalancedZone: lab.example.com, parentZone: example.com}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: test}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: test, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
`

const twin = `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app, namespace: test}
spec:
  ingress:
    rules:
    - host: app.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
  strategy: {type: failover, primaryGeoTag: eu, dnsTtlSeconds: 5}
  entryAddresses: [192.0.2.1]
`

func TestManifestsOfK8gbAreReadAndTakenOver(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("k8gb.yaml", incumbent)
	h := start(t, dir)
	w := h.untilAddrs("the Gslb of k8gb", "192.0.2.1")
	host := w.Host(gslb.MustName("app.cloud.example.com"))
	assert.Equal(t, gslb.Policy{Strategy: gslb.Failover, Primary: "eu", TTL: 5, SplitBrain: 300e9, WhenAllUnhealthy: gslb.Empty}, host.Policy)
	assert.True(t, host.Part("eu").Offer.Incumbent)
	assert.NotNil(t, w.Zone(gslb.MustName("lab.example.com")), "the zone of k8gb is served")
	assert.Empty(t, h.source.Problems())

	write("meridian.yaml", twin)
	_, without, _ := strings.Cut(incumbent, "---\n")
	write("k8gb.yaml", without)
	h.until("the twin alone", func(w *gslb.World) bool {
		host := w.Host(gslb.MustName("app.cloud.example.com"))
		return host != nil && !host.Part("eu").Offer.Incumbent
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := false
	for _, w := range h.worlds {
		have := healthy(w)
		seen = seen || len(have) > 0
		if seen {
			assert.Equal(t, []string{"192.0.2.1"}, have, "no answer changed")
		}
	}
}

func TestManifestsOfK8gbAreChecked(t *testing.T) {
	problems, err := files.Check(t.Context(), []string{"../../api/k8gb/testdata"}, files.CheckOptions{Self: "eu"})
	require.NoError(t, err)
	for _, p := range problems {
		assert.NotEqual(t, files.Error, p.Severity, "%s", p)
	}
	problems, err = files.Check(t.Context(), []string{"../../api/k8gb/testdata"}, files.CheckOptions{Self: "eu", NoK8gb: true})
	require.NoError(t, err)
	var text strings.Builder
	for _, p := range problems {
		text.WriteString(p.String() + "\n")
	}
	assert.Contains(t, text.String(), "a Gslb of k8gb.absa.oss/v1beta1 is not read from files, and is ignored: use gslb.meridian.dev/v1beta1, or let --k8gb-compat be on")
}
