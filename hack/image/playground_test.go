// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/image/internal/container"
	"github.com/meridian-gslb/meridian/hack/image/internal/debian"
)

// made makes the stand-ins once for all tests.
var made = sync.OnceValue(func() error {
	return playground{source: source, out: filepath.Join(out, "playground"), progress: os.Stderr}.run(context.Background())
})

// standInFor gives a stand-in, read back from its archive. It skips where there
// are no packages, and says so.
func standInFor(t *testing.T, name, ref string) v1.Image {
	t.Helper()
	if err := debian.Available(); err != nil {
		require.Empty(t, os.Getenv("CI"), "%v", err)
		t.Skipf("%v", err)
	}
	require.NoError(t, made())
	file := filepath.Join(out, "playground", name+".tar")
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	require.NoError(t, err)
	require.Equal(t, []string{ref}, manifest[0].RepoTags, "as manifests write it")
	img, err := tarball.ImageFromPath(file, nil)
	require.NoError(t, err)
	return img
}

func TestPodinfoAsThePlaygroundRunsIt(t *testing.T) {
	needContainers(t)
	p := podOf(t, "apps/podinfo.yaml", nil)
	img := standInFor(t, "podinfo", p.spec.Containers[0].Image)
	o := p.options(p.spec.Containers[0])
	o.Env = []string{"PODINFO_UI_MESSAGE=eu"}
	c := start(t, img, o)
	const at = "http://127.0.0.1:9898"
	get(t, c, at+"/readyz", http.StatusOK)
	get(t, c, at+"/healthz", http.StatusOK)
	body := get(t, c, at+"/", http.StatusOK)
	assert.Contains(t, body, `"message": "eu"`)
	assert.Contains(t, body, `"version": "6.9.2"`)

	r, err := client(c).Post(at+"/readyz/disable", "", nil)
	require.NoError(t, err)
	assert.NoError(t, r.Body.Close())
	get(t, c, at+"/readyz", http.StatusServiceUnavailable)
	r, err = client(c).Post(at+"/readyz/enable", "", nil)
	require.NoError(t, err)
	assert.NoError(t, r.Body.Close())
	get(t, c, at+"/readyz", http.StatusOK)
}

const key = `key "externaldns-key" { algorithm hmac-sha256; secret "96Ah/a2g0/nLeFGK+d/0tzQcccf9hCEIy34PoXX2Qg8="; };
`

func TestBindAsThePlaygroundRunsIt(t *testing.T) {
	needContainers(t)
	p := podOf(t, "edge/bind.yaml", map[string]string{"externaldns-key.conf": key})
	tools := standInFor(t, "dnstools", p.spec.InitContainers[0].Image)
	for range 2 {
		c := start(t, tools, p.options(p.spec.InitContainers[0]))
		require.Zero(t, ends(t, c), "the zone is copied, the second time too: %s", c.Output())
	}
	c := start(t, standInFor(t, "bind", p.spec.Containers[0].Image), p.options(p.spec.Containers[0]))
	answers(t, c, "127.0.0.1:1053", "ns.example.com.", "127.0.0.1")
}

// As upstream's image runs without a word in the manifest: it begins as root and
// goes on as bind, on port 53.
func TestBindByItself(t *testing.T) {
	needContainers(t)
	p := podOf(t, "edge/bind.yaml", map[string]string{"externaldns-key.conf": key})
	conf := `options { directory "/var/cache/bind"; listen-on { any; }; recursion no; };
zone "example.com" { type primary; file "/etc/bind/zone"; };
`
	zone := "$TTL 30\n@ SOA ns hostmaster 1 60 60 3600 30\n@ NS ns\nns A 127.0.0.1\n"
	img := standInFor(t, "bind", p.spec.Containers[0].Image)
	for why, args := range map[string][]string{"upstream's arguments": nil, "logging to the Pod's log": {"-g", "-c", "/etc/bind/named.conf"}} {
		t.Run(why, func(t *testing.T) {
			c := start(t, img, container.Options{
				Args: args, Capabilities: container.PodCapabilities(), Privileges: true,
				Mounts: map[string]string{"/etc/bind": folderIn(t, map[string]string{"named.conf": conf, "zone": zone})},
			})
			answers(t, c, "127.0.0.1:53", "ns.example.com.", "127.0.0.1")
			pid, err := c.PID()
			require.NoError(t, err)
			status, err := os.ReadFile("/proc/" + itoa(pid) + "/status")
			require.NoError(t, err)
			assert.Regexp(t, `(?m)^Uid:\s53\s53\s53\s53$`, string(status))
		})
	}
}

func TestToolsOfDNS(t *testing.T) {
	needContainers(t)
	p := podOf(t, "dnstools.yaml", nil)
	img := standInFor(t, "dnstools", p.spec.Containers[0].Image)
	for _, command := range []string{
		"dig -v", "delv -v", "host -V", "nslookup -version", "nsupdate -V", "curl --version", "wget --help", "nc --help 2>&1 | grep Usage", "echo > /tmp/x",
	} {
		c := start(t, img, container.Options{Args: []string{"-c", command}})
		assert.Zero(t, ends(t, c), "%s: %s", command, c.Output())
	}
	c := start(t, img, p.options(p.spec.Containers[0]))
	require.Eventually(t, func() bool { _, err := c.PID(); return err == nil }, patience, 50*time.Millisecond, "it sleeps, as the manifest says")
	assert.False(t, c.Ended(), c.Output())
}

func TestPrometheusAsThePlaygroundRunsIt(t *testing.T) {
	needContainers(t)
	p := podOf(t, "prometheus/prometheus.yaml", nil)
	c := start(t, standInFor(t, "prometheus", p.spec.Containers[0].Image), p.options(p.spec.Containers[0]))
	get(t, c, "http://127.0.0.1:9090/-/ready", http.StatusOK)
	assert.Contains(t, get(t, c, "http://127.0.0.1:9090/api/v1/status/flags", http.StatusOK), "/etc/prometheus/prometheus.yml")
	assert.Contains(t, get(t, c, "http://127.0.0.1:9090/api/v1/status/buildinfo", http.StatusOK), `"version":"`+prometheusVersion+`"`)
}

// Every program in a stand-in finds its loader and libraries in it.
func TestStandInsLackNothing(t *testing.T) {
	for _, s := range standIns() {
		img := standInFor(t, s.name, s.ref)
		present := map[string]bool{}
		links := map[string]string{}
		for _, h := range contents(t, img) {
			at := "/" + filepath.Clean(h.Name)
			assert.NotContains(t, present, at, "%s: packed once", s.name)
			present[at] = true
			if h.Typeflag == tar.TypeSymlink {
				links[at] = h.Linkname
			}
		}
		assert.Equal(t, s.name == "podinfo", !present["/bin/sh"], "%s: all but podinfo have a shell", s.name)
		for at, target := range links {
			if filepath.Dir(at) == "/bin" {
				assert.Contains(t, present, target, "%s: %s leads somewhere", s.name, at)
			}
		}
	}
}

func TestOtherSystemsAreToldClearly(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := debian.Available()
	require.ErrorContains(t, err, "need a Debian machine")
	p := playground{cache: t.TempDir(), work: t.TempDir()}
	_, err = p.packages(t.Context(), []string{"bind9"}, nil)
	assert.ErrorContains(t, err, "need a Debian machine")
}
