// SPDX-License-Identifier: Apache-2.0

// Package examples_test checks the examples: every manifest is what it claims to be, and
// the objects that each cluster has in the end, those that the neighbour makes among them
// (testdata/CLUSTER.yaml), mean what the README says: answers, status, and what happens
// when a cluster is lost. Nothing runs but the translation, the Stores of the clusters and
// the Lua functions that Karmada is given.
package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// folders are the examples, one for each neighbour.
func folders(t *testing.T) []string {
	t.Helper()
	readmes, err := filepath.Glob("*/README.md")
	require.NoError(t, err)
	all := make([]string, len(readmes))
	for i, r := range readmes {
		all[i] = filepath.Dir(r)
	}
	require.Len(t, all, 4)
	return all
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	return string(data)
}
