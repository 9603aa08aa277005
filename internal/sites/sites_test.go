// SPDX-License-Identifier: Apache-2.0

package sites_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites"
)

func TestPlan(t *testing.T) {
	p := sites.PlanOf(1)
	assert.Equal(t, "10.99.0.2", p.Wan().String())
	assert.Equal(t, "10.99.2.0/24", p.Network().String())
	assert.Equal(t, "10.99.2.1", p.Node().String())
	assert.Equal(t, "10.99.2.1:6443", p.API().String())
	assert.Equal(t, "10.99.2.64/26", p.Pods().String())
	assert.Equal(t, "10.99.2.128/25", p.LoadBalancers().String())
	for _, a := range append(p.Ingress(), p.Node(), p.Pods().Addr(), p.LoadBalancers().Addr()) {
		assert.True(t, p.Network().Contains(a), "%s: the other sites have a route to the network only", a)
	}
	assert.False(t, p.Pods().Overlaps(p.LoadBalancers()))
	assert.False(t, p.Network().Overlaps(sites.PlanOf(sites.MaxClusters-1).Network()))
	assert.LessOrEqual(t, len(sites.PlanOf(sites.MaxClusters-1).Link()), 15, "the kernel's limit for names of links")
}

func TestParsePublication(t *testing.T) {
	for _, text := range []string{"127.0.0.1:1053=eu:10.99.1.1:53/udp", "0.0.0.0:80=test-gslb1:10.99.2.11:80/tcp", "[::1]:53=eu:10.99.1.1:53"} {
		p, err := sites.ParsePublication(text)
		require.NoError(t, err)
		assert.Equal(t, text, p.String())
	}
	p, err := sites.ParsePublication("127.0.0.1:1053=eu:10.99.1.1:53")
	require.NoError(t, err)
	assert.Equal(t, []string{"tcp", "udp"}, p.Protocols())
	p.Protocol = "udp"
	assert.Equal(t, []string{"udp"}, p.Protocols())

	for text, why := range map[string]string{
		"127.0.0.1:1053":                       "no =",
		"1053=eu:10.99.1.1:53":                 "not an ip:port",
		"127.0.0.1:1053=eu":                    "no cluster",
		"127.0.0.1:1053=eu:localhost:53":       "ParseAddr",
		"127.0.0.1:1053=eu:10.99.1.1:53/sctp":  `protocol "sctp"`,
		"localhost:1053=eu:10.99.1.1:53/udp":   "ParseAddr",
		"127.0.0.1:1053=eu:10.99.1.1:53/udp/x": `protocol "udp/x"`,
	} {
		_, err := sites.ParsePublication(text)
		require.ErrorContains(t, err, why, text)
		assert.ErrorContains(t, err, "want LISTEN=CLUSTER:ADDRESS", "it says what would be right")
	}
}

func TestValidate(t *testing.T) {
	publication := func(text string) sites.Publication {
		p, err := sites.ParsePublication(text)
		require.NoError(t, err)
		return p
	}
	good := sites.Config{Clusters: []string{"edgedns", "test-gslb1"}, Publish: []sites.Publication{
		publication("127.0.0.1:53=edgedns:10.99.1.1:53/udp"), publication("127.0.0.1:53=test-gslb1:10.99.2.1:53/tcp"),
	}}
	require.NoError(t, good.Validate(), "one port for each protocol")
	for _, tt := range []struct {
		config sites.Config
		want   string
	}{
		{sites.Config{}, "no clusters"},
		{sites.Config{Clusters: []string{"EU"}}, `cluster name "EU"`},
		{sites.Config{Clusters: []string{"../eu"}}, `cluster name "../eu"`},
		{sites.Config{Clusters: []string{strings.Repeat("a", 41)}}, "at most 40"},
		{sites.Config{Clusters: []string{"eu", "eu"}}, `"eu" is given twice`},
		{sites.Config{Clusters: strings.Split(strings.Repeat("a,", sites.MaxClusters)+"a", ",")}, "at most 32"},
		{sites.Config{Clusters: []string{"eu"}, Publish: []sites.Publication{publication("127.0.0.1:53=us:10.99.1.1:53")}},
			`there is no cluster "us" (have [eu])`},
		{sites.Config{Clusters: []string{"eu"}, Publish: []sites.Publication{
			publication("127.0.0.1:53=eu:10.99.1.1:53/udp"), publication("127.0.0.1:53=eu:10.99.1.2:53"),
		}}, "udp 127.0.0.1:53 is published twice"},
	} {
		assert.ErrorContains(t, tt.config.Validate(), tt.want)
	}
}

func TestConfigSite(t *testing.T) {
	config := sites.Config{Dir: "/lab", Clusters: []string{"edgedns", "eu"}, ContextPrefix: "k3d-"}
	site, ok := config.Site("eu")
	require.True(t, ok)
	assert.Equal(t, 2, site.Index())
	assert.Equal(t, "k3d-eu", site.Context)
	assert.Equal(t, "eu-node", site.NodeName)
	_, ok = config.Site("us")
	assert.False(t, ok)
	assert.Len(t, config.Sites(), 2)
}

func TestSetsAreToldApartByTheirFolder(t *testing.T) {
	a, b := sites.Layout{Dir: "/a"}, sites.Layout{Dir: "/b"}
	assert.NotEqual(t, a.ID(), b.ID())
	assert.NotEqual(t, a.Socket(), b.Socket())
	assert.NotEqual(t, a.Cgroup(), b.Cgroup())
	assert.Equal(t, a.ID(), sites.Layout{Dir: "/a"}.ID(), "a later command finds it again")
}

func TestEnter(t *testing.T) {
	t.Setenv("PATH", "/mine")
	status := sites.Status{
		Config:   sites.Config{Dir: "/lab", Clusters: []string{"eu", "us"}},
		Sites:    []sites.SiteStatus{{Name: "eu", State: sites.Running, Process: 4711}, {Name: "us", State: sites.Stopped}},
		Programs: sites.Programs{Path: "/usr/bin", LibraryPath: "/cache/lib"},
	}
	args, env, err := status.Enter("eu", "dig", "-x")
	require.NoError(t, err)
	assert.Equal(t, "nsenter --target=4711 --mount --uts --ipc --net --pid -- dig -x", strings.Join(args, " "))
	assert.Contains(t, env, "PATH=/lab/bin:/usr/bin")
	assert.NotContains(t, env, "PATH=/mine", "of two values programs take the first")
	assert.Contains(t, env, "LD_LIBRARY_PATH=/cache/lib")
	_, _, err = status.Enter("us", "dig")
	assert.EqualError(t, err, "site us is stopped")
	_, _, err = status.Enter("cz", "dig")
	assert.EqualError(t, err, `there is no cluster "cz" (have [eu us])`)
}

func TestWriteImage(t *testing.T) {
	dir := t.TempDir()
	binary, archive := filepath.Join(dir, "binary"), filepath.Join(dir, "image.tar")
	require.NoError(t, os.WriteFile(binary, []byte("program"), 0o600))
	require.NoError(t, sites.WriteImage(archive, "localhost/app:1", binary, "65535", "serve"))
	files := untar(t, archive)
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	require.NoError(t, json.Unmarshal(files["manifest.json"], &manifest))
	require.Len(t, manifest, 1)
	assert.Equal(t, []string{"localhost/app:1"}, manifest[0].RepoTags)
	assert.Contains(t, string(files[manifest[0].Config]), `"Entrypoint":["/app","serve"]`)
	assert.Contains(t, string(files[manifest[0].Config]), `"User":"65535"`)
	layer := filepath.Join(dir, "layer.tar")
	require.NoError(t, os.WriteFile(layer, files[manifest[0].Layers[0]], 0o600))
	assert.Equal(t, "program", string(untar(t, layer)["app"]))
}

func untar(t *testing.T, path string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[header.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func TestNoSupervisor(t *testing.T) {
	_, err := sites.Open(t.Context(), t.TempDir(), nil)
	assert.ErrorIs(t, err, sites.ErrDown)
}

func TestRemoveFilesLeavesOthers(t *testing.T) {
	layout := sites.Layout{Dir: t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Join(layout.Site("eu"), "var"), 0o755))
	require.NoError(t, os.MkdirAll(layout.Bin(), 0o755))
	for _, path := range []string{layout.Kubeconfig(), layout.Kubectl(), layout.Command(), filepath.Join(layout.Dir, "mine")} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, sites.RemoveFiles(layout))
	left, err := os.ReadDir(layout.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, "mine", left[0].Name())
	require.NoError(t, os.Remove(filepath.Join(layout.Dir, "mine")))
	require.NoError(t, sites.RemoveFiles(layout))
	assert.NoDirExists(t, layout.Dir)
	require.NoError(t, sites.RemoveFiles(layout), "again is fine")
}

func TestMissingSaysWhat(t *testing.T) {
	err := sites.Missing()
	if os.Geteuid() != 0 {
		require.ErrorContains(t, err, "sites need root")
	}
	_, upErr := sites.Up(t.Context(), sites.Options{})
	if err != nil {
		assert.EqualError(t, upErr, err.Error())
		return
	}
	assert.EqualError(t, upErr, "no folder: name one for the sites")
	_, upErr = sites.Up(t.Context(), sites.Options{Dir: t.TempDir()})
	assert.ErrorContains(t, upErr, "no clusters")
}
