// SPDX-License-Identifier: Apache-2.0

// Package kplane gives tests, the demo and developers real Kubernetes clusters
// on this machine: it builds hack/kplane (etcd, kube-apiserver,
// kube-controller-manager, kubectl and a light node in one binary) once per
// machine, and starts and stops clusters with it. It knows nothing of Meridian,
// is never part of the product, and speaks to clusters only through kubectl:
// callers make their own clients from the kubeconfigs.
//
//	planes := kplane.ForTest(t, "eu", "us")       // in a test
//	planes.Cluster("eu").Kubeconfig               // a path
//	planes.Cluster("us").Kill(kplane.APIServer)   // a fault
//	planes.Revive(ctx)                            // and its end
package kplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Names of the programs of a cluster, as Kill and its kin take them, and of the
// symbolic links in the folder of Assets.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Node              = "node"
)

// CacheDirEnv names the variable that moves the cache folder, which else is
// "meridian" in the user's cache folder.
const CacheDirEnv = "MERIDIAN_CACHE_DIR"

// unusedFor is how long a binary of other sources is kept.
const unusedFor = 24 * time.Hour

// Binary returns the path of the kplane binary that this source tree describes,
// and builds it if the cache has none: about six minutes the first time, seconds
// when only our own sources changed. Progress goes to standard error. Processes
// that want it at the same time build it once.
func Binary(ctx context.Context) (string, error) {
	dir, err := buildOnce(ctx, os.Stderr)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kplane"), nil
}

// Assets returns a folder with etcd, kube-apiserver and kubectl for envtest's
// KUBEBUILDER_ASSETS. It builds like Binary.
func Assets(ctx context.Context) (string, error) {
	dir, err := buildOnce(ctx, os.Stderr)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "assets"), nil
}

func buildOnce(ctx context.Context, progress io.Writer) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	b := &builder{
		source:   filepath.Join(root, "hack", "kplane"),
		cache:    cache,
		progress: progress,
		every:    5 * time.Second,
	}
	dir, err := b.build(ctx)
	if err != nil {
		return "", fmt.Errorf("building Kubernetes: %w", err)
	}
	return dir, nil
}

// A builder builds one module into a cache.
type builder struct {
	source   string // folder of the module
	cache    string
	progress io.Writer
	every    time.Duration // between lines of progress
}

// build returns the cache's folder for the sources as they are now, with the
// binary "kplane" and the folder "assets" in it.
func (b *builder) build(ctx context.Context) (string, error) {
	key, err := sourceKey(b.source)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.cache, "kplane-"+key)
	if complete(dir) {
		return dir, nil
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(dir) { // another process was faster
		return dir, nil
	}
	b.prune()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := b.compile(ctx, filepath.Join(dir, "kplane")); err != nil {
		return "", err
	}
	return dir, linkAssets(dir)
}

// complete says whether dir was built to the end, and notes that it is in use.
func complete(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "assets", "kubectl")); err != nil {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // only prune looks at it
	return true
}

// linkAssets makes the folder of links; kubectl last, for complete looks for it.
func linkAssets(dir string) error {
	assets := filepath.Join(dir, "assets")
	if err := os.MkdirAll(assets, 0o755); err != nil {
		return err
	}
	for _, name := range []string{Etcd, APIServer, ControllerManager, "kubectl"} {
		err := os.Symlink(filepath.Join("..", "kplane"), filepath.Join(assets, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// prune removes builds of other sources that nobody used for long: a build is
// 130 MB. What cannot be removed is left.
func (b *builder) prune() {
	builds, err := filepath.Glob(filepath.Join(b.cache, "kplane-*"))
	if err != nil {
		return
	}
	for _, dir := range builds {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > unusedFor {
			_ = os.RemoveAll(dir) // what stays is tried again by the next
		}
	}
}

// goCommand is the go in the PATH, where `go test` and `go run` put their own first.
func goCommand() (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("the go command is needed to build Kubernetes: %w", err)
	}
	return path, nil
}
