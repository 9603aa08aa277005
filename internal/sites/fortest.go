// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// ForTest brings sites up for a test, and takes them down at its end. The test is
// skipped, with the reason, where sites cannot run; it fails if they could.
func ForTest(t testing.TB, clusters ...string) *Set {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
	set, err := Up(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "set"), Clusters: clusters, Output: testLog{t}, Tied: true})
	if err != nil {
		t.Fatalf("bringing sites up: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			tell(t, set)
		}
		if err := set.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return set
}

// tell logs what helps to see why a test has failed.
func tell(t testing.TB, set *Set) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, name := range set.config.Clusters {
		out, err := set.Kubectl(ctx, name, nil, "--request-timeout=5s", "get", "pods,services,endpointslices", "-A", "-o", "wide")
		if err != nil {
			out += err.Error()
		}
		t.Logf("cluster %s:\n%s", name, out)
	}
}

// TestImage makes an archive of the image TestRef, whose program is
// internal/sites/testapp: it answers HTTP on 8080 and UDP on 8053.
func TestImage(t testing.TB) (archive string) {
	t.Helper()
	dir := t.TempDir()
	if err := build(t.Context(), "./internal/sites/testapp", filepath.Join(dir, "testapp")); err != nil {
		t.Fatal(err)
	}
	archive = filepath.Join(dir, "testapp.tar")
	if err := WriteImage(archive, TestRef, filepath.Join(dir, "testapp"), "65535"); err != nil {
		t.Fatal(err)
	}
	return archive
}

// TestRef is the name of the image that TestImage makes.
const TestRef = "localhost/meridian-sites/testapp:1"

// testLog is progress in the test's log.
type testLog struct{ t testing.TB }

// Write implements io.Writer.
func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
