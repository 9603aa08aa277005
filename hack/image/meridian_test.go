// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contents lists everything in an image, without the bytes.
func contents(t *testing.T, img v1.Image) []tar.Header {
	t.Helper()
	stream := mutate.Extract(img)
	defer stream.Close()
	var all []tar.Header
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, *h)
	}
}

func TestImageHoldsOneBinaryAndNothingElse(t *testing.T) {
	for _, arch := range architectures {
		img := oursFor(t, arch)
		all := contents(t, img)
		require.Len(t, all, 1, arch)
		h := all[0]
		assert.Equal(t, "meridian", h.Name)
		assert.Equal(t, byte(tar.TypeReg), h.Typeflag)
		assert.Equal(t, int64(0o755), h.Mode)
		assert.Zero(t, h.Uid, "the process cannot change its own program")
		assert.Zero(t, h.Gid)
		cfg, err := img.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, cfg.Created.Unix(), h.ModTime.Unix(), "one time for everything")
	}
}

func TestConfigOfImage(t *testing.T) {
	for _, arch := range architectures {
		file, err := oursFor(t, arch).ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, "linux", file.OS)
		assert.Equal(t, arch, file.Architecture)
		cfg := file.Config
		assert.Equal(t, "65532:65532", cfg.User, "a number: kubelet must see that it is not root")
		assert.Equal(t, []string{"/meridian"}, cfg.Entrypoint)
		assert.Equal(t, []string{"serve"}, cfg.Cmd)
		assert.Empty(t, cfg.Volumes)
		assert.Empty(t, cfg.WorkingDir)
		const prefix = "org.opencontainers.image."
		assert.Equal(t, "Meridian", cfg.Labels[prefix+"title"])
		assert.Equal(t, "Apache-2.0", cfg.Labels[prefix+"licenses"])
		assert.Equal(t, "v0.0.1-test", cfg.Labels[prefix+"version"])
		assert.Regexp(t, `^([0-9a-f]{40,64}|unknown)$`, cfg.Labels[prefix+"revision"])
		assert.Len(t, cfg.Labels, 6, "no label that nothing here knows of: %v", cfg.Labels)
	}
}

func TestBinariesAreStaticAndOfTheirMachine(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	require.NoError(t, ours())
	for _, arch := range architectures {
		f, err := elf.Open(filepath.Join(out, "bin", "linux", arch, "meridian"))
		require.NoError(t, err)
		defer f.Close()
		assert.Equal(t, machines[arch], f.Machine)
		for _, p := range f.Progs {
			assert.NotContains(t, []elf.ProgType{elf.PT_INTERP, elf.PT_DYNAMIC}, p.Type, "%s: there is no loader and no library in the image", arch)
		}
	}
}

// The image has no file with roots, so those for HTTPS probes are in the binary.
func TestBinaryBringsRootsOfCertificates(t *testing.T) {
	require.NoError(t, ours())
	for _, arch := range architectures {
		info, err := buildinfo.ReadFile(filepath.Join(out, "bin", "linux", arch, "meridian"))
		require.NoError(t, err)
		var modules []string
		for _, d := range info.Deps {
			modules = append(modules, d.Path)
		}
		assert.Contains(t, modules, "golang.org/x/crypto/x509roots/fallback", "cmd/meridian imports it for its effect")
	}
}

// A node that takes over pulls the image first: 20 MiB are a second at 160
// Mbit/s. It was 14 MiB when this was written; what makes it grow by half should
// be worth that.
func TestImageStaysSmall(t *testing.T) {
	const budget = 20 << 20
	require.NoError(t, ours())
	for _, arch := range architectures {
		info, err := os.Stat(filepath.Join(out, "image", "meridian-linux-"+arch+".tar"))
		require.NoError(t, err)
		t.Logf("linux/%s: %.1f MiB", arch, float64(info.Size())/(1<<20))
		assert.LessOrEqual(t, info.Size(), int64(budget), arch)
	}
}

func TestArchiveOfThisMachine(t *testing.T) {
	require.NoError(t, ours())
	file := filepath.Join(out, "image", "meridian.tar")
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	require.NoError(t, err)
	require.Len(t, manifest, 1)
	assert.Equal(t, []string{"example.org/meridian:v0.0.1"}, manifest[0].RepoTags)
	img, err := tarball.ImageFromPath(file, nil)
	require.NoError(t, err)
	require.NoError(t, validate.Image(img))
	cfg, err := img.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, runtime.GOARCH, cfg.Architecture)
}

func TestLayoutHoldsAllArchitectures(t *testing.T) {
	require.NoError(t, ours())
	top, err := layout.ImageIndexFromPath(filepath.Join(out, "image", "oci"))
	require.NoError(t, err)
	require.NoError(t, validate.Index(top), "every blob is there and is what its digest says")
	list, err := top.IndexManifest()
	require.NoError(t, err)
	require.Len(t, list.Manifests, 1)
	assert.Equal(t, "v0.0.1", list.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	assert.Equal(t, "example.org/meridian:v0.0.1", list.Manifests[0].Annotations["io.containerd.image.name"])
	index, err := top.ImageIndex(list.Manifests[0].Digest)
	require.NoError(t, err)
	images, err := index.IndexManifest()
	require.NoError(t, err)
	assert.Equal(t, "Apache-2.0", images.Annotations["org.opencontainers.image.licenses"])
	var platforms []string
	for _, d := range images.Manifests {
		platforms = append(platforms, d.Platform.String())
		img, err := index.Image(d.Digest)
		require.NoError(t, err)
		layers, err := img.Layers()
		require.NoError(t, err)
		require.Len(t, layers, 1)
	}
	assert.Equal(t, []string{"linux/amd64", "linux/arm64"}, platforms)
}

// Built from two copies of the source in different folders, without git, it has
// the same bytes, and so has the image. (Copies, for the tree may change meanwhile.)
func TestSameSourceGivesSameBytes(t *testing.T) {
	one := copySource(t)
	other := filepath.Join(t.TempDir(), "a folder with another name")
	require.NoError(t, os.CopyFS(other, os.DirFS(one)))
	created := time.Unix(1700000000, 0)
	var names []v1.Hash
	for _, from := range []string{one, other} {
		m := meridian{
			source: from, bin: filepath.Join(from, "bin", "linux"), repository: "example.org/meridian",
			tag: "v0.0.1", version: "v0.0.1-test", archs: []string{runtime.GOARCH}, binariesOnly: true, progress: io.Discard,
		}
		require.NoError(t, m.run(t.Context()))
		img, err := m.spec(runtime.GOARCH, "unknown", created).Build()
		require.NoError(t, err)
		name, err := img.ConfigName()
		require.NoError(t, err)
		names = append(names, name)

		later, err := m.spec(runtime.GOARCH, "unknown", created.Add(time.Second)).Build()
		require.NoError(t, err)
		different, err := later.ConfigName()
		require.NoError(t, err)
		assert.NotEqual(t, name, different, "so that equality says something")
	}
	assert.Equal(t, names[0], names[1], "the configuration names the layer by its digest")
}

// copySource copies the files that git knows or would add; also what packages embed.
func copySource(t *testing.T) string {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	to := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(source, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not committed yet
		}
		require.NoError(t, err)
		at := filepath.Join(to, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, text, 0o644))
	}
	return to
}
