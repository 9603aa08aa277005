// SPDX-License-Identifier: Apache-2.0

// Package oci makes container images from files, without an engine: the same
// files and the same time give the same bytes. It writes them as a docker-archive
// (one image, read by ctr, docker, podman) and as an OCI layout (all
// architectures). It knows nothing of what is in the images and speaks to no
// registry. Called by hack/image.
package oci

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A Spec is everything that an image consists of.
type Spec struct {
	Arch    string    // as Go names it; the system is linux
	Files   []File    // one layer, in this order
	Config  v1.Config // user, entry point, labels …
	Created time.Time // of the image and of everything in it
	By      string    // what made it, for the history
	Fast    bool      // compress in little time rather than well
}

// Build makes the image. The layer is compressed once and held in memory.
func (s Spec) Build() (v1.Image, error) {
	if s.Arch == "" || s.Created.IsZero() || len(s.Files) == 0 {
		return nil, errors.New("an image needs an architecture, a time and files")
	}
	open := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeTar(w, s.Files, s.Created)) }()
		return r, nil
	}
	level := gzip.DefaultCompression
	if s.Fast {
		level = gzip.BestSpeed
	}
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(level), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: "linux", Architecture: s.Arch, Config: s.Config, Created: v1.Time{Time: s.Created.UTC()},
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	img, err = mutate.Append(img, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: s.Created.UTC()}, CreatedBy: s.By},
	})
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(img, maps.Clone(s.Config.Labels)).(v1.Image)
	if !ok {
		return nil, errors.New("an image with annotations is no image any more")
	}
	return annotated, nil
}
