// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
	"github.com/meridian-gslb/meridian/internal/kplane"
)

// cluster is one real API server, shared by the tests of this file: each has a namespace
// of its own, but the kinds and the cluster roles are everybody's, so they run in turn.
type cluster struct{ planes *kplane.Planes }

func (c cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.planes.Kubectl(t.Context(), "eu", nil, args...)
	require.NoError(t, err)
	return strings.TrimSpace(out)
}

func (c cluster) client(t *testing.T, namespace string, log io.Writer) *helm.Client {
	t.Helper()
	client, err := helm.NewClient(c.planes.Cluster("eu").Kubeconfig, namespace, log)
	require.NoError(t, err)
	return client
}

// restricted makes a namespace that takes only Pods without any right.
func (c cluster) restricted(t *testing.T, namespace string) {
	t.Helper()
	c.kubectl(t, "create", "namespace", namespace)
	c.level(t, namespace, "restricted")
}

func (c cluster) level(t *testing.T, namespace, level string) {
	t.Helper()
	c.kubectl(t, "label", "--overwrite", "namespace", namespace, "pod-security.kubernetes.io/enforce="+level, "pod-security.kubernetes.io/warn="+level)
}

func load(t *testing.T) *chartv2.Chart {
	t.Helper()
	chart, err := helm.Load(helm.ChartDir())
	require.NoError(t, err)
	return chart
}

// TestCluster has one API server for all that needs one.
func TestCluster(t *testing.T) {
	c := cluster{kplane.ForTest(t, "eu")}
	t.Run("variants", func(t *testing.T) { variantsAreAccepted(t, c) })
	t.Run("life", func(t *testing.T) { lifeOfARelease(t, c) })
	t.Run("keys", func(t *testing.T) { keysOfSomebodyElse(t, c) })
	t.Run("kustomize", func(t *testing.T) { kustomizeIsApplied(t, c) })
	t.Run("k8gb", func(t *testing.T) { kindsBesideK8gb(t, c) })
}

// variantsAreAccepted: the API server takes every object of every variant, without a
// warning: first as a dry run, then to stay; and Helm takes them all away again.
func variantsAreAccepted(t *testing.T, c cluster) {
	const namespace = "variants"
	c.restricted(t, namespace)
	c.serviceMonitors(t)
	before := c.leftovers(t)
	for name := range variants(t) {
		t.Run(name, func(t *testing.T) {
			values := variants(t)[name]
			level := "restricted"
			if values["hostNetwork"] == true {
				level = "privileged" // Kubernetes asks that of every Pod in a node's network
			}
			c.level(t, namespace, level)
			var log bytes.Buffer
			client := c.client(t, namespace, &log)
			dry, err := client.Install(t.Context(), "meridian", load(t), variants(t)[name], true)
			require.NoError(t, err)
			rel, err := client.Install(t.Context(), "meridian", load(t), values, false)
			defer func() { // also when something failed, for the next one's sake
				_, err := client.Uninstall("meridian")
				require.NoError(t, err)
				assert.Empty(t, log.String(), "warnings of the API server")
			}()
			require.NoError(t, err)
			assert.Len(t, parse(t, dry.Manifest), len(parse(t, rel.Manifest)))
			for _, o := range parse(t, rel.Manifest) {
				at := []string{"get", o.GetKind() + "." + o.GroupVersionKind().Version + "." + o.GroupVersionKind().Group, o.GetName(), "-o", "name"}
				if ns := o.GetNamespace(); ns != "" {
					at = append(at, "-n", ns)
				}
				assert.NotEmpty(t, c.kubectl(t, at...))
			}
		})
	}
	c.kubectl(t, "delete", "crd", "gslbs.gslb.meridian.dev", "zonedelegations.gslb.meridian.dev", "dnsendpoints.externaldns.k8s.io", "--ignore-not-found")
	assert.Equal(t, before, c.leftovers(t))
}

// serviceMonitors makes the kind, as the Prometheus operator would.
func (c cluster) serviceMonitors(t *testing.T) {
	t.Helper()
	_, err := c.planes.Kubectl(t.Context(), "eu", strings.NewReader(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  names: {kind: ServiceMonitor, plural: servicemonitors}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`), "apply", "-f", "-")
	require.NoError(t, err)
	c.kubectl(t, "wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com", "--timeout=30s")
}

// leftovers lists what a release makes outside its namespace.
func (c cluster) leftovers(t *testing.T) string {
	t.Helper()
	return c.kubectl(t, "get", "clusterroles,clusterrolebindings,crd", "-o", "name")
}

// lifeOfARelease: the release of an older chart is upgraded, tested and removed. Its keys
// stay; its kinds are upgraded; the objects of people outlive it.
func lifeOfARelease(t *testing.T, c cluster) {
	const namespace = "life"
	c.restricted(t, namespace)
	before := c.leftovers(t)
	var log bytes.Buffer
	client := c.client(t, namespace, &log)
	rel, err := client.Install(t.Context(), "meridian", older(t), variants(t)["default"], false)
	require.NoError(t, err)
	assert.Equal(t, 1, rel.Version)
	keys := c.keys(t, namespace)
	for _, key := range keys {
		assert.Len(t, key, 60, "base64 of the base64 of 32 octets")
	}
	assert.NotEqual(t, keys[0], keys[1])
	c.awaitPods(t, namespace)
	c.kubectl(t, "wait", "--for=condition=Established", "crd", "gslbs.gslb.meridian.dev", "--timeout=30s")
	c.apply(t, gslb)
	assert.NotContains(t, c.kubectl(t, "get", "crd", "gslbs.gslb.meridian.dev", "-o", "yaml"), "maxAnswers", "the older kind")

	values := variants(t)["default"]
	values["replicas"], values["logLevel"] = 3, "debug"
	rel, err = client.Upgrade(t.Context(), "meridian", load(t), values)
	require.NoError(t, err)
	assert.Equal(t, 2, rel.Version)
	assert.Equal(t, keys, c.keys(t, namespace), "an upgrade keeps the keys")
	assert.Contains(t, c.kubectl(t, "get", "crd", "gslbs.gslb.meridian.dev", "-o", "yaml"), "maxAnswers", "an upgrade upgrades the kinds")
	assert.Equal(t, "3", c.kubectl(t, "-n", namespace, "get", "deployment", "meridian", "-o", "jsonpath={.spec.replicas}"))
	assert.Contains(t, c.kubectl(t, "-n", namespace, "get", "configmap", "meridian", "-o", "yaml"), "log-level: debug")
	c.awaitPods(t, namespace)

	testRelease(t, c, client, namespace)

	info, err := client.Uninstall("meridian")
	require.NoError(t, err)
	assert.Contains(t, info, "[CustomResourceDefinition] gslbs.gslb.meridian.dev")
	assert.Equal(t, "app", c.kubectl(t, "get", "gslbs.gslb.meridian.dev", "-n", "default", "-o", "jsonpath={.items[*].metadata.name}"), "people's objects stay")
	c.emptyNamespace(t, namespace)

	// The kinds that stayed belong to the release that comes back, which takes them along when told.
	values["crds"] = helm.Values{"keep": false}
	_, err = client.Install(t.Context(), "meridian", load(t), values, false)
	require.NoError(t, err)
	assert.NotEqual(t, keys, c.keys(t, namespace), "they went with the release")
	_, err = client.Uninstall("meridian")
	require.NoError(t, err)
	c.emptyNamespace(t, namespace)
	assert.Equal(t, before, c.leftovers(t), "nothing is left")
	assert.Empty(t, log.String(), "warnings of the API server")
}

const gslb = `
apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app, namespace: default}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: app}
  strategy: {type: roundRobin}
`

// older gives the chart as an earlier one might have been: its Gslb lacks a field.
func older(t *testing.T) *chartv2.Chart {
	t.Helper()
	chart := load(t)
	chart.Metadata.Version = "0.0.9"
	for _, f := range chart.Files {
		if strings.HasSuffix(f.Name, "_gslbs.yaml") {
			f.Data = withoutField(t, f, "maxAnswers")
		}
	}
	return chart
}

// withoutField takes a property and the rules about it out of a CRD.
func withoutField(t *testing.T, f *common.File, field string) []byte {
	t.Helper()
	crd := parse(t, string(f.Data))[0]
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, field)
			if rules, ok := v["x-kubernetes-validations"].([]any); ok {
				v["x-kubernetes-validations"] = slices.DeleteFunc(rules, func(r any) bool { return strings.Contains(fmt.Sprint(r), field) })
			}
			for _, below := range v {
				strip(below)
			}
		case []any:
			for _, below := range v {
				strip(below)
			}
		}
	}
	strip(crd.Object["spec"])
	out, err := json.Marshal(crd.Object)
	require.NoError(t, err)
	require.NotContains(t, string(out), field)
	return out
}

func (c cluster) apply(t *testing.T, manifest string) {
	t.Helper()
	_, err := c.planes.Kubectl(t.Context(), "eu", strings.NewReader(manifest), "apply", "-f", "-")
	require.NoError(t, err)
}

// keys gives the secrets of the edge and of the peers as they are stored.
func (c cluster) keys(t *testing.T, namespace string) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"meridian-edge-tsig", "meridian-peers-tsig"} {
		out = append(out, c.kubectl(t, "-n", namespace, "get", "secret", name, "-o", "jsonpath={.data.secret}"))
	}
	return out
}

func (c cluster) awaitPods(t *testing.T, namespace string) {
	t.Helper()
	c.kubectl(t, "-n", namespace, "rollout", "status", "deployment/meridian", "--timeout=2m")
}

// emptyNamespace: what Kubernetes itself puts into a namespace is all that is in it.
func (c cluster) emptyNamespace(t *testing.T, namespace string) {
	t.Helper()
	c.kubectl(t, "-n", namespace, "wait", "--for=delete", "pod", "--all", "--timeout=1m")
	got := c.kubectl(t, "-n", namespace, "get",
		"all,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,leases", "-o", "name")
	assert.ElementsMatch(t, []string{"configmap/kube-root-ca.crt", "serviceaccount/default"}, strings.Fields(got))
}

// testRelease: `helm test` starts the Pod, takes it away when it succeeds, and fails when
// it does. The light node is stopped meanwhile: it would run the Pod as a web server.
func testRelease(t *testing.T, c cluster, client *helm.Client, namespace string) {
	t.Helper()
	require.NoError(t, c.planes.Cluster("eu").Kill(kplane.Node))
	for _, phase := range []string{"Succeeded", "Failed"} {
		fails := phase == "Failed"
		done := make(chan error, 1)
		go func() {
			_, err := client.Test("meridian")
			done <- err
		}()
		require.NoError(t, c.endPod(t, namespace, phase))
		if err := <-done; fails {
			require.Error(t, err)
		} else {
			require.NoError(t, err)
		}
		left := c.kubectl(t, "-n", namespace, "get", "pods", "-o", "name")
		assert.Equal(t, fails, strings.Contains(left, "meridian-test"), "a Pod that failed stays to be looked at")
	}
	c.kubectl(t, "-n", namespace, "delete", "pod", "meridian-test", "--force")
	require.NoError(t, c.planes.Revive(t.Context()))
}

// endPod waits for the test's Pod and says in its status how it ended.
func (c cluster) endPod(t *testing.T, namespace, phase string) error {
	t.Helper()
	if _, err := c.planes.Kubectl(t.Context(), "eu", nil, "-n", namespace, "wait", "--for=create", "pod/meridian-test", "--timeout=30s"); err != nil {
		return err
	}
	_, err := c.planes.Kubectl(t.Context(), "eu", nil, "-n", namespace, "patch", "pod", "meridian-test", "--subresource=status", "--type=merge",
		"-p", fmt.Sprintf(`{"status":{"phase":%q}}`, phase))
	return err
}

// keysOfSomebodyElse: Secrets that were there before the release are used, never changed,
// and outlive it.
func keysOfSomebodyElse(t *testing.T, c cluster) {
	const namespace = "keys"
	c.restricted(t, namespace)
	for _, name := range []string{"meridian-edge-tsig", "meridian-peers-tsig"} {
		c.kubectl(t, "-n", namespace, "create", "secret", "generic", name, "--from-literal=secret="+name)
	}
	before := c.keys(t, namespace)
	client := c.client(t, namespace, io.Discard)
	rel, err := client.Install(t.Context(), "meridian", load(t), variants(t)["default"], false)
	require.NoError(t, err)
	noSecrets := func(r *releasev1.Release) { assert.NotContains(t, r.Manifest, "kind: Secret") }
	noSecrets(rel)
	rel, err = client.Upgrade(t.Context(), "meridian", load(t), variants(t)["default"])
	require.NoError(t, err)
	noSecrets(rel)
	_, err = client.Uninstall("meridian")
	require.NoError(t, err)
	assert.Equal(t, before, c.keys(t, namespace))

	// A secret among the values is written, and changes when it changes.
	values := variants(t)["everything"]
	values["fullnameOverride"] = "other"
	values["metrics"] = helm.Values{"serviceMonitor": helm.Values{"enabled": false}}
	values["crds"] = helm.Values{"install": false} // the first release left them
	_, err = client.Install(t.Context(), "other", load(t), values, false)
	require.NoError(t, err)
	written := func() string {
		return c.kubectl(t, "-n", namespace, "get", "secret", "other-peers-tsig", "-o", "jsonpath={.data.secret}")
	}
	first := written()
	values["peers"] = helm.Values{"tsig": helm.Values{"secret": "bmV3LXNlY3JldC1vZi1tb3JlLXRoYW4tMTYtb2N0ZXRz"}}
	_, err = client.Upgrade(t.Context(), "other", load(t), values)
	require.NoError(t, err)
	assert.NotEqual(t, first, written())
	_, err = client.Uninstall("other")
	require.NoError(t, err)
}

// kustomizeIsApplied: the API server takes the example, and its Pods become ready.
func kustomizeIsApplied(t *testing.T, c cluster) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("kustomize")))
	c.kubectl(t, "apply", "--server-side", "-k", filepath.Join(dir, "example"))
	c.awaitPods(t, "meridian")
	c.kubectl(t, "delete", "-k", filepath.Join(dir, "example"), "--timeout="+time.Minute.String())
}
