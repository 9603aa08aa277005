// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// TestTheWayOverFromExternalDNS does what docs/migrating-from-k8gb.md says to those who
// balance a name with ExternalDNS alone: the new name is answered while the old one is
// ExternalDNS's, and goes on when that is told to let go.
func TestTheWayOverFromExternalDNS(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrating-from-k8gb.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "## From ExternalDNS")
	require.True(t, found)
	_, rest, found = strings.Cut(rest, "```yaml\n")
	require.True(t, found)
	ingress, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	require.Contains(t, ingress, "external-dns.alpha.kubernetes.io/")

	dir := t.TempDir()
	write(t, dir, "app.yaml", `apiVersion: v1
kind: Service
metadata: {name: app, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: shop, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
`)
	const status = "status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}\n"
	write(t, dir, "ingress.yaml", ingress+status)
	h := start(t, dir)
	w := h.untilAddrs("the new name beside the old one", "192.0.2.1")
	assert.Equal(t, []gslb.GeoTag{"eu", "us"}, w.Host(gslb.MustName("app.cloud.example.com")).Policy.FailoverOrder)
	assert.Nil(t, w.Host(gslb.MustName("app.example.com")), "the old one is ExternalDNS's")
	assert.Contains(t, fmt.Sprint(h.source.Problems()), "host app.example.com lies in none of the zones (cloud.example.com)")
	seen := len(h.published())

	without := regexp.MustCompile(`(?m)^ *external-dns.*\n`).ReplaceAllString(ingress, "")
	without = strings.Replace(without, "    gslb.meridian.dev/strategy", "    gslb.meridian.dev/dns-ttl-seconds: \"7\"\n    gslb.meridian.dev/strategy", 1)
	h.write("ingress.yaml", without+status)
	h.until("its annotations are gone", func(w *gslb.World) bool {
		host := w.Host(gslb.MustName("app.cloud.example.com"))
		return host != nil && host.Policy.TTL == 7
	})
	for _, w := range h.published()[seen:] {
		assert.Equal(t, []string{"192.0.2.1"}, healthy(w), "no answer changed")
	}
}
