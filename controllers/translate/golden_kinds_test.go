// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// TestEveryVersionOfEveryKindHasAGolden: an object of each kind of the table, in each version
// that is read, stands in a golden pair.
func TestEveryVersionOfEveryKindHasAGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	shown := make(map[schema.GroupVersionKind]bool)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
			var kind metav1.TypeMeta
			require.NoError(t, yaml.Unmarshal(doc, &kind), file)
			shown[kind.GroupVersionKind()] = true
		}
	}
	for _, row := range refs.Kinds() {
		for _, version := range row.Versions {
			assert.True(t, shown[row.WithVersion(version)], "no golden has a %s of %s/%s", row.Kind, row.Group, version)
		}
	}
}
