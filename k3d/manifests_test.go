// SPDX-License-Identifier: Apache-2.0

package k3d_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

// cluster is an API server and how kubectl speaks to it.
type cluster struct {
	t       *testing.T
	command []string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	planes := kplane.ForTest(t, "eu")
	return cluster{t, []string{planes.Binary(), "kubectl", "--kubeconfig", planes.Cluster("eu").Kubeconfig}}
}

// forced is kubectl's own warning about deleting Pods at once.
const forced = "Warning: Immediate deletion"

// kubectl returns what it said, and fails the test on an error. Warnings of the API
// server (unknown fields, deprecated APIs, Pods with too many rights) fail it as well.
func (c cluster) kubectl(args ...string) string {
	c.t.Helper()
	out, complaints, err := run(c.t.Context(), append(c.command, args...))
	require.NoError(c.t, err, "kubectl %s\n%s", strings.Join(args, " "), complaints)
	assert.NotContains(c.t, strings.ReplaceAll(complaints, forced, ""), "Warning", "kubectl %s", strings.Join(args, " "))
	return out
}

// One API server is enough for all that is asked of it.
func TestOnARealAPIServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.kubectl("apply", "-f", "../api/v1beta1/crds")
	c.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "../api/v1beta1/crds")
	for _, ns := range []string{"meridian", "edge", "test-gslb", "monitoring"} {
		c.kubectl("create", "--save-config", "namespace", ns)
	}
	for _, tt := range []struct {
		name string
		test func(t *testing.T, c cluster)
	}{
		{"a wrong manifest is refused", wrongManifest},
		{"every manifest is taken", everyManifest},
		{"Pods are taken by the restricted profile", restrictedPods},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, cluster{t, c.command}) })
	}
}

// Dry and for good, without a word of warning, and taking it again changes nothing.
func everyManifest(t *testing.T, c cluster) {
	for _, from := range []string{"../docs/samples", "edge", "apps", "gslb", "samples", "prometheus", dnstools(t)} {
		c.kubectl("apply", "--server-side", "--dry-run=server", "--field-manager=test", "--force-conflicts", "-f", from)
		c.kubectl("apply", "-f", from)
		for line := range strings.Lines(c.kubectl("apply", "-f", from)) {
			// Not so where the API server fills in defaults within lists, as in ZoneDelegations.
			assert.Regexp(t, "unchanged|^zonedelegation", line)
		}
	}
}

// The profile is checked when Pods are made, long after their Deployment was taken.
func restrictedPods(t *testing.T, c cluster) {
	for _, ns := range []string{"edge", "test-gslb", "monitoring"} {
		c.kubectl("label", "--overwrite", "namespace", ns, "pod-security.kubernetes.io/enforce=restricted")
		c.kubectl("-n", ns, "delete", "pods", "--all", "--grace-period=0", "--force")
	}
	c.kubectl("-n", "test-gslb", "scale", "deployment/unhealthy-app", "--replicas=1")
	c.kubectl("apply", "-f", dnstools(t))
	for selector, ns := range map[string]string{
		"bind": "edge", "frontend-podinfo": "test-gslb", "unhealthy-app": "test-gslb",
		"dnstools": "test-gslb", "prometheus": "monitoring",
	} {
		assert.Eventually(t, func() bool {
			out, _, err := run(t.Context(), append(c.command, "-n", ns, "get", "pods", "-l",
				"app.kubernetes.io/name="+selector, "-o", "name"))
			return err == nil && out != ""
		}, time.Minute, 50*time.Millisecond, "no Pod of %s", selector)
	}
	if t.Failed() {
		t.Log(c.kubectl("get", "events", "-A"))
	}
}

// What the other tests rest on: an object with a mistake does not get in.
func wrongManifest(t *testing.T, c cluster) {
	text, err := os.ReadFile("apps/podinfo.yaml")
	require.NoError(t, err)
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	require.NoError(t, os.WriteFile(wrong, bytes.Replace(text, []byte("periodSeconds"), []byte("periodMinutes"), 1), 0o600))
	_, complaints, err := run(t.Context(), append(c.command, "apply", "--server-side", "--dry-run=server", "-f", wrong))
	require.Error(t, err)
	assert.Contains(t, complaints, "periodMinutes")
}

// dnstools gives the manifest of the Pod of `make dns-tools` as the script fills it in.
func dnstools(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("dnstools.yaml")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dnstools.yaml")
	filled := strings.NewReplacer("${NAME}", "dnstools-1", "${DNS}", "10.96.0.53").Replace(string(text))
	require.NotContains(t, filled, "${")
	require.NoError(t, os.WriteFile(file, []byte(filled), 0o600))
	return file
}

// Nothing in the playground runs as root, writes to its image, or keeps a capability.
func TestNobodyHasMoreRightsThanHeNeeds(t *testing.T) {
	seen := 0
	for _, f := range append(manifests(t, "edge", "apps", "prometheus"), dnstools(t)) {
		for _, object := range documents(t, f) {
			spec := field(object, "spec", "template", "spec")
			if object["kind"] == "Pod" {
				spec = object["spec"]
			}
			if spec == nil {
				continue
			}
			assert.Equal(t, true, field(spec, "securityContext", "runAsNonRoot"), f)
			assert.Equal(t, "RuntimeDefault", field(spec, "securityContext", "seccompProfile", "type"), f)
			for _, list := range []string{"initContainers", "containers"} {
				all, _ := field(spec, list).([]any)
				for _, container := range all {
					seen++
					assert.Equal(t, true, field(container, "securityContext", "readOnlyRootFilesystem"), f)
					assert.Equal(t, false, field(container, "securityContext", "allowPrivilegeEscalation"), f)
					assert.Equal(t, []any{"ALL"}, field(container, "securityContext", "capabilities", "drop"), f)
					assert.Equal(t, "IfNotPresent", field(container, "imagePullPolicy"), f)
				}
			}
		}
	}
	assert.Equal(t, 6, seen, "containers")
}

// Images are made by `make playground-images` under the very names of the manifests.
func TestImagesAreThoseThatAreMade(t *testing.T) {
	want := []string{
		"docker.io/infoblox/dnstools:latest", "docker.io/internetsystemsconsortium/bind9:9.20",
		"docker.io/prom/prometheus:v3.5.0", "ghcr.io/stefanprodan/podinfo:6.9.2",
	}
	seen := map[string]bool{}
	for _, f := range append(manifests(t, "edge", "apps", "prometheus"), dnstools(t)) {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if _, image, ok := strings.Cut(strings.TrimSpace(line), "image: "); ok {
				seen[full(image)] = true
			}
		}
	}
	for _, image := range want {
		assert.True(t, seen[image], image)
	}
	assert.Len(t, seen, len(want))
}

// full gives the name of an image with its registry.
func full(image string) string {
	if first, _, _ := strings.Cut(image, "/"); strings.Contains(first, ".") {
		return image
	}
	return "docker.io/" + image
}
