// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

const module = "github.com/meridian-gslb/meridian"

// SourceRoot is the folder of the source tree that the working folder is in.
func SourceRoot() (string, error) { return moduleRoot() }

// moduleRoot finds Meridian's source tree: the folder of its go.mod, from the
// working folder upwards. Tests and `go run` work inside it.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module "+module+"\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the source tree of %s", start, module)
		}
	}
}

// cacheDir is where builds and their lock are.
func cacheDir() (string, error) {
	dir := os.Getenv(CacheDirEnv)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no folder for the build (set %s): %w", CacheDirEnv, err)
		}
		dir = filepath.Join(user, "meridian")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// sourceKey names what would be built from the module in dir: its go.mod,
// go.sum and sources, for this platform, with these build flags. Tests and
// documents do not matter.
func sourceKey(dir string) (string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir():
		case name == "go.mod", name == "go.sum",
			strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no sources in %s", dir)
	}
	slices.Sort(files)
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH, buildFlags)
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, filepath.ToSlash(name), len(content))
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

var kubernetesVersion = regexp.MustCompile(`(?m)^\s*(?:require )?k8s\.io/kubernetes (v1\.(\d+)\.\d+)`)

// version reads the pinned version of Kubernetes from the module's go.mod:
// v1.36.3 and its minor, 36.
func version(dir string) (full, minor string, err error) {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", "", err
	}
	found := kubernetesVersion.FindSubmatch(content)
	if found == nil {
		return "", "", errors.New("go.mod requires no k8s.io/kubernetes v1")
	}
	return string(found[1]), string(found[2]), nil
}
