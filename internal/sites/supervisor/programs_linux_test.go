// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites"
)

func TestMissingFrom(t *testing.T) {
	dir := t.TempDir()
	put := func(mode os.FileMode, names ...string) {
		for _, name := range names {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, mode))
		}
	}
	programs := sites.Programs{Path: dir + "/none:" + dir + "/bin", CNI: dir + "/cni"}
	assert.Equal(t, []string{"containerd", "runc", "containernetworking-plugins", "nftables", "iproute2", "util-linux"},
		missingFrom(programs), "each package once")
	put(0o755, "bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr", "bin/nft", "bin/ip", "bin/nsenter", "cni/bridge", "cni/host-local")
	put(0o644, "bin/runc")
	assert.Equal(t, []string{"runc"}, missingFrom(programs), "a file that cannot be run is no program")
	put(0o755, "other/runc")
	programs.Path += ":" + dir + "/other"
	assert.Empty(t, missingFrom(programs))
	programs.CNI = ""
	assert.Equal(t, []string{"containernetworking-plugins"}, missingFrom(programs))
}

func TestUnpacked(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/lib/x86_64-linux-gnu"), 0o755))
	p := unpacked(root)
	assert.Contains(t, p.Path, ":"+root+"/usr/sbin:", "behind what is installed")
	assert.Equal(t, root+"/usr/lib/x86_64-linux-gnu", p.LibraryPath)
}
