// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buildah runs Debian's buildah with storage of the test's own: no daemon, no
// registry, nothing of the machine's images.
type buildah struct {
	t       *testing.T
	storage string
}

func newBuildah(t *testing.T) buildah {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil || os.Getuid() != 0 {
		const why = "the Dockerfile is built with buildah, as root (Debian's package buildah)"
		require.Empty(t, os.Getenv("CI"), why)
		t.Skip(why)
	}
	return buildah{t: t, storage: t.TempDir()}
}

func (b buildah) run(args ...string) {
	b.t.Helper()
	all := append([]string{"--storage-driver", "vfs", "--root", filepath.Join(b.storage, "root"), "--runroot", filepath.Join(b.storage, "run")}, args...)
	out, err := exec.CommandContext(b.t.Context(), "buildah", all...).CombinedOutput()
	require.NoError(b.t, err, "buildah %s:\n%s", strings.Join(args, " "), out)
}

// images gives what a manifest list holds, by architecture.
func (b buildah) images(list string) map[string]v1.Image {
	b.t.Helper()
	dir := filepath.Join(b.storage, "layout")
	policy := filepath.Join(b.storage, "policy.json")
	require.NoError(b.t, os.WriteFile(policy, []byte(`{"default": [{"type": "insecureAcceptAnything"}]}`), 0o600))
	b.run("--signature-policy", policy, "manifest", "push", "--all", list, "oci:"+dir+":test")
	top, err := layout.ImageIndexFromPath(dir)
	require.NoError(b.t, err)
	manifest, err := top.IndexManifest()
	require.NoError(b.t, err)
	require.Len(b.t, manifest.Manifests, 1)
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(b.t, err)
	inner, err := index.IndexManifest()
	require.NoError(b.t, err)
	all := map[string]v1.Image{}
	for _, d := range inner.Manifests {
		img, err := index.Image(d.Digest)
		require.NoError(b.t, err)
		all[d.Platform.Architecture] = img
	}
	return all
}

// buildContext is a folder as an engine gets it: Dockerfile, .dockerignore, the
// binaries, and something that must stay out.
func buildContext(t *testing.T) string {
	t.Helper()
	require.NoError(t, ours())
	dir := t.TempDir()
	for _, name := range []string{"Dockerfile", ".dockerignore"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	for _, name := range []string{"secret.key", "bin/kubectl"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("not for the engine"), 0o600))
	}
	for _, arch := range architectures {
		at := filepath.Join(dir, "bin", "linux", arch)
		require.NoError(t, os.MkdirAll(at, 0o755))
		require.NoError(t, os.Link(filepath.Join(out, "bin", "linux", arch, "meridian"), filepath.Join(at, "meridian")))
	}
	return dir
}

// bytesOf is everything in an image's files, by name.
func bytesOf(t *testing.T, img v1.Image) []byte {
	t.Helper()
	stream := mutate.Extract(img)
	defer stream.Close()
	all, err := io.ReadAll(stream)
	require.NoError(t, err)
	return all
}

// What an engine makes of the Dockerfile and what we make without one are the
// same image, but for times and history.
func TestDockerfileMakesTheSameImage(t *testing.T) {
	b := newBuildah(t)
	ourLabels := func(arch string) map[string]string {
		file, err := oursFor(t, arch).ConfigFile()
		require.NoError(t, err)
		return file.Config.Labels
	}
	revision := ourLabels("amd64")["org.opencontainers.image.revision"]
	b.run("build", "--isolation", "chroot", "--pull-never", "--platform", "linux/amd64,linux/arm64", "--manifest", "test",
		"--build-arg", "VERSION=v0.0.1-test", "--build-arg", "REVISION="+revision, buildContext(t))
	theirs := b.images("test")
	require.Len(t, theirs, len(architectures))
	for _, arch := range architectures {
		want, err := oursFor(t, arch).ConfigFile()
		require.NoError(t, err)
		require.Contains(t, theirs, arch)
		got, err := theirs[arch].ConfigFile()
		require.NoError(t, err)
		delete(got.Config.Labels, "io.buildah.version") // it signs its work
		assert.Equal(t, want.Config, got.Config, arch)
		assert.Equal(t, want.Architecture, got.Architecture)
		assert.Equal(t, want.OS, got.OS)

		one, other := contents(t, oursFor(t, arch)), contents(t, theirs[arch])
		require.Len(t, other, len(one), arch)
		for i := range one {
			assert.Equal(t, strings.Trim(one[i].Name, "/"), strings.Trim(other[i].Name, "/"))
			assert.Equal(t, one[i].Size, other[i].Size)
			assert.Equal(t, one[i].FileInfo().Mode(), other[i].FileInfo().Mode(), "buildah writes the type into the mode too")
			assert.Equal(t, [2]int{one[i].Uid, one[i].Gid}, [2]int{other[i].Uid, other[i].Gid})
		}
		binary, err := os.ReadFile(filepath.Join(out, "bin", "linux", arch, "meridian"))
		require.NoError(t, err)
		assert.Contains(t, string(bytesOf(t, theirs[arch])), string(binary), "%s: the binary of this architecture", arch)
	}
}

// The engine gets the binaries and nothing else of the folder.
func TestEngineGetsOnlyTheBinaries(t *testing.T) {
	b := newBuildah(t)
	dir := buildContext(t)
	all := filepath.Join(b.storage, "all")
	require.NoError(t, os.WriteFile(all, []byte("FROM scratch\nCOPY . /\n"), 0o644))
	b.run("build", "--isolation", "chroot", "--pull-never", "--platform", "linux/amd64", "--manifest", "all", "-f", all, dir)
	var files []string
	for _, h := range contents(t, b.images("all")["amd64"]) {
		if !h.FileInfo().IsDir() {
			files = append(files, strings.Trim(h.Name, "/"))
		}
	}
	assert.ElementsMatch(t, []string{"bin/linux/amd64/meridian", "bin/linux/arm64/meridian"}, files)
}
