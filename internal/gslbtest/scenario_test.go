// SPDX-License-Identifier: Apache-2.0

package gslbtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/gslbtest"
)

func read(t *testing.T, file string) gslbtest.Story {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.Split(string(text), "\n")
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	found, err := filepath.Glob("testdata/found/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	files = append(files, found...)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := gslbtest.Options{Log: t.Logf}
				if os.Getenv("GSLBTEST_LOGS") != "" {
					o.Logs = os.Stderr
				}
				if f := gslbtest.Tell(t.Context(), read(t, f), o); f != nil {
					t.Fatal(f)
				}
			})
		})
	}
}
