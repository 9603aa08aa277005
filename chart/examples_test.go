// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

// TestValuesOfTheExamples: the chart takes the values of the examples, by its schema and
// by its own rules; each file is called like its cluster.
func TestValuesOfTheExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*/values/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 9)
	for _, file := range files {
		if filepath.Base(file) == "ingress-nginx.yaml" {
			continue // of another chart
		}
		values, err := helm.ReadValues(file)
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(filepath.Base(file), ".yaml"), values["geoTag"])
		_, err = helm.Template("meridian", "meridian", values)
		assert.NoError(t, err, file)
	}
}
