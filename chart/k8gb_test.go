// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

const kindOfOurs, kindOfK8gb = "gslbs.gslb.meridian.dev", "gslbs.k8gb.io"

// hasKind reports that a definition is in the cluster.
func (c cluster) hasKind(t *testing.T, name string) bool {
	t.Helper()
	return c.kubectl(t, "get", "crd", name, "--ignore-not-found", "-o", "name") != ""
}

// kindsBesideK8gb: with crds.install auto a release looks at the cluster that it goes into.
// Where k8gb's kinds are, it leaves ours out; those that `kubectl meridian migrate` made are
// nobody's release; and those that it brought itself stay when k8gb's kinds come later.
func kindsBesideK8gb(t *testing.T, c cluster) {
	const namespace = "beside-k8gb"
	c.restricted(t, namespace)
	before := c.leftovers(t)
	theirs, ours := []string{"-f", filepath.Join(helm.ChartDir(), "files", "crds-k8gb")}, []string{"-f", filepath.Join(helm.ChartDir(), "files", "crds")}
	var log bytes.Buffer
	// Each command looks at the cluster anew, as the program does.
	client := func() *helm.Client { return c.client(t, namespace, &log) }
	values := func() helm.Values { return variants(t)["default"] }
	upgrade := func() {
		t.Helper()
		_, err := client().Upgrade(t.Context(), "meridian", load(t), values())
		require.NoError(t, err)
	}
	uninstall := func() {
		t.Helper()
		_, err := client().Uninstall("meridian")
		require.NoError(t, err)
	}

	t.Log("k8gb was here first")
	c.kubectl(t, append([]string{"apply", "--server-side"}, theirs...)...)
	c.kubectl(t, "wait", "--for=condition=Established", "crd", kindOfK8gb, "--timeout=1m")
	_, err := client().Install(t.Context(), "meridian", load(t), values(), false)
	require.NoError(t, err)
	assert.False(t, c.hasKind(t, kindOfOurs), "kubectl get gslb goes on showing k8gb's")

	t.Log("kubectl meridian migrate installs our kinds")
	c.kubectl(t, append([]string{"apply", "--server-side"}, ours...)...)
	upgrade()
	c.kubectl(t, append([]string{"delete", "--wait"}, theirs...)...)
	upgrade()
	assert.True(t, c.hasKind(t, kindOfOurs), "an upgrade neither takes them over nor away")
	uninstall()
	assert.True(t, c.hasKind(t, kindOfOurs), "nor does the end of the release")
	c.kubectl(t, append([]string{"delete", "--wait"}, ours...)...)

	t.Log("k8gb comes later")
	_, err = client().Install(t.Context(), "meridian", load(t), values(), false)
	require.NoError(t, err)
	assert.True(t, c.hasKind(t, kindOfOurs), "nobody else's kinds are there")
	c.kubectl(t, append([]string{"apply", "--server-side"}, theirs...)...)
	c.kubectl(t, "wait", "--for=condition=Established", "crd", kindOfK8gb, "--timeout=1m")
	upgrade()
	assert.True(t, c.hasKind(t, kindOfOurs), "the release keeps what it brought")
	uninstall()
	c.kubectl(t, append([]string{"delete", "--wait"}, theirs...)...)
	c.kubectl(t, append([]string{"delete", "--wait"}, ours...)...)
	assert.Equal(t, before, c.leftovers(t), "nothing is left")
	assert.Empty(t, log.String(), "warnings of the API server")
}
