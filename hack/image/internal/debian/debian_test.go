// SPDX-License-Identifier: Apache-2.0

package debian_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/image/internal/debian"
)

func TestDependencies(t *testing.T) {
	const text = `bind9
  PreDepends: init-system-helpers
  Depends: adduser
 |Depends: debconf
 |Depends: <debconf-2.0>
    cdebconf
  Depends: cdebconf
  Depends: libc6:any
  Depends: <perl:any>
    perl
  Conflicts: apparmor-profiles-extra
  Recommends: libmaxminddb0
busybox-static
  Depends: zlib1g
`
	assert.Equal(t, []string{"init-system-helpers", "adduser", "debconf", "libc6", "zlib1g"}, debian.Dependencies(text),
		"of alternatives the first, of virtual packages none, recommendations not at all")
}

func TestPackagesOfLibraries(t *testing.T) {
	for name, want := range map[string]bool{"libc6": true, "zlib1g": true, "bind9-libs": true, "perl": false, "adduser": false, "gcc-12-base": false} {
		assert.Equal(t, want, debian.IsLibrary(name), name)
	}
}

func TestPromises(t *testing.T) {
	got, err := debian.Promises("'http://example.org/pool/b/bind9_9.18-1%7edeb12u3_amd64.deb' bind9_1%3a9.18-1~deb12u3_amd64.deb 252732 SHA256:80bf\n")
	require.NoError(t, err)
	assert.Equal(t, [][3]string{{"bind9", "bind9_1%3a9.18-1~deb12u3_amd64.deb", "80bf"}}, got)

	_, err = debian.Promises("'http://example.org/bind9.deb' bind9.deb 252732 MD5Sum:80bf\n")
	assert.ErrorContains(t, err, "expected 'URI' FILE SIZE SHA256:HASH", "no hash, no package")
}

// tree makes a folder like an unpacked package.
func tree(t *testing.T) debian.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/app/a.conf": "a", "etc/app/deep/b.conf": "b", "usr/share/target": "a longer text, of more bytes than any ELF header has, so that it is not short",
	} {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o644))
	}
	for name, target := range map[string]string{
		"usr/bin/absolute": "/usr/share/target", "usr/bin/relative": "../share/target", "usr/bin/chain": "relative",
		"usr/bin/dangling": "/not/here", "usr/bin/folder": "/etc/app", "usr/bin/up": "../../../../../../etc/app/a.conf",
	} {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.Symlink(target, at))
	}
	return debian.Tree(dir)
}

func TestTakingFiles(t *testing.T) {
	for why, c := range map[string]struct {
		patterns []string
		want     []string
	}{
		"a file":                            {[]string{"/etc/app/a.conf"}, []string{"/etc/app/a.conf"}},
		"a pattern":                         {[]string{"/etc/app/*.conf"}, []string{"/etc/app/a.conf"}},
		"a folder is all that is in it":     {[]string{"/etc/app"}, []string{"/etc/app/a.conf", "/etc/app/deep/b.conf"}},
		"a link brings its target":          {[]string{"/usr/bin/absolute"}, []string{"/usr/bin/absolute", "/usr/share/target"}},
		"a chain of links":                  {[]string{"/usr/bin/chain"}, []string{"/usr/bin/chain", "/usr/bin/relative", "/usr/share/target"}},
		"a link to a folder":                {[]string{"/usr/bin/folder"}, []string{"/etc/app/a.conf", "/etc/app/deep/b.conf", "/usr/bin/folder"}},
		"a dangling link stays one":         {[]string{"/usr/bin/dangling"}, []string{"/usr/bin/dangling"}},
		"links do not lead out of the tree": {[]string{"/usr/bin/up"}, []string{"/etc/app/a.conf", "/usr/bin/up"}},
		"twice is once":                     {[]string{"/etc/app/a.conf", "/etc/app"}, []string{"/etc/app/a.conf", "/etc/app/deep/b.conf"}},
	} {
		got, err := tree(t).Take(c.patterns...)
		require.NoError(t, err, why)
		assert.Equal(t, c.want, got, why)
	}
	_, err := tree(t).Take("/etc/none")
	assert.ErrorContains(t, err, `pattern "/etc/none": nothing in the packages matches`)
}

// A program without its libraries is no image, and the error says which is missing.
func TestTakingProgramWithoutItsLibraries(t *testing.T) {
	const program = "/usr/bin/env"
	text, err := os.ReadFile(program)
	if err != nil {
		t.Skipf("no program to try it with: %v", err)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "env"), text, 0o755))
	_, err = debian.Tree(dir).Take("/env")
	if err == nil {
		t.Skipf("%s needs no libraries on this machine", program)
	}
	assert.ErrorContains(t, err, "loader of /env")
}

func TestPackagesWithTheirLibraries(t *testing.T) {
	if err := debian.Available(); err != nil {
		require.Empty(t, os.Getenv("CI"), "%v", err)
		t.Skipf("%v", err)
	}
	require.NoError(t, debian.Update(t.Context()))
	all, err := debian.WithLibraries(t.Context(), []string{"curl"})
	require.NoError(t, err)
	assert.Contains(t, all, "curl")
	assert.Contains(t, all, "libc6")
	assert.Contains(t, all, "zlib1g", "a library of a library")
	assert.IsIncreasing(t, all)

	cache := t.TempDir()
	files, err := debian.Fetch(t.Context(), cache, []string{"netbase"})
	require.NoError(t, err)
	require.Len(t, files, 1)
	before, err := os.Stat(files[0])
	require.NoError(t, err)
	again, err := debian.Fetch(t.Context(), cache, []string{"netbase"})
	require.NoError(t, err)
	assert.Equal(t, files, again)
	after, err := os.Stat(files[0])
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "what lies in the cache is not fetched again")

	require.NoError(t, os.WriteFile(files[0], []byte("something else"), 0o644))
	_, err = debian.Fetch(t.Context(), cache, []string{"netbase"})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, debian.Unpack(t.Context(), files, dir), "a file with other bytes is fetched anew")
	assert.FileExists(t, filepath.Join(dir, "etc", "services"))

	_, err = debian.Fetch(t.Context(), cache, []string{"no-such-package-of-debian"})
	assert.ErrorContains(t, err, "no-such-package-of-debian")
}
