// SPDX-License-Identifier: Apache-2.0

package k3d_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripts are the shell scripts of the playground.
func scripts(t *testing.T) []string {
	t.Helper()
	files := []string{"testdata/stubs/record"}
	for _, pattern := range []string{"*.sh", "provider/*.sh"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		files = append(files, found...)
	}
	return files
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	shellcheck := need(t, "shellcheck", "shellcheck")
	for _, f := range scripts(t) {
		out, _, err := run(t.Context(), []string{shellcheck, "-x", f})
		assert.NoError(t, err, out)
	}
}

// A script that goes on after an error does harm.
func TestScriptsEndAtTheFirstError(t *testing.T) {
	t.Parallel()
	for _, f := range scripts(t) {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		if f == "lib.sh" { // is read by the others
			continue
		}
		assert.Contains(t, string(text), "set -euo pipefail", f)
		info, err := os.Stat(f)
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&0o100, "%s is not executable", f)
	}
}
