// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/image/internal/container"
)

// source is the top of Meridian's source.
const source = "../.."

// out is where the tests' images lie.
var out string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var err error
	if out, err = os.MkdirTemp("", "meridian-image-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	defer os.RemoveAll(out) //nolint:errcheck // a temporary folder
	return m.Run()
}

// ours makes Meridian's image once for all tests.
var ours = sync.OnceValue(func() error {
	return meridian{
		source: source, out: filepath.Join(out, "image"), bin: filepath.Join(out, "bin", "linux"),
		repository: "example.org/meridian", tag: "v0.0.1", version: "v0.0.1-test", archs: architectures, progress: io.Discard,
	}.run(context.Background())
})

// oursFor gives Meridian's image of one architecture, read back from its archive.
func oursFor(t *testing.T, arch string) v1.Image {
	t.Helper()
	require.NoError(t, ours())
	img, err := tarball.ImageFromPath(filepath.Join(out, "image", "meridian-linux-"+arch+".tar"), nil)
	require.NoError(t, err)
	return img
}

// needContainers skips where containers cannot be started, and says why. In CI
// that is an error.
func needContainers(t *testing.T) {
	t.Helper()
	if err := container.Usable(); err != nil {
		require.Empty(t, os.Getenv("CI"), "%v", err)
		t.Skipf("%v", err)
	}
}

// folderIn gives a folder with the files, readable by every user.
func folderIn(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

func TestCalledWrongly(t *testing.T) {
	for why, c := range map[string]struct {
		args []string
		code int
	}{
		"an unknown command":                  {[]string{"push"}, exitUsage},
		"an unknown flag":                     {[]string{"meridian", "--push"}, exitUsage},
		"an argument too many":                {[]string{"meridian", "now"}, exitUsage},
		"an architecture that we do not make": {[]string{"meridian", "--source", source, "--arch", "s390x"}, exitUsage},
		"no source there":                     {[]string{"meridian", "--source", t.TempDir()}, exitUsage},
		"a tag with a space":                  {[]string{"meridian", "--source", source, "--tag", "a b"}, exitUsage},
		"no version":                          {[]string{"meridian", "--source", source, "--version", ""}, exitUsage},
		"an unknown image of the playground":  {[]string{"playground", "--only", "nginx"}, exitUsage},
		"help is no error":                    {[]string{"--help"}, 0},
	} {
		assert.Equal(t, c.code, run(t.Context(), c.args), why)
	}
}

func TestTimeOfSource(t *testing.T) {
	when, err := sourceTime(t.Context(), source, "1700000000")
	require.NoError(t, err)
	assert.Equal(t, int64(1700000000), when.Unix())

	_, err = sourceTime(t.Context(), source, "yesterday")
	assert.ErrorContains(t, err, `SOURCE_DATE_EPOCH is "yesterday": write seconds since 1970`)

	_, err = sourceTime(t.Context(), t.TempDir(), "")
	assert.ErrorContains(t, err, "outside a git work tree set SOURCE_DATE_EPOCH", "a source archive has no commits")
}

func TestArchitectureOfThisMachineIsMade(t *testing.T) {
	assert.Contains(t, architectures, runtime.GOARCH, "meridian.tar links to it")
}
