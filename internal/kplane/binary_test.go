// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tinyModule is a module that builds in a second and has what a builder looks
// for: a version of Kubernetes.
func tinyModule(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/tiny\n\ngo 1.26\n\nrequire k8s.io/kubernetes v1.36.3\n\n" +
			"replace k8s.io/kubernetes => ./kubernetes\n",
		"main.go":           source,
		"kubernetes/go.mod": "module k8s.io/kubernetes\n\ngo 1.26\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return dir
}

const hello = "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(os.Args[0]) }\n"

func TestBuildOnce(t *testing.T) {
	source, cache := tinyModule(t, hello), t.TempDir()
	var progress [3]strings.Builder
	var dirs [3]string
	var wg sync.WaitGroup
	for i := range dirs { // as several test processes do
		wg.Go(func() {
			b := &builder{source: source, cache: cache, progress: &progress[i], every: time.Hour}
			dir, err := b.build(t.Context())
			assert.NoError(t, err)
			dirs[i] = dir
		})
	}
	wg.Wait()
	built := 0
	for i := range dirs {
		assert.Equal(t, dirs[0], dirs[i])
		built += strings.Count(progress[i].String(), "built Kubernetes v1.36.3 in ")
	}
	assert.Equal(t, 1, built, "one built it, the others waited")

	out, err := exec.Command(filepath.Join(dirs[0], "assets", APIServer)).Output()
	require.NoError(t, err)
	assert.Equal(t, APIServer, filepath.Base(string(out)), "a link is the program of its name")
	for _, name := range []string{Etcd, ControllerManager, "kubectl"} {
		assert.FileExists(t, filepath.Join(dirs[0], "assets", name))
	}
}

func TestBuildFails(t *testing.T) {
	cache := t.TempDir()
	b := &builder{source: tinyModule(t, "package main\n\nfunc main() { missing() }\n"), cache: cache, progress: os.Stderr, every: time.Hour}
	for range 2 {
		_, err := b.build(t.Context())
		require.ErrorContains(t, err, "undefined: missing", "what the compiler said, each time")
	}
}

func TestBuildTellsProgressAndCanBeStopped(t *testing.T) {
	progress := &notifier{wrote: make(chan struct{}, 1)}
	b := &builder{source: tinyModule(t, hello), cache: t.TempDir(), progress: progress, every: time.Millisecond}
	unlock, err := b.lock(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-progress.wrote
		cancel()
	}()
	_, err = b.build(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, progress.String(), "waiting for another process that builds Kubernetes: 0s\n")
	unlock()
	_, err = b.build(t.Context())
	require.NoError(t, err)
	assert.Contains(t, progress.String(), "building Kubernetes v1.36.3 from Go modules (about 6 minutes the first time): ")
}

func TestUnusedBuildsAreRemoved(t *testing.T) {
	cache := t.TempDir()
	old, recent := filepath.Join(cache, "kplane-old"), filepath.Join(cache, "kplane-recent")
	require.NoError(t, os.Mkdir(old, 0o755))
	require.NoError(t, os.Mkdir(recent, 0o755))
	longAgo := time.Now().Add(-2 * unusedFor)
	require.NoError(t, os.Chtimes(old, longAgo, longAgo))
	_, err := (&builder{source: tinyModule(t, hello), cache: cache, progress: &strings.Builder{}, every: time.Hour}).build(t.Context())
	require.NoError(t, err)
	assert.NoDirExists(t, old)
	assert.DirExists(t, recent)
}

func TestSourceKey(t *testing.T) {
	dir := tinyModule(t, hello)
	key := func() string {
		t.Helper()
		k, err := sourceKey(dir)
		require.NoError(t, err)
		return k
	}
	write := func(name, content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	first := key()
	write("README.md", "words")
	write("main_test.go", "package main")
	assert.Equal(t, first, key(), "documents and tests are not built")
	write("more.go", "package main")
	second := key()
	assert.NotEqual(t, first, second)
	write("go.sum", "")
	assert.NotEqual(t, second, key())

	_, err := sourceKey(t.TempDir())
	assert.ErrorContains(t, err, "no sources in")
}

func TestCacheDir(t *testing.T) {
	want := filepath.Join(t.TempDir(), "new")
	t.Setenv(CacheDirEnv, want)
	got, err := cacheDir()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.DirExists(t, want)

	t.Setenv(CacheDirEnv, "")
	t.Setenv("XDG_CACHE_HOME", want)
	got, err = cacheDir()
	require.NoError(t, err)
	assert.Equal(t, "meridian", filepath.Base(got))
}

func TestModuleRoot(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	full, minor, err := version(filepath.Join(root, "hack", "kplane"))
	require.NoError(t, err)
	assert.Equal(t, "v1."+minor, full[:strings.LastIndexByte(full, '.')])

	readme, err := os.ReadFile(filepath.Join(root, "hack", "kplane", "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "| Kubernetes | "+full+" |", "README.md names the pinned version")

	t.Chdir(t.TempDir())
	_, err = moduleRoot()
	assert.ErrorContains(t, err, "is not inside the source tree of "+module)
}

func TestMeter(t *testing.T) {
	m := &meter{}
	write := func(s string) {
		n, err := m.Write([]byte(s))
		require.NoError(t, err)
		require.Equal(t, len(s), n)
	}
	write("go: downloading k8s.io/api v0.36.3\ngo: downl")
	write("oading k8s.io/kubectl v0.36.3\n")
	assert.Equal(t, "2 modules downloaded", m.String())
	write("runtime/internal\nk8s.io/api/core/v1\n# example.com/x\n./x.go:1:2: undefined: y\nhalf")
	assert.Equal(t, "2 packages", m.String())
	assert.Equal(t, "# example.com/x\n./x.go:1:2: undefined: y\nhalf", m.words())
	assert.Equal(t, "it printed nothing", (&meter{}).words())
}

func TestClaims(t *testing.T) {
	first, err := claimBlock(3, 7)
	require.NoError(t, err)
	second, err := claimBlock(3, 7)
	require.NoError(t, err)
	t.Cleanup(second.release)
	assert.NotEqual(t, first.base, second.base, "of the same seed, as of two processes that meet")
	first.release()
	third, err := claimBlock(3, 7)
	require.NoError(t, err)
	t.Cleanup(third.release)
	assert.Equal(t, first.base, third.base, "it was given back")

	_, err = claimBlock(9, 7)
	assert.ErrorContains(t, err, "set Config.Base")
	assert.Equal(t, "127.64.0.0", blockBase(0).String())
	assert.Equal(t, "127.191.248.0", blockBase(blocks-1).String())
}

// A notifier says when something is written.
type notifier struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{}
}

func (n *notifier) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case n.wrote <- struct{}{}:
	default:
	}
	return n.text.Write(p)
}

func (n *notifier) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}
