// SPDX-License-Identifier: Apache-2.0

package world_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/terratest/world"
)

func env(m map[string]string) func(string) string { return func(name string) string { return m[name] } }

func TestFromEnvHasThePlaygroundsDefaults(t *testing.T) {
	c, err := world.FromEnv(env(map[string]string{"PROVIDER": "local"}))
	require.NoError(t, err)
	assert.Equal(t, "../bin/playground/kubeconfig", c.Kubeconfig)
	assert.Equal(t, "127.0.0.1:1053", c.EdgeDNS)
	assert.Equal(t, []string{"127.0.0.1:5053", "127.0.0.1:5054"}, c.ClustersDNS[:2])
	assert.Equal(t, []string{"127.0.0.1:80", "127.0.0.1:81"}, c.ClustersHTTP[:2])
	assert.Equal(t, "../k3d/provider/local.sh", c.ProviderScript)
	assert.Equal(t, []string{"eu", "us", "cz"}, c.GeoTags[:3])
	assert.False(t, c.Required)
}

func TestFromEnvSaysAllThatIsWrong(t *testing.T) {
	_, err := world.FromEnv(env(map[string]string{
		"MERIDIAN_TERRATEST": "yes", "HTTP_PORT": "http", "EDGE_DNS": "localhost", "CLUSTERS_DNS": "127.0.0.1:53,there", "TERRATEST_REPORT": "steps.txt",
	}))
	for _, part := range []string{`MERIDIAN_TERRATEST is "yes"`, "HTTP_PORT: strconv.Atoi", `"localhost" is no HOST:PORT`, `"there" is no HOST:PORT`, `"steps.txt" should end in`} {
		require.ErrorContains(t, err, part)
	}
}

func TestFromEnvTakesOtherPorts(t *testing.T) {
	c, err := world.FromEnv(env(map[string]string{"HOST_IP": "127.0.0.9", "EDGE_PORT": "53", "DNS_PORT": "6053", "CLUSTERS_HTTP": "127.0.1.1:80 127.0.2.1:80"}))
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.9:53", c.EdgeDNS)
	assert.Equal(t, "127.0.0.9:6055", c.ClustersDNS[2])
	assert.Equal(t, []string{"127.0.1.1:80", "127.0.2.1:80"}, c.ClustersHTTP)
}

func TestOpenWithoutPlaygroundSaysHowToGetOne(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	c, err := world.FromEnv(env(map[string]string{"KUBECONFIG": kubeconfig}))
	require.NoError(t, err)
	_, err = world.Open(t.Context(), c)
	require.ErrorContains(t, err, "no playground is up (make deploy-full-local-setup makes one)")

	require.NoError(t, os.WriteFile(kubeconfig, []byte("apiVersion: v1\nkind: Config\ncontexts: [{name: elsewhere, context: {cluster: c, user: u}}]\n"), 0o600))
	_, err = world.Open(t.Context(), c)
	require.ErrorContains(t, err, "has no context k3d-test-gslb1")
}

func TestOpenSaysWhatDoesNotAnswer(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: k3d-test-gslb1, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
`), 0o600))
	c, err := world.FromEnv(env(map[string]string{"KUBECONFIG": kubeconfig, "EDGE_DNS": "127.0.0.1:1", "CLUSTERS_DNS": "127.0.0.1:1"}))
	require.NoError(t, err)
	_, err = world.Open(t.Context(), c)
	for _, part := range []string{"the API server of test-gslb1", "the DNS server of edge", "the DNS server of eu"} {
		require.ErrorContains(t, err, part)
	}
}
