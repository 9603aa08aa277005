// SPDX-License-Identifier: Apache-2.0

// Package debian makes the contents of small images from Debian's packages:
// it fetches them with apt-get, unpacks them with dpkg, and takes out files and
// every shared library that these need. It installs nothing and runs nothing of
// the packages. For the machine's own architecture, on Debian and its kin.
// Called by hack/image for the images of the playground, which are never published.
package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Available says whether this machine has what the package needs; the error
// names what is missing.
func Available() error {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not here: images from Debian's packages need a Debian machine", program)
		}
	}
	return nil
}

// Update reads the lists of packages again if there are none. It needs root then.
func Update(ctx context.Context) error {
	if _, err := output(ctx, "", "apt-cache", "show", "libc6"); err == nil {
		return nil
	}
	if _, err := output(ctx, "", "apt-get", "update", "-qq"); err != nil {
		return fmt.Errorf("there are no lists of packages; run apt-get update as root: %w", err)
	}
	return nil
}

// WithLibraries gives the packages and the library packages that they depend
// on, directly or through other libraries, sorted. Programs that a package
// depends on for its installation are not followed.
func WithLibraries(ctx context.Context, packages []string) ([]string, error) {
	seen := map[string]bool{}
	for next := packages; len(next) > 0; {
		for _, p := range next {
			seen[p] = true
		}
		out, err := output(ctx, "", "apt-cache", append([]string{"depends"}, next...)...)
		if err != nil {
			return nil, err
		}
		next = nil
		for _, p := range dependencies(out) {
			if isLibrary(p) && !seen[p] && !slices.Contains(next, p) {
				next = append(next, p)
			}
		}
	}
	all := make([]string, 0, len(seen))
	for p := range seen {
		all = append(all, p)
	}
	slices.Sort(all)
	return all, nil
}

// isLibrary says whether a package is one of shared libraries, by its name
// (Debian policy §8.1: lib…; zlib and BIND's own are older or of their own mind).
func isLibrary(name string) bool {
	return strings.HasPrefix(name, "lib") || name == "zlib1g" || strings.HasSuffix(name, "-libs")
}

// dependencies reads what `apt-cache depends` prints: of alternatives, marked
// by a bar on all but the last, the first; no virtual packages.
func dependencies(text string) []string {
	var names []string
	alternative := false // the line before was one of several choices
	for line := range strings.Lines(text) {
		bar := strings.HasPrefix(line, " |")
		kind, name, ok := strings.Cut(strings.TrimLeft(line, " |"), ": ")
		if !ok || kind != "Depends" && kind != "PreDepends" {
			continue
		}
		name, _, _ = strings.Cut(strings.TrimSpace(name), ":") // libc6:any
		if !alternative && !strings.HasPrefix(name, "<") {
			names = append(names, name)
		}
		alternative = bar
	}
	return names
}

// Fetch downloads packages into the cache, unless they lie there already with
// the bytes that the signed lists promise, and gives their files.
func Fetch(ctx context.Context, cache string, packages []string) ([]string, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	// Asked in an empty folder: apt-get leaves out what lies in its own.
	empty, err := os.MkdirTemp(cache, ".empty-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(empty) //nolint:errcheck // an empty folder that stays does no harm
	out, err := output(ctx, empty, "apt-get", append([]string{"--print-uris", "-qq", "download"}, packages...)...)
	if err != nil {
		return nil, err
	}
	promised, err := promises(out)
	if err != nil {
		return nil, err
	}
	if len(promised) != len(packages) {
		return nil, fmt.Errorf("asked for %d packages, the lists have %d of them", len(packages), len(promised))
	}
	var files, missing []string
	for _, p := range promised {
		p.file = filepath.Join(cache, p.file)
		files = append(files, p.file)
		if !p.kept() {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return files, nil
	}
	if _, err := output(ctx, cache, "apt-get", append([]string{"-qq", "download"}, missing...)...); err != nil {
		return nil, err
	}
	return files, nil
}

// Unpack writes the contents of packages into a folder, one tree for all.
func Unpack(ctx context.Context, files []string, dir string) error {
	for _, f := range files {
		if _, err := output(ctx, "", "dpkg", "-x", f, dir); err != nil {
			return err
		}
	}
	return nil
}

// A promise is what the lists say of a package: its file, and the hash of it.
type promise struct{ name, file, sha256 string }

// promises reads what `apt-get --print-uris download` prints:
// 'URI' FILE SIZE SHA256:HASH.
func promises(text string) ([]promise, error) {
	var all []promise
	for line := range strings.Lines(text) {
		word := strings.Fields(line)
		if len(word) != 4 || !strings.HasPrefix(word[3], "SHA256:") {
			return nil, fmt.Errorf("apt-get printed %q: expected 'URI' FILE SIZE SHA256:HASH", strings.TrimSpace(line))
		}
		name, _, _ := strings.Cut(word[1], "_")
		all = append(all, promise{name: name, file: word[1], sha256: strings.TrimPrefix(word[3], "SHA256:")})
	}
	return all, nil
}

// kept says whether the file is there with the promised bytes.
func (p promise) kept() bool {
	f, err := os.Open(p.file)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false
	}
	return hex.EncodeToString(h.Sum(nil)) == p.sha256
}

// output runs a program and gives what it printed; what it complains of goes
// into the error.
func output(ctx context.Context, dir, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), err
}
