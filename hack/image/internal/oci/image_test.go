// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/image/internal/oci"
)

var when = time.Unix(1700000000, 0)

// spec has one of each kind of file.
func spec(t *testing.T) oci.Spec {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("bytes"), 0o600))
	return oci.Spec{
		Arch: "arm64", Created: when, By: "a test", Config: v1.Config{User: "1:1", Labels: map[string]string{"a": "b"}},
		Files: []oci.File{
			{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
			{Path: "/bin/program", Mode: 0o755, UID: 3, GID: 4, From: program},
			{Path: "/bin/link", Link: "program"},
			{Path: "/etc/text", Mode: 0o644, Data: []byte("text")},
			{Path: "/etc/empty", Mode: 0o600},
		},
	}
}

// files lists an image's files with their contents.
func files(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	stream := mutate.Extract(img)
	defer stream.Close()
	all := map[string]string{}
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, when.Unix(), h.ModTime.Unix(), h.Name)
		assert.Empty(t, h.Uname+h.Gname, "%s: names of the host mean nothing in an image", h.Name)
		all[h.Name] = h.FileInfo().Mode().String() + " " + h.Linkname + string(text)
	}
}

func TestImageHoldsWhatTheSpecSays(t *testing.T) {
	img, err := spec(t).Build()
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"tmp": "dtrwxrwxrwx ", "bin/program": "-rwxr-xr-x bytes", "bin/link": "Lrwxrwxrwx program",
		"etc/text": "-rw-r--r-- text", "etc/empty": "-rw------- ",
	}, files(t, img))
	cfg, err := img.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "arm64", cfg.Architecture)
	assert.Equal(t, "1:1", cfg.Config.User)
	assert.Equal(t, when.Unix(), cfg.Created.Unix())
	m, err := img.Manifest()
	require.NoError(t, err)
	assert.Equal(t, types.OCIManifestSchema1, m.MediaType)
	assert.Equal(t, types.OCIConfigJSON, m.Config.MediaType)
	assert.Equal(t, types.OCILayer, m.Layers[0].MediaType)
	assert.Equal(t, map[string]string{"a": "b"}, m.Annotations, "labels are annotations too")
}

func TestSameSpecGivesSameArchive(t *testing.T) {
	var archives [2]string
	for i := range archives {
		img, err := spec(t).Build() // the program lies in another folder each time
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "x.tar")
		require.NoError(t, oci.WriteArchive(file, "example.org/x:y", img))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		archives[i] = string(text)
	}
	assert.Equal(t, archives[0], archives[1])
}

func TestSpecThatIsNotAnImage(t *testing.T) {
	for why, change := range map[string]func(*oci.Spec){
		"no architecture":          func(s *oci.Spec) { s.Arch = "" },
		"no time":                  func(s *oci.Spec) { s.Created = time.Time{} },
		"no files":                 func(s *oci.Spec) { s.Files = nil },
		"a relative path":          func(s *oci.Spec) { s.Files[0].Path = "tmp" },
		"a path that goes up":      func(s *oci.Spec) { s.Files[0].Path = "/../tmp" },
		"a file that is not there": func(s *oci.Spec) { s.Files[1].From += "-not" },
	} {
		s := spec(t)
		change(&s)
		_, err := s.Build()
		assert.Error(t, err, why)
	}
}

func TestArchiveAppearsWholeOrNotAtAll(t *testing.T) {
	s := spec(t)
	img, err := s.Build()
	require.NoError(t, err)
	dir := t.TempDir()
	assert.ErrorContains(t, oci.WriteArchive(filepath.Join(dir, "x.tar"), "not a reference", img), "write NAME:TAG")
	assert.Error(t, oci.WriteArchive(filepath.Join(dir, "none", "x.tar"), "example.org/x:y", img))
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestLayoutReplacesTheOneBefore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	for _, tag := range []string{"one", "two"} {
		s := spec(t)
		s.Config.User = tag
		img, err := s.Build()
		require.NoError(t, err)
		require.NoError(t, oci.WriteLayout(dir, "example.org/x:"+tag, map[string]string{"a": "b"}, []v1.Image{img}))
	}
	top, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	require.NoError(t, validate.Index(top))
	m, err := top.IndexManifest()
	require.NoError(t, err)
	require.Len(t, m.Manifests, 1)
	assert.Equal(t, "two", m.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	require.NoError(t, err)
	assert.Len(t, blobs, 4, "index, manifest, configuration and layer: nothing of the layout before")
	assert.NoDirExists(t, dir+".part")
}
