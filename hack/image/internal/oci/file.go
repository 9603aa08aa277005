// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// A File is one thing in an image: a folder, a symbolic link, or a file whose
// bytes come from the host (From) or from memory (Data).
type File struct {
	Path string      // inside the image, absolute
	Mode fs.FileMode // permissions, and fs.ModeDir for a folder
	UID  int
	GID  int
	Link string // target of a symbolic link
	From string // file of the host with the bytes
	Data []byte // the bytes, if From and Link are empty
}

// writeTar writes a layer with the files, in their order, all of one time. No
// owner names, no host's times: the same files give the same bytes.
func writeTar(w io.Writer, files []File, when time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		if err := f.write(t, when); err != nil {
			return fmt.Errorf("packing %s: %w", f.Path, err)
		}
	}
	return t.Close()
}

func (f File) write(t *tar.Writer, when time.Time) error {
	if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path {
		return fmt.Errorf("%q is not a clean absolute path", f.Path)
	}
	h := &tar.Header{
		Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode.Perm()) | special(f.Mode), Uid: f.UID, Gid: f.GID,
		ModTime: when, Format: tar.FormatPAX,
	}
	switch {
	case f.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return t.WriteHeader(h)
	case f.Link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
		return t.WriteHeader(h)
	case f.From == "":
		return body(t, h, bytes.NewReader(f.Data), int64(len(f.Data)))
	}
	from, err := os.Open(f.From)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // it was only read
	info, err := from.Stat()
	if err != nil {
		return err
	}
	return body(t, h, from, info.Size())
}

func body(t *tar.Writer, h *tar.Header, from io.Reader, size int64) error {
	h.Typeflag, h.Size = tar.TypeReg, size
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(t, from)
	return err
}

// special gives the sticky bit, the only one beyond permissions that we keep.
func special(m fs.FileMode) int64 {
	if m&fs.ModeSticky != 0 {
		return 0o1000
	}
	return 0
}
