// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// A Tree is a folder that packages were unpacked into.
type Tree string

// Take gives the paths, absolute within the tree and sorted, of all files that
// match a pattern (path.Match; a folder stands for everything in it), of the
// targets of symbolic links among them, and of the loader and shared libraries
// that they need, by their ELF headers. A pattern without a match is an error,
// and so is a library that is not in the tree.
func (t Tree) Take(patterns ...string) ([]string, error) {
	taken := taking{tree: t, paths: map[string]bool{}}
	for _, p := range patterns {
		matches, err := filepath.Glob(t.host(p))
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
		if len(matches) == 0 {
			return nil, fmt.Errorf("pattern %q: nothing in the packages matches", p)
		}
		for _, m := range matches {
			if err := taken.below(m); err != nil {
				return nil, err
			}
		}
	}
	return taken.sorted(), nil
}

// host gives the path on the host of a path in the tree.
func (t Tree) host(p string) string { return filepath.Join(string(t), filepath.FromSlash(p)) }

// taking is the state of one Take.
type taking struct {
	tree  Tree
	paths map[string]bool
}

func (t *taking) sorted() []string {
	all := make([]string, 0, len(t.paths))
	for p := range t.paths {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// below takes a file of the host, or every file in a folder.
func (t *taking) below(host string) error {
	return filepath.WalkDir(host, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(string(t.tree), at)
		if err != nil {
			return err
		}
		return t.file("/" + filepath.ToSlash(rel))
	})
}

// file takes one path, what it links to, and what it needs.
func (t *taking) file(p string) error {
	if t.paths[p] {
		return nil
	}
	info, err := os.Lstat(t.tree.host(p))
	if err != nil {
		return err
	}
	t.paths[p] = true
	if info.Mode()&fs.ModeSymlink == 0 {
		return t.needs(p)
	}
	target, err := os.Readlink(t.tree.host(p))
	if err != nil {
		return err
	}
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(p), target)
	}
	target = path.Clean(target)
	switch info, err = os.Stat(t.tree.host(target)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil // into a package that we do not have; dangling there too
	case err != nil:
		return err
	case info.IsDir():
		return t.below(t.tree.host(target))
	}
	return t.file(target)
}

// needs takes the loader and the libraries that an ELF file names.
func (t *taking) needs(p string) error {
	f, err := elf.Open(t.tree.host(p))
	var format *elf.FormatError
	if errors.As(err, &format) || err != nil && isShort(t.tree.host(p)) {
		return nil // a text, or data
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	loader, err := interpreter(f)
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, err)
	}
	if loader != "" {
		if err := t.file(loader); err != nil {
			return fmt.Errorf("loader of %s: %w", p, err)
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, err)
	}
	for _, l := range libraries {
		at, err := t.library(l)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if err := t.file(at); err != nil {
			return err
		}
	}
	return nil
}

// library finds a shared library where Debian's loader looks without a cache.
func (t *taking) library(name string) (string, error) {
	for _, dir := range []string{"/lib/*-linux-gnu*", "/usr/lib/*-linux-gnu*", "/lib", "/usr/lib", "/lib64"} {
		if found, err := filepath.Glob(t.tree.host(path.Join(dir, name))); err == nil && len(found) > 0 {
			rel, err := filepath.Rel(string(t.tree), found[0])
			return "/" + filepath.ToSlash(rel), err
		}
	}
	return "", fmt.Errorf("needs %s, which is in none of the packages: add the package that has it", name)
}

// interpreter gives the loader that an ELF program asks for, or nothing.
func interpreter(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := p.ReadAt(name, 0); err != nil {
			return "", err
		}
		return string(name[:max(len(name)-1, 0)]), nil // without the NUL
	}
	return "", nil
}

// isShort says whether a file is too short for any ELF header.
func isShort(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() < 64
}
