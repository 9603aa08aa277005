// SPDX-License-Identifier: Apache-2.0

package launcher_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/launcher"
)

const (
	patience = time.Minute
	often    = 10 * time.Millisecond
	httpPort = 8080
)

// base is a loopback network that no other process of these tests has.
func base() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(200 + pid%40), byte(pid / 40 % 250), 0})
}

func config(t *testing.T) launcher.Config {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	return launcher.Config{
		Clusters: []string{"eu", "us"},
		Dir:      t.TempDir(),
		Base:     base(),
		Binary:   binary,
		HTTPPort: httpPort,
		Out:      &buffer{},
		Log:      slog.New(slog.DiscardHandler),
	}
}

// running runs a launcher until the test ends or stop is called, which returns
// what Run did. Its clusters are ready.
func running(t *testing.T, c launcher.Config) (stop func() error) {
	t.Helper()
	l, err := launcher.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- l.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() { _ = stop() })
	for _, cluster := range c.Clusters {
		require.Eventually(t, func() bool { return exists(c.Dir, cluster, "ready") }, patience, often,
			"cluster %s is not ready", cluster)
	}
	return stop
}

func TestRun(t *testing.T) {
	c := config(t)
	order := filepath.Join(t.TempDir(), "order")
	t.Setenv(orderEnv, order)
	c.Clusters = []string{"eu"}
	stop := running(t, c)

	content, err := os.ReadFile(filepath.Join(c.Dir, "eu", "ready"))
	require.NoError(t, err)
	var ready launcher.Ready
	require.NoError(t, json.Unmarshal(content, &ready))
	assert.Equal(t, "eu", ready.Cluster)
	assert.Len(t, ready.IngressAddresses, 2)
	assert.Equal(t, httpPort, ready.HTTPPort)

	require.NoError(t, stop())
	assert.Equal(t, []string{"node", "kube-controller-manager", "kube-apiserver", "etcd"}, noted(t, order, "stop"),
		"the API server stops before its etcd")
	started := noted(t, order, "start")
	assert.ElementsMatch(t, []string{"etcd", "kube-apiserver"}, started[:2],
		"the controller manager gives up without an API server, so it starts later")
	assert.False(t, exists(c.Dir, "eu", "ready"))
	assert.False(t, exists(c.Dir, "eu", "etcd.pid"))
	assert.False(t, exists(c.Dir, "kplane.pid"))
}

func TestExternalNodes(t *testing.T) {
	c := config(t)
	order := filepath.Join(t.TempDir(), "order")
	t.Setenv(orderEnv, order)
	t.Setenv(noNodesEnv, "yes")
	c.Clusters = []string{"eu"}
	c.ExternalNodes = true
	stop := running(t, c)
	assert.ElementsMatch(t, []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "node", "node --addresses-only"},
		noted(t, order, "start"), "a cluster is ready before it has a node")
	require.NoError(t, stop())
	assert.False(t, exists(c.Dir, "eu", "kube-scheduler.pid"))
}

func TestTheCertificateIsForForwardersToo(t *testing.T) {
	c := config(t)
	t.Setenv(orderEnv, filepath.Join(t.TempDir(), "order"))
	running(t, c)
	content, err := os.ReadFile(filepath.Join(c.Dir, "eu", "apiserver.crt"))
	require.NoError(t, err)
	block, _ := pem.Decode(content)
	require.NotNil(t, block)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	octets := base().As4()
	octets[3] = 1
	for _, name := range []string{netip.AddrFrom4(octets).String(), "127.0.0.1", "172.30.0.1", "localhost", "kubernetes.default.svc"} {
		assert.NoError(t, certificate.VerifyHostname(name))
	}
	assert.Error(t, certificate.VerifyHostname("127.0.0.2"))
}

func TestKubeconfigs(t *testing.T) {
	c := config(t)
	t.Setenv(orderEnv, filepath.Join(t.TempDir(), "order"))
	stop := running(t, c)
	merged, err := clientcmd.LoadFromFile(filepath.Join(c.Dir, "kubeconfig"))
	require.NoError(t, err)
	assert.Equal(t, "eu", merged.CurrentContext)
	for _, name := range c.Clusters {
		require.Contains(t, merged.Contexts, name)
		assert.Equal(t, name, merged.Contexts[name].Cluster)
		own, err := clientcmd.LoadFromFile(filepath.Join(c.Dir, name, "kubeconfig"))
		require.NoError(t, err)
		assert.Equal(t, merged.Clusters[name].Server, own.Clusters[name].Server)
		assert.Len(t, own.Contexts, 1)
	}
	assert.NotEqual(t, merged.Clusters["eu"].Server, merged.Clusters["us"].Server)
	ca := merged.Clusters["eu"].CertificateAuthorityData
	require.NoError(t, stop())

	// On the same folder, as after a launcher that was killed.
	t.Setenv(failEnv, "etcd")
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "eu", "node.pid"), []byte(strconv.Itoa(os.Getpid())), 0o644))
	l, err := launcher.New(c)
	require.NoError(t, err)
	require.ErrorContains(t, l.Run(t.Context()), "etcd ended")
	assert.False(t, exists(c.Dir, "eu", "node.pid"), "it was not started, and the number is another's")
	t.Setenv(failEnv, "")
	running(t, c)
	again, err := clientcmd.LoadFromFile(filepath.Join(c.Dir, "kubeconfig"))
	require.NoError(t, err)
	assert.Equal(t, ca, again.Clusters["eu"].CertificateAuthorityData, "old kubeconfigs stay good")
}

func TestOneProgramEndsTheOthersGoOn(t *testing.T) {
	c := config(t)
	t.Setenv(orderEnv, filepath.Join(t.TempDir(), "order"))
	revive := make(chan struct{})
	log := &buffer{}
	c.Revive, c.Log = revive, slog.New(slog.NewTextHandler(log, nil))
	stop := running(t, c)
	before := pid(t, c.Dir, "us", "kube-apiserver")
	killed := pid(t, c.Dir, "eu", "kube-apiserver")
	require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))

	require.Eventually(t, func() bool { return !exists(c.Dir, "eu", "kube-apiserver.pid") }, patience, often)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "program ended") }, patience, often)
	assert.Contains(t, log.String(), "cluster=eu program=kube-apiserver state=\"signal: killed\"")
	assert.Equal(t, before, pid(t, c.Dir, "us", "kube-apiserver"))

	revive <- struct{}{}
	require.Eventually(t, func() bool { return exists(c.Dir, "eu", "kube-apiserver.pid") }, patience, often)
	assert.NotEqual(t, killed, pid(t, c.Dir, "eu", "kube-apiserver"))
	assert.Equal(t, before, pid(t, c.Dir, "us", "kube-apiserver"), "what runs is left alone")

	frozen := pid(t, c.Dir, "us", "node")
	require.NoError(t, syscall.Kill(frozen, syscall.SIGSTOP))
	require.NoError(t, stop(), "a frozen program is woken to stop")
}

func TestAProgramThatEndsAtTheStart(t *testing.T) {
	c := config(t)
	t.Setenv(orderEnv, filepath.Join(t.TempDir(), "order"))
	t.Setenv(failEnv, "kube-controller-manager")
	l, err := launcher.New(c)
	require.NoError(t, err)
	err = l.Run(t.Context())
	require.ErrorContains(t, err, "kube-controller-manager ended: exit status 3")
	assert.ErrorContains(t, err, "unknown flag: --nonsense", "with the end of its log")
	for _, cluster := range c.Clusters {
		assert.False(t, exists(c.Dir, cluster, "etcd.pid"), "nothing is left running")
	}
}

func TestStoppedWhileStarting(t *testing.T) {
	c := config(t)
	order := filepath.Join(t.TempDir(), "order")
	t.Setenv(orderEnv, order)
	l, err := launcher.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.NoError(t, l.Run(ctx), "to be told to stop is no failure")
}

func TestAPortInUse(t *testing.T) {
	c := config(t)
	octets := base().As4()
	octets[2]++
	octets[3] = 1
	taken := netip.AddrPortFrom(netip.AddrFrom4(octets), 6443)
	listener, err := net.Listen("tcp", taken.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	l, err := launcher.New(c)
	require.NoError(t, err)
	assert.EqualError(t, l.Run(t.Context()), fmt.Sprintf(
		"cluster us: %s is already in use: is another kplane up running here? --base chooses other addresses", taken))
	assert.False(t, exists(c.Dir, "eu"), "nothing is written before")
}

func TestAFolderInUse(t *testing.T) {
	c := config(t)
	t.Setenv(orderEnv, filepath.Join(t.TempDir(), "order"))
	running(t, c)
	l, err := launcher.New(c)
	require.NoError(t, err)
	assert.EqualError(t, l.Run(t.Context()),
		fmt.Sprintf("folder %s is in use by another kplane up, process %d", c.Dir, os.Getpid()))
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		change func(*launcher.Config)
		want   string
	}{
		{func(c *launcher.Config) { c.Clusters = nil }, "no clusters"},
		{func(c *launcher.Config) { c.Clusters = []string{"EU"} }, `cluster name "EU": a lowercase RFC 1123 label`},
		{func(c *launcher.Config) { c.Clusters = []string{"eu", "eu"} }, `cluster name "eu" is given twice`},
		{func(c *launcher.Config) { c.Dir = "" }, "no folder"},
		{func(c *launcher.Config) { c.Base = netip.MustParseAddr("127.0.0.1") }, "127.0.0.0"},
	}
	for _, tt := range tests {
		c := config(t)
		tt.change(&c)
		_, err := launcher.New(c)
		assert.ErrorContains(t, err, tt.want)
	}
}

func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}

func pid(t *testing.T, dir, cluster, program string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, cluster, program+".pid"))
	require.NoError(t, err)
	number, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	return number
}

// noted returns the programs that noted this, in order.
func noted(t *testing.T, file, what string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var programs []string
	for line := range strings.Lines(string(content)) {
		if program, ok := strings.CutPrefix(strings.TrimSpace(line), what+" "); ok {
			programs = append(programs, program)
		}
	}
	return programs
}

// A buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
