// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites"
)

func config(t *testing.T) Config {
	t.Helper()
	return Config{
		Name: "eu", NodeName: "eu-node", Dir: t.TempDir(), Node: netip.MustParseAddr("10.99.1.1"), Pods: netip.MustParsePrefix("10.99.1.64/26"),
		Programs: sites.Programs{Path: "/usr/bin", CNI: "/cni"}, Cgroup: "/set/eu", ProxyMode: "nftables",
	}
}

func TestWriteFiles(t *testing.T) {
	c := config(t)
	require.NoError(t, writeFiles(c))
	require.NoError(t, writeFiles(c), "again, when the site is switched on again")
	read := func(name string) (value map[string]any) {
		content, err := os.ReadFile(filepath.Join(c.Dir, "etc", name))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &value))
		return value
	}
	kubelet := read("kubelet.json")
	assert.Equal(t, "/set/eu", kubelet["cgroupRoot"], "nothing outside the set's cgroup")
	assert.EqualValues(t, 61, kubelet["maxPods"], "a /26 without network, bridge and broadcast address")
	assert.Equal(t, "nftables", read("kube-proxy.json")["mode"])
	assert.EqualValues(t, 0, read("kube-proxy.json")["conntrack"].(map[string]any)["maxPerCore"], "the whole machine's settings are left alone")
	network, err := json.Marshal(read("cni/10-pods.conflist"))
	require.NoError(t, err)
	assert.Contains(t, string(network), `"subnet":"10.99.1.64/26"`)
	containerd, err := os.ReadFile(filepath.Join(c.Dir, "etc", "containerd.toml"))
	require.NoError(t, err)
	assert.Contains(t, string(containerd), `sandbox_image = "localhost/meridian-sites/pause:1"`)
}

func TestReadWhatWasWritten(t *testing.T) {
	c := config(t)
	path := filepath.Join(c.Dir, "machine.json")
	require.NoError(t, c.Write(path))
	again, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, c, again)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = Read(path)
	assert.ErrorContains(t, err, path)
}

// TestOnlyAsProcessOne: anywhere else, Run would change this machine's mounts.
func TestOnlyAsProcessOne(t *testing.T) {
	c := config(t)
	path := filepath.Join(c.Dir, "machine.json")
	require.NoError(t, c.Write(path))
	report := &lines{}
	require.ErrorContains(t, Run(path, report), "not process 1")
	assert.Equal(t, "not process 1: the supervisor starts it\n", report.text)
	require.Error(t, Run(filepath.Join(c.Dir, "missing"), report))
}

type lines struct{ text string }

func (l *lines) Write(p []byte) (int, error) {
	l.text += string(p)
	return len(p), nil
}
