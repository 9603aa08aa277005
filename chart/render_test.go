// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/action"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

var update = flag.Bool("update", false, "write the goldens")

// variants are the combinations of values that the chart promises, one file each; the
// comment at its head says what for.
func variants(t *testing.T) map[string]helm.Values {
	t.Helper()
	paths, err := filepath.Glob("testdata/values/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := make(map[string]helm.Values)
	for _, path := range paths {
		values, err := helm.ReadValues(path)
		require.NoError(t, err)
		all[strings.TrimSuffix(filepath.Base(path), ".yaml")] = values
	}
	return all
}

// TestGolden compares what each variant renders with the file that was reviewed. The
// CRDs have a test of their own and are left out.
func TestGolden(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			rel, err := helm.Template("meridian", "meridian", values)
			require.NoError(t, err)
			golden := filepath.Join("testdata", "golden", name+".yaml")
			got := withoutKinds(helm.Manifest(rel)) + "---\n# NOTES\n" + commented(rel.Info.Notes)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "run: make chart-golden")
			assert.Equal(t, string(want), got, "run: make chart-golden, and look at the difference")
		})
	}
}

func TestGoldensHaveVariants(t *testing.T) {
	all := variants(t)
	paths, err := filepath.Glob("testdata/golden/*.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		assert.Contains(t, all, strings.TrimSuffix(filepath.Base(path), ".yaml"), "%s is nobody's", path)
	}
}

// withoutKinds leaves CustomResourceDefinitions out of a stream.
func withoutKinds(manifest string) string {
	var kept []string
	for _, doc := range strings.Split(manifest, "\n---\n") {
		if !strings.Contains(doc, "\nkind: CustomResourceDefinition\n") {
			kept = append(kept, doc)
		}
	}
	return strings.Join(kept, "\n---\n")
}

func commented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		b.WriteString(strings.TrimRight("# "+strings.TrimRight(line, "\n"), " ") + "\n")
	}
	return b.String()
}

// TestRenderingIsStable: nothing in it is random or depends on when it is done.
func TestRenderingIsStable(t *testing.T) {
	values := variants(t)["default"]
	first, err := helm.Template("meridian", "meridian", values)
	require.NoError(t, err)
	second, err := helm.Template("meridian", "meridian", variants(t)["default"])
	require.NoError(t, err)
	assert.Equal(t, helm.Manifest(first), helm.Manifest(second))
	assert.NotContains(t, helm.Manifest(first), "kind: Secret", "without a cluster nobody knows whether the keys exist")
}

func TestLint(t *testing.T) {
	for name, values := range variants(t) {
		t.Run(name, func(t *testing.T) {
			lint := action.NewLint()
			lint.Strict = true
			result := lint.Run([]string{helm.ChartDir()}, values)
			assert.Empty(t, result.Errors)
		})
	}
}
