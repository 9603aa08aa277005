// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// TestSites holds what docs/sites.md promises of clusters of real nodes.
func TestSites(t *testing.T) {
	w := &nodesWorld{t: t, set: sites.ForTest(t, "eu", "us")}
	require.NoError(t, w.set.Import(t.Context(), sites.TestImage(t)))
	balancers := map[string]string{}
	for _, cluster := range []string{"eu", "us"} {
		balancers[cluster] = strings.Replace(w.set.Site(cluster).LoadBalancers().Masked().Addr().String(), ".128", ".200", 1)
		w.apply(cluster, "web.yaml", "CLUSTER", cluster, "ADDRESS", balancers[cluster])
	}
	for _, cluster := range []string{"eu", "us"} {
		w.kubectl(cluster, "rollout", "status", "deployment/web", "--timeout=2m")
	}
	for _, part := range []struct {
		name string
		test func(w *nodesWorld, balancers map[string]string)
	}{
		{"everybody reaches everybody", (*nodesWorld).reaches},
		{"datagrams too", (*nodesWorld).datagrams},
		{"a node is a node", (*nodesWorld).isNode},
		{"programs that end are started again", (*nodesWorld).restarts},
		{"frozen, cut and without power", (*nodesWorld).faults},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(&nodesWorld{t: t, set: w.set}, balancers) })
	}
}

// pod returns the name and address of a Pod of the application.
func (w *nodesWorld) pod(cluster string) (name, address string) {
	w.t.Helper()
	name, address, _ = strings.Cut(w.kubectl(cluster, "get", "pods", "--selector=app=web",
		"--output=jsonpath={.items[0].metadata.name} {.items[0].status.podIP}"), " ")
	return name, address
}

func (w *nodesWorld) reaches(balancers map[string]string) {
	clusterIP := w.kubectl("us", "get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
	_, podIP := w.pod("us")
	us := w.set.Site("us")
	inEU, _ := w.pod("eu")
	inUS, _ := w.pod("us")
	type place struct{ cluster, pod string } // pod "": the node
	for _, tt := range []struct {
		what, address, host string
		from                []place
	}{
		{"the ClusterIP", clusterIP, "", []place{{"us", ""}, {"us", inUS}}},
		{"the load balancer", balancers["us"], "", []place{{"us", ""}, {"us", inUS}, {"eu", ""}, {"eu", inEU}}},
		{"the node's port", us.Node().String() + ":30080", "", []place{{"us", ""}, {"us", inUS}, {"eu", ""}, {"eu", inEU}}},
		{"a Pod", podIP + ":8080", "", []place{{"us", ""}, {"us", inUS}, {"eu", ""}, {"eu", inEU}}},
		{"the Ingress", us.Ingress()[0].String(), "web.example.com", []place{{"us", ""}, {"eu", ""}}},
		{"the Ingress's other address", us.Ingress()[1].String(), "web.example.com", []place{{"us", ""}, {"eu", ""}}},
	} {
		for _, from := range tt.from {
			w.eventually(func(ctx context.Context) bool { // kube-proxy may be a moment behind
				got := ""
				if from.pod == "" {
					got = w.get(ctx, from.cluster, tt.host, tt.address)
				} else {
					got, _ = w.set.Kubectl(ctx, from.cluster, nil, "exec", from.pod, "--", "/app", "get", "http://"+tt.address)
				}
				return strings.HasPrefix(got, "us ")
			}, func() string { return tt.what + " from " + from.cluster + " " + from.pod })
		}
	}
	out, err := w.set.Kubectl(w.t.Context(), "eu", nil, "exec", inEU, "--", "/app", "get", "https://172.30.0.1/version")
	assert.ErrorContains(w.t, err, "certificate signed by unknown authority", "a Pod reaches the API server: %s", out)
	assert.Contains(w.t, w.get(w.t.Context(), "eu", "", "10.99.2.250"), "connection refused", "an address without a Service")
	assert.Contains(w.t, w.get(w.t.Context(), "eu", "", "192.0.2.1"), "network is unreachable", "nothing leaves the set")
}

func (w *nodesWorld) datagrams(balancers map[string]string) {
	for _, target := range []string{balancers["us"] + ":53", w.set.Site("us").Node().String() + ":30053"} {
		for _, from := range []string{"eu", "us"} {
			var got string
			w.eventually(func(ctx context.Context) bool {
				conn, err := w.set.Dial(ctx, from, "udp", target)
				require.NoError(w.t, err)
				defer conn.Close()
				require.NoError(w.t, conn.SetDeadline(time.Now().Add(time.Second)))
				_, err = conn.Write([]byte("hello"))
				require.NoError(w.t, err)
				buffer := make([]byte, 100)
				n, err := conn.Read(buffer)
				got = string(buffer[:n])
				return err == nil
			}, func() string { return "no answer of " + target })
			assert.Equal(w.t, "us hello", got)
		}
	}
}

func (w *nodesWorld) isNode(map[string]string) {
	ctx := w.t.Context()
	assert.Contains(w.t, w.kubectl("eu", "get", "node", w.set.Site("eu").NodeName), "Ready")
	name, _ := w.pod("eu")
	w.kubectl("eu", "logs", name)
	out, err := w.set.Exec(ctx, "eu", "sh", "-c", "hostname; cat /proc/1/comm; ctr containers list -q | wc -l; kubectl get nodes -o name")
	require.NoError(w.t, err)
	lines := strings.Fields(out)
	require.Len(w.t, lines, 4, out)
	assert.Equal(w.t, []string{"eu-node", "sites"}, lines[:2])
	assert.Equal(w.t, "node/eu-node", lines[3])
	containers, err := strconv.Atoi(lines[2])
	require.NoError(w.t, err)
	assert.GreaterOrEqual(w.t, containers, 4, "two Pods with a sandbox each")
}

func (w *nodesWorld) restarts(map[string]string) {
	ctx := w.t.Context()
	old, err := w.set.Exec(ctx, "eu", "pidof", "kubelet")
	require.NoError(w.t, err)
	_, err = w.set.Exec(ctx, "eu", "sh", "-c", "kill -KILL $(pidof kubelet)")
	require.NoError(w.t, err)
	w.eventually(func(ctx context.Context) bool {
		pid, err := w.set.Exec(ctx, "eu", "pidof", "kubelet")
		return err == nil && pid != old
	}, func() string { return "no kubelet" })
}

func (w *nodesWorld) faults(balancers map[string]string) {
	ctx := w.t.Context()
	alive := func(ctx context.Context) bool { return strings.HasPrefix(w.get(ctx, "eu", "", balancers["us"]), "us ") }
	back := func() string { return "the application is not back" }
	for _, fault := range []struct {
		begin, end func(context.Context) error
		why        string
	}{
		{func(ctx context.Context) error { return w.set.Freeze(ctx, "us") }, func(ctx context.Context) error { return w.set.Thaw(ctx, "us") },
			"frozen: connections are taken, and nothing answers"},
		{func(ctx context.Context) error { return w.set.Cut(ctx, "us", "") }, func(ctx context.Context) error { return w.set.Heal(ctx, "us", "") },
			"cut from all"},
		{func(ctx context.Context) error { return w.set.Cut(ctx, "us", "eu") }, func(ctx context.Context) error { return w.set.Heal(ctx, "", "") },
			"cut from one"},
		{func(ctx context.Context) error { return w.set.Stop(ctx, "us") }, func(ctx context.Context) error { return w.set.Start(ctx, "us") },
			"without power"},
	} {
		w.eventually(alive, back)
		require.NoError(w.t, fault.begin(ctx))
		assert.False(w.t, alive(ctx), fault.why)
		require.NoError(w.t, fault.end(ctx))
		w.eventually(alive, back)
	}
	assert.NotEmpty(w.t, w.kubectl("us", "get", "service", "web"), "the disk of a site outlives its power")
}

// TestSitesArePublished reaches sites from this machine.
func TestSitesArePublished(t *testing.T) {
	if err := sites.Missing(); err != nil {
		t.Skip(err)
	}
	taken, err := net.Listen("tcp", "127.99.1.1:0") // where nobody else is given the port meanwhile
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	options := sites.Options{Dir: filepath.Join(t.TempDir(), "set"), Clusters: []string{"eu"}, ContextPrefix: "lab-", Output: io.Discard, Tied: true}
	options.Publish = []sites.Publication{{Listen: netip.MustParseAddrPort(taken.Addr().String()), Cluster: "eu",
		Target: netip.MustParseAddrPort("10.99.1.11:80"), Protocol: "tcp"}}
	_, err = sites.Up(t.Context(), options)
	require.ErrorContains(t, err, taken.Addr().String()+" of this machine is already in use")
	require.NoError(t, taken.Close())

	set, err := sites.Up(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, set.Down(context.WithoutCancel(t.Context()))) })
	nodes, err := set.Kubectl(t.Context(), "eu", nil, "--context=lab-eu", "get", "nodes", "--output=name")
	require.NoError(t, err)
	assert.Equal(t, "node/eu-node\n", nodes, "the API server, by a port of this machine")
	w := &nodesWorld{t: t, set: set}
	conn, err := net.Dial("tcp", taken.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\nHost: nobody.example.com\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Contains(t, string(answer), "cluster eu: no Ingress has a rule for nobody.example.com/", "what is published, to the end of the connection")

	_, err = sites.Up(t.Context(), options)
	require.NoError(t, err, "again is fine")
	options.Clusters = []string{"eu", "us"}
	_, err = sites.Up(t.Context(), options)
	require.ErrorContains(t, err, "it has clusters [eu], not [eu us]")
	w.leavesNothing()
}

// leavesNothing kills the supervisor beside a second set, which goes on; what is
// left of the first is gone when its folder is taken down.
func (w *nodesWorld) leavesNothing() {
	t := w.t
	t.Helper()
	other := sites.ForTest(t, "eu") // the same name and addresses, at the same time
	status, err := w.set.Status(t.Context())
	require.NoError(t, err)
	id := sites.Layout{Dir: w.set.Dir()}.Cgroup()
	require.NotEmpty(t, groups(t, id))
	require.NoError(t, syscall.Kill(status.Process, syscall.SIGKILL))
	w.eventually(func(context.Context) bool { return len(processes(t, w.set.Dir())) == 0 },
		func() string {
			return "processes of a killed supervisor: " + strings.Join(processes(t, w.set.Dir()), "\n")
		})
	require.NoError(t, w.set.Down(t.Context()))
	assert.Empty(t, groups(t, id))
	assert.NoDirExists(t, w.set.Dir())
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.NotContains(t, string(mounts), w.set.Dir())
	_, err = other.Kubectl(t.Context(), "eu", nil, "get", "nodes")
	assert.NoError(t, err, "the other set goes on")
}

// groups lists the cgroups of this name in all hierarchies.
func groups(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		found, err := filepath.Glob(pattern + name)
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// processes lists the command lines that have a folder in them.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var all []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && bytes.Contains(content, []byte(dir)) {
			all = append(all, string(bytes.ReplaceAll(content, []byte{0}, []byte(" "))))
		}
	}
	return all
}
