// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// nodesWorld is three clusters of real nodes: an edge server runs in edge,
// Meridian is installed in eu and us.
type nodesWorld struct {
	t      *testing.T
	set    *sites.Set
	secret string // of both TSIG keys
}

func newNodesWorld(t *testing.T) *nodesWorld {
	t.Helper()
	w := &nodesWorld{t: t, set: sites.ForTest(t, "edge", "eu", "us")}
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	w.secret = base64.StdEncoding.EncodeToString(key)
	require.NoError(t, w.set.Import(t.Context(), meridianImage(t), sites.TestImage(t)))
	w.apply("edge", "edge.yaml", "SECRET", w.secret)
	w.kubectl("edge", "rollout", "status", "deployment/edge", "--timeout=2m")
	return w
}

// meridianImage makes the image of this source as a user makes it, and returns the archive.
func meridianImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../hack/image", "run", ".", "meridian", "--source", "../..",
		"--out", dir, "--bin", filepath.Join(dir, "bin"), "--tag", "e2e", "--version", "e2e", "--arch", runtime.GOARCH)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(dir, "meridian.tar")
}

func (w *nodesWorld) kubectl(cluster string, args ...string) string {
	w.t.Helper()
	out, err := w.set.Kubectl(w.t.Context(), cluster, nil, args...)
	require.NoError(w.t, err)
	return out
}

// apply applies a manifest of this test with words replaced.
func (w *nodesWorld) apply(cluster, file string, replace ...string) {
	w.t.Helper()
	manifest, err := os.ReadFile(filepath.Join("nodes", file))
	require.NoError(w.t, err)
	_, err = w.set.Kubectl(w.t.Context(), cluster,
		strings.NewReader(strings.NewReplacer(replace...).Replace(string(manifest))), "apply", "-f", "-")
	require.NoError(w.t, err)
}

// helm runs the helm that this repository pins, in one cluster.
func (w *nodesWorld) helm(cluster string, args ...string) {
	w.t.Helper()
	args = append([]string{"tool", "-modfile=hack/tools/go.mod", "helm",
		"--kubeconfig=" + w.set.Kubeconfig(), "--kube-context=" + cluster, "--namespace=meridian"}, args...)
	cmd := exec.CommandContext(w.t.Context(), "go", args...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "%s", out)
}

// install installs the chart in eu and us, side by side with nothing known of each other.
func (w *nodesWorld) install(zone string, values ...string) {
	w.t.Helper()
	for _, cluster := range []string{"eu", "us"} {
		args := []string{"upgrade", "--install", "meridian", "chart/meridian", "--create-namespace"}
		for _, value := range append([]string{
			"geoTag=" + cluster, "zone=" + zone, "edgeZone=example.com", "image.tag=e2e", "image.pullPolicy=Never",
			"edge.servers={10.99.1.1:53}", "edge.tsig.name=edge", "edge.tsig.secret=" + w.secret, "peers.tsig.secret=" + w.secret,
		}, values...) {
			args = append(args, "--set", strings.ReplaceAll(value, "NODE", w.set.Site(cluster).Node().String()))
		}
		w.helm(cluster, args...)
	}
}

// entries are the addresses of a cluster's Ingresses, as answers are compared.
func (w *nodesWorld) entries(cluster string) []string {
	var all []string
	for _, a := range w.set.Site(cluster).Ingress() {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return all
}

// query asks the edge server from the edge's site, as a resolver there would; nil
// without an answer.
func (w *nodesWorld) query(ctx context.Context, name string, kind uint16) []dns.RR {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := w.set.Dial(ctx, "edge", "udp", net.JoinHostPort(w.set.Site("edge").Node().String(), "53"))
	if err != nil {
		return nil
	}
	defer conn.Close()
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	answer, _, err := (&dns.Client{Timeout: 2 * time.Second}).ExchangeWithConnContext(ctx, question, &dns.Conn{Conn: conn})
	if err != nil {
		return nil
	}
	return answer.Answer
}

func (w *nodesWorld) addresses(ctx context.Context, host string) []string {
	var all []string
	for _, rr := range w.query(ctx, host, dns.TypeA) {
		if a, ok := rr.(*dns.A); ok {
			all = append(all, a.A.String())
		}
	}
	slices.Sort(all)
	return all
}

// await asks until the host's answer is the entries of a cluster, and says how
// long after the moment since that was.
func (w *nodesWorld) await(what, host, cluster string, since time.Time) {
	w.t.Helper()
	var got []string
	w.eventually(func(ctx context.Context) bool {
		got = w.addresses(ctx, host)
		return slices.Equal(got, w.entries(cluster))
	}, func() string { return what + ": the answer is " + strings.Join(got, " ") })
	w.t.Logf("%s: %s answers after %d ms", what, cluster, time.Since(since).Milliseconds())
}

// eventually asks every 20 ms until the answer is yes.
func (w *nodesWorld) eventually(ask func(context.Context) bool, otherwise func() string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Fail(w.t, "waited in vain", otherwise())
		}
	}
}

// get asks an address over HTTP from a site.
func (w *nodesWorld) get(ctx context.Context, from, host, address string) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
	require.NoError(w.t, err)
	if host != "" {
		request.Host = host
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return w.set.Dial(ctx, from, network, address)
	}}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
