// SPDX-License-Identifier: Apache-2.0

package k3d_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// playground runs targets of the Makefile with programs that only write down how they
// are called (testdata/stubs), and a folder of its own for what the targets keep.
type playground struct {
	t        *testing.T
	provider string
	dir, log string
	env      []string
}

func newPlayground(t *testing.T, provider string) *playground {
	t.Helper()
	need(t, "make", "make")
	stubs, err := filepath.Abs("testdata/stubs")
	require.NoError(t, err)
	tmp := t.TempDir()
	p := &playground{t: t, provider: provider, dir: filepath.Join(tmp, "playground"), log: filepath.Join(tmp, "calls")}
	images := filepath.Join(tmp, "image")
	require.NoError(t, os.MkdirAll(images, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(images, "meridian.tar"), []byte("image"), 0o600))
	p.env = []string{
		"PATH=" + stubs + ":" + os.Getenv("PATH"), "CALLS=" + p.log, "PLAYGROUND=" + p.dir, "IMAGES=" + images,
		"PROC_NET=" + tmp, "PATIENCE=3", "KUBECTL=kubectl", "HELM=helm", "MAKEFLAGS=", "MAKELEVEL=",
	}
	return p
}

// calls runs make and gives the calls that the stubs saw, in order.
func (p *playground) make(args ...string) []string {
	p.t.Helper()
	calls, out, err := p.try(args...)
	require.NoError(p.t, err, out)
	return calls
}

func (p *playground) try(args ...string) (calls []string, output string, err error) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.log, nil, 0o600))
	cmd := append([]string{"make", "--no-print-directory", "-C", "..", "PROVIDER=" + p.provider, "IMAGE_BUILD=image"}, args...)
	out, complaints, err := run(p.t.Context(), cmd, p.env...)
	text, readErr := os.ReadFile(p.log)
	require.NoError(p.t, readErr)
	for line := range strings.Lines(string(text)) {
		line = strings.ReplaceAll(strings.TrimSpace(line), p.dir, "PLAYGROUND")
		calls = append(calls, strings.ReplaceAll(line, filepath.Dir(p.dir), "TMP"))
	}
	return calls, out + complaints, err
}

// inOrder fails the test unless each of want begins a call, in this order, with
// others between them.
func inOrder(t *testing.T, calls []string, want ...string) {
	t.Helper()
	at := 0
	for _, w := range want {
		next := at
		for next < len(calls) && !strings.HasPrefix(calls[next], w) {
			next++
		}
		if next == len(calls) {
			t.Errorf("no call %q after %q in\n%s", w, calls[max(0, at-1)], strings.Join(calls, "\n"))
			return
		}
		at = next + 1
	}
}

// none fails the test if a call has this in it.
func none(t *testing.T, calls []string, part string) {
	t.Helper()
	for _, c := range calls {
		assert.NotContains(t, c, part)
	}
}

func TestDeployCallsInOrder(t *testing.T) {
	t.Parallel()
	p := newPlayground(t, "k3d")
	calls := p.make("deploy-full-local-setup")
	inOrder(t, calls,
		"image meridian", "docker info",
		"k3d cluster create --config PLAYGROUND/k3d/edgedns.yaml",
		"k3d cluster create --config PLAYGROUND/k3d/test-gslb1.yaml",
		"k3d cluster create --config PLAYGROUND/k3d/test-gslb2.yaml",
		"k3d kubeconfig merge edgedns test-gslb1 test-gslb2 --output PLAYGROUND/kubeconfig --kubeconfig-switch-context=false",
		"k3d image import TMP/image/meridian.tar --cluster test-gslb1",
		"k3d image import TMP/image/meridian.tar --cluster test-gslb2",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-edgedns apply -f k3d/edge",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-edgedns -n edge rollout status deployment/bind",
		"dig @127.0.0.1 -p 1053 example.com SOA",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-test-gslb1 -n meridian create secret generic playground-peers",
		"helm --kubeconfig PLAYGROUND/kubeconfig --kube-context k3d-test-gslb1 -n meridian upgrade --install meridian chart/meridian "+
			"-f k3d/values.yaml --set geoTag=eu,edge.servers={192.0.2.1},image.tag=dev",
		"dig @127.0.0.1 -p 5053 cloud.example.com SOA",
		"helm --kubeconfig PLAYGROUND/kubeconfig --kube-context k3d-test-gslb2 -n meridian upgrade --install meridian chart/meridian "+
			"-f k3d/values.yaml --set geoTag=us,edge.servers={192.0.2.1},image.tag=dev",
		"dig @127.0.0.1 -p 5054 cloud.example.com SOA",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-test-gslb1 -n test-gslb create configmap cluster --from-literal=geo-tag=eu",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-test-gslb1 apply -f k3d/apps -f k3d/gslb",
		"kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-test-gslb2 apply -f k3d/apps -f k3d/gslb",
		"dig @127.0.0.1 -p 1053 roundrobin.cloud.example.com A",
	)
	assert.Equal(t, secrets(calls, "k3d-test-gslb1"), secrets(calls, "k3d-test-gslb2"), "the keys are the same in all clusters")
	assert.Len(t, secrets(calls, "k3d-test-gslb1"), 2)

	again := p.make("deploy-full-local-setup", "K3D_CLUSTERS=there")
	none(t, again, "cluster create")
	inOrder(t, again, "k3d cluster start edgedns", "k3d cluster start test-gslb2", "helm")
	assert.Equal(t, secrets(calls, "k3d-test-gslb1"), secrets(again, "k3d-test-gslb1"), "keys are made once")
}

// secrets gives the secrets that a cluster got.
func secrets(calls []string, context string) []string {
	var found []string
	for _, c := range calls {
		if _, value, ok := strings.Cut(c, "--from-literal=secret="); ok && strings.Contains(c, context+" ") {
			found = append(found, value)
		}
	}
	return found
}

func TestTargetsOfAPlaygroundThatIsUp(t *testing.T) {
	t.Parallel()
	const kubectl = "kubectl --kubeconfig PLAYGROUND/kubeconfig --context k3d-"
	p := newPlayground(t, "k3d")
	p.make("deploy-full-local-setup", "CLUSTERS_NUMBER=3")
	tests := []struct {
		target string
		args   []string
		want   []string
	}{
		{"init-failover", nil, []string{
			kubectl + "test-gslb1 apply -f k3d/gslb/failover.yaml",
			kubectl + "test-gslb1 -n test-gslb scale deployment/frontend-podinfo --replicas=2",
			kubectl + "test-gslb3 apply -f k3d/gslb/failover.yaml",
		}},
		{"init-round-robin", nil, []string{kubectl + "test-gslb3 apply -f k3d/gslb/roundrobin.yaml"}},
		{"stop-test-app", nil, []string{
			kubectl + "test-gslb1 -n test-gslb scale deployment/frontend-podinfo --replicas=0",
			kubectl + "test-gslb1 -n test-gslb rollout status deployment/frontend-podinfo",
		}},
		{"start-test-app", []string{"CLUSTER=test-gslb3"}, []string{
			kubectl + "test-gslb3 -n test-gslb scale deployment/frontend-podinfo --replicas=2",
		}},
		{"test-failover", nil, []string{
			kubectl + "test-gslb1 -n meridian get service meridian",
			kubectl + "test-gslb1 apply -f -",
			kubectl + "test-gslb1 -n test-gslb wait --for=condition=Ready pod/dnstools-",
			kubectl + "test-gslb1 -n test-gslb exec dnstools-",
			kubectl + "test-gslb1 -n test-gslb delete pod dnstools-",
		}},
		{"test-round-robin", []string{"CLUSTER=test-gslb2", "HITS=2"}, []string{
			kubectl + "test-gslb2 -n test-gslb exec dnstools-", kubectl + "test-gslb2 -n test-gslb exec dnstools-",
			kubectl + "test-gslb2 -n test-gslb delete pod dnstools-",
		}},
		{"dns-tools", []string{"CMD=dig roundrobin.cloud.example.com"}, []string{
			kubectl + "test-gslb1 -n meridian get service meridian", kubectl + "test-gslb1 -n test-gslb exec dnstools-",
		}},
		{"deploy-prometheus", nil, []string{
			kubectl + "test-gslb1 apply -f k3d/prometheus", kubectl + "test-gslb3 apply -f k3d/prometheus",
			kubectl + "test-gslb3 -n monitoring rollout status deployment/prometheus",
		}},
		{"uninstall-prometheus", nil, []string{kubectl + "test-gslb3 delete -f k3d/prometheus"}},
		{"deploy-samples", nil, []string{kubectl + "test-gslb3 apply -f k3d/samples"}},
		{"deploy-edge", nil, []string{kubectl + "edgedns apply -f k3d/edge"}},
		{"upgrade-meridian", nil, []string{
			"image meridian", "k3d image import TMP/image/meridian.tar --cluster test-gslb3",
			"helm --kubeconfig PLAYGROUND/kubeconfig --kube-context k3d-test-gslb3",
		}},
		{"redeploy", nil, []string{"image meridian", "helm"}},
		{"stop-cluster", []string{"CLUSTER=test-gslb2"}, []string{"k3d cluster stop test-gslb2"}},
		{"start-cluster", []string{"CLUSTER=test-gslb2"}, []string{"k3d cluster start test-gslb2"}},
		{"list-running-pods", nil, []string{kubectl + "edgedns get pods -A", kubectl + "test-gslb3 get pods -A"}},
		{"show-gslbs", nil, []string{kubectl + "test-gslb3 get gslbs.gslb.meridian.dev -A"}},
		{"destroy-full-local-setup", []string{"K3D_CLUSTERS=there"}, []string{
			"k3d cluster delete edgedns", "k3d cluster delete test-gslb1", "k3d cluster delete test-gslb3",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			inOrder(t, p.make(append([]string{tt.target}, tt.args...)...), tt.want...)
		})
	}
	assert.NoDirExists(t, p.dir, "the playground is gone")
}

// The provider need be named only once.
func TestProviderOfThePlaygroundThatIsUp(t *testing.T) {
	t.Parallel()
	p := newPlayground(t, "k3d")
	p.make("deploy-full-local-setup")
	p.provider = ""
	inOrder(t, p.make("stop-cluster"), "k3d cluster stop test-gslb1")
	p.provider = "local"
	calls, out, err := p.try("destroy-full-local-setup")
	require.Error(t, err)
	assert.Contains(t, out, "was made with PROVIDER=k3d")
	assert.Empty(t, calls)
}

// What is wrong is said in words that help.
func TestComplaints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		provider string
		target   string
		args     []string
		want     string
	}{
		{"no engine", "k3d", "deploy-full-local-setup", []string{"DOCKER_ENGINE=none"}, "try PROVIDER=local"},
		{"too many clusters", "k3d", "deploy-full-local-setup", []string{"CLUSTERS_NUMBER=9"}, "it can be 1 to 8"},
		{"a provider that does not exist", "kind", "deploy-full-local-setup", nil, "there are k3d and local"},
		{"nothing is up yet", "k3d", "test-failover", nil, "make deploy-full-local-setup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls, out, err := newPlayground(t, tt.provider).try(append([]string{tt.target}, tt.args...)...)
			require.Error(t, err)
			assert.Contains(t, out, tt.want)
			none(t, calls, "create")
		})
	}
}

// A port that somebody has is named; one of another address is no hindrance.
func TestPortsInUse(t *testing.T) {
	t.Parallel()
	const head = "  sl  local_address rem_address   st tx_queue rx_queue\n"
	tests := []struct {
		name, file, line, want string
	}{
		{"TCP on our address", "tcp", "0: 0100007F:041D 00000000:0000 0A", "1053/tcp"},
		{"UDP on all addresses", "udp", "0: 00000000:13BD 00000000:0000 07", "5053/udp"},
		{"TCP on all addresses of IPv6", "tcp6", "0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A", "80/tcp"},
		{"TCP elsewhere", "tcp", "0: 0200007F:041D 00000000:0000 0A", ""},
		{"a connection, not a listener", "tcp", "0: 0100007F:041D 0100007F:0050 01", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlayground(t, "k3d")
			file := filepath.Join(filepath.Dir(p.dir), tt.file)
			require.NoError(t, os.WriteFile(file, []byte(head+tt.line+"\n"), 0o600))
			calls, out, err := p.try("create-local-clusters")
			if tt.want == "" {
				require.NoError(t, err, out)
				return
			}
			require.Error(t, err)
			assert.Contains(t, out, "in use on 127.0.0.1: "+tt.want+". End what listens there")
			none(t, calls, "create")
		})
	}
}

func TestAClusterThatDoesNotExist(t *testing.T) {
	t.Parallel()
	p := newPlayground(t, "k3d")
	p.make("deploy-full-local-setup")
	_, out, err := p.try("stop-test-app", "CLUSTER=eu")
	require.Error(t, err)
	assert.Contains(t, out, "there are edgedns test-gslb1 test-gslb2")
}
