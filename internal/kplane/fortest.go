// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// KeepDirEnv names the variable with a folder where ForTest's clusters leave
// their logs and data; else they are gone with the test.
const KeepDirEnv = "MERIDIAN_KPLANE_DIR"

// startTime is for starting clusters; building them has its own time.
const startTime = 2 * time.Minute

// ForTest starts clusters for a test, on addresses that no other process uses,
// and stops them at its end. The test fails (it is not skipped) if they cannot be
// built or started. A cold build outlives the ten minutes that `go test` gives on
// a slow machine: `make test` builds first.
func ForTest(t testing.TB, clusters ...string) *Planes {
	t.Helper()
	if _, err := Binary(t.Context()); err != nil {
		t.Fatalf("these tests need real Kubernetes API servers, and could not build them (try `make kplane`): %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	planes, err := Start(ctx, Config{Clusters: clusters, Dir: testDir(t), Output: testLog{t}})
	if err != nil {
		t.Fatalf("these tests need real Kubernetes API servers, which did not start: %v", err)
	}
	t.Cleanup(func() {
		if err := planes.Stop(); err != nil {
			t.Errorf("stopping the test's clusters: %v", err)
		}
	})
	return planes
}

func testDir(t testing.TB) string {
	t.Helper()
	keep := os.Getenv(KeepDirEnv)
	if keep == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(keep, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(keep, strings.ReplaceAll(t.Name(), string(filepath.Separator), "_")+"-")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// testLog is the launcher's output in the test's log.
type testLog struct{ t testing.TB }

// Write implements io.Writer.
func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
