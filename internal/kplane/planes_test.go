// SPDX-License-Identifier: Apache-2.0

package kplane_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

const (
	host     = "app.cloud.example.com"
	patience = 90 * time.Second
	often    = 50 * time.Millisecond
)

// TestPlanes starts two real clusters once, for all that has to be seen on them.
func TestPlanes(t *testing.T) {
	planes := kplane.ForTest(t, "eu", "us")
	for _, c := range planes.Clusters() {
		apply(t, planes, c.Name)
	}
	for _, step := range []struct {
		name string
		run  func(*testing.T, *kplane.Planes)
	}{
		{"each cluster answers for itself on both addresses of the Ingress", answersForItself},
		{"a host without an Ingress is not found", unknownHost},
		{"pods that are not ready get no requests", readiness},
		{"a Service has an address of its own while it exists", loadBalancer},
		{"a killed API server takes neither its cluster's pods nor other clusters with it", killedAPI},
		{"a frozen API server hangs until it is thawed", frozenAPI},
		{"a lost cluster is lost alone and comes back", lostCluster},
		{"an Ingress that is to be ignored keeps the status that a test gives it", ignoredIngress},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(t, planes) })
	}
}

func apply(t *testing.T, planes *kplane.Planes, cluster string) {
	t.Helper()
	manifest, err := os.Open("testdata/app.yaml")
	require.NoError(t, err)
	t.Cleanup(func() { _ = manifest.Close() })
	_, err = planes.Kubectl(t.Context(), cluster, manifest, "apply", "-f", "-")
	require.NoError(t, err)
}

func answersForItself(t *testing.T, planes *kplane.Planes) {
	for _, c := range planes.Clusters() {
		for _, address := range c.IngressAddresses {
			answer := eventually(t, c, address, http.StatusOK)
			var said struct{ Cluster, Message, Host string }
			require.NoError(t, json.Unmarshal([]byte(answer), &said), answer)
			assert.Equal(t, c.Name, said.Cluster)
			assert.Equal(t, "good day", said.Message, "the pod's environment sets what it says")
			assert.Equal(t, host, said.Host, "the pod sees the host that was asked for")
		}
		assert.Equal(t, fmt.Sprintf("%s %s", c.IngressAddresses[0], c.IngressAddresses[1]),
			kubectl(t, planes, c.Name, "get", "ingress", "app", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"))
	}
}

func unknownHost(t *testing.T, planes *kplane.Planes) {
	eu := planes.Cluster("eu")
	status, _ := get(t, fmt.Sprintf("http://%s:%d/", eu.IngressAddresses[0], eu.HTTPPort), "other.example.com")
	assert.Equal(t, http.StatusNotFound, status)
}

func readiness(t *testing.T, planes *kplane.Planes) {
	eu, us := planes.Cluster("eu"), planes.Cluster("us")
	setReady(t, planes, "eu", "disable")
	body := eventually(t, eu, eu.IngressAddresses[0], http.StatusServiceUnavailable)
	assert.Contains(t, body, "no endpoint of Service default/app is ready")
	eventually(t, us, us.IngressAddresses[0], http.StatusOK)
	setReady(t, planes, "eu", "enable")
	eventually(t, eu, eu.IngressAddresses[0], http.StatusOK)
}

// setReady tells each pod of the application to be ready or not, where it listens.
func setReady(t *testing.T, planes *kplane.Planes, cluster, what string) {
	t.Helper()
	for _, ip := range strings.Fields(kubectl(t, planes, cluster, "get", "pods", "-o", "jsonpath={.items[*].status.podIP}")) {
		listening := strings.Replace(ip, "10.", "127.", 1)
		response, err := http.Post(fmt.Sprintf("http://%s:9898/readyz/%s", listening, what), "", nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
}

func loadBalancer(t *testing.T, planes *kplane.Planes) {
	var address string
	require.Eventually(t, func() bool {
		address = kubectl(t, planes, "us", "get", "service", "app", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
		return address != ""
	}, patience, often)
	assert.True(t, planes.Cluster("us").Network.Contains(netip.MustParseAddr(address)))
	url := "http://" + address + ":8088/"
	status, body := get(t, url, host)
	assert.Equal(t, http.StatusOK, status, body)

	kubectl(t, planes, "us", "patch", "service", "app", "--patch", `{"spec":{"type":"ClusterIP"}}`)
	require.Eventually(t, func() bool { status, _ := get(t, url, host); return status == 0 }, patience, often,
		"nobody listens there any more")
	kubectl(t, planes, "us", "patch", "service", "app", "--patch", `{"spec":{"type":"LoadBalancer"}}`)
	require.Eventually(t, func() bool {
		return kubectl(t, planes, "us", "get", "service", "app", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}") != ""
	}, patience, often)
}

func killedAPI(t *testing.T, planes *kplane.Planes) {
	eu := planes.Cluster("eu")
	require.NoError(t, eu.Kill(kplane.APIServer))
	_, err := planes.Kubectl(t.Context(), "eu", nil, "get", "--raw", "/readyz")
	require.Error(t, err)
	assert.ErrorContains(t, eu.Kill(kplane.APIServer), "cluster eu: kube-apiserver does not run")
	status, _ := get(t, fmt.Sprintf("http://%s:%d/", eu.IngressAddresses[0], eu.HTTPPort), host)
	assert.Equal(t, http.StatusOK, status, "the pods and their gateway go on")
	assert.Equal(t, "ok", kubectl(t, planes, "us", "get", "--raw", "/readyz"))

	require.NoError(t, planes.Revive(t.Context()))
	assert.Equal(t, "ok", kubectl(t, planes, "eu", "get", "--raw", "/readyz"))
	assert.Equal(t, "deployment.apps/app\n", kubectl(t, planes, "eu", "get", "deployments", "-o", "name"), "its data is there")
}

func frozenAPI(t *testing.T, planes *kplane.Planes) {
	us := planes.Cluster("us")
	require.NoError(t, us.Freeze(kplane.APIServer))
	_, err := planes.Kubectl(t.Context(), "us", nil, "get", "--raw", "/readyz", "--request-timeout=1s")
	require.Error(t, err)
	require.NoError(t, us.Thaw(kplane.APIServer))
	assert.Equal(t, "ok", kubectl(t, planes, "us", "get", "--raw", "/readyz"))
}

func lostCluster(t *testing.T, planes *kplane.Planes) {
	eu, us := planes.Cluster("eu"), planes.Cluster("us")
	before := kubectl(t, planes, "eu", "get", "pods", "-o", "jsonpath={.items[*].status.podIP}")
	require.NoError(t, eu.Kill())
	status, _ := get(t, fmt.Sprintf("http://%s:%d/", eu.IngressAddresses[0], eu.HTTPPort), host)
	assert.Zero(t, status, "nobody listens there any more")
	eventually(t, us, us.IngressAddresses[1], http.StatusOK)

	require.NoError(t, planes.Revive(t.Context()))
	eventually(t, eu, eu.IngressAddresses[1], http.StatusOK)
	assert.Equal(t, before, kubectl(t, planes, "eu", "get", "pods", "-o", "jsonpath={.items[*].status.podIP}"),
		"pods keep their addresses")
}

func ignoredIngress(t *testing.T, planes *kplane.Planes) {
	kubectl(t, planes, "us", "create", "ingress", "byhand", "--rule=hand.example.com/*=app:http",
		"--annotation=kplane.meridian.dev/ignore=true")
	kubectl(t, planes, "us", "patch", "ingress", "byhand", "--subresource=status", "--type=merge",
		"--patch", `{"status":{"loadBalancer":{"ingress":[{"ip":"127.9.9.9"}]}}}`)
	kubectl(t, planes, "us", "create", "ingress", "after", "--rule=after.example.com/*=app:http")
	us := planes.Cluster("us")
	require.Eventually(t, func() bool { // an Ingress that came later is served
		status, _ := get(t, fmt.Sprintf("http://%s:%d/", us.IngressAddresses[0], us.HTTPPort), "after.example.com")
		return status == http.StatusOK
	}, patience, often)
	status, _ := get(t, fmt.Sprintf("http://%s:%d/", us.IngressAddresses[0], us.HTTPPort), "hand.example.com")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, "127.9.9.9", kubectl(t, planes, "us", "get", "ingress", "byhand", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"))
}

// eventually asks for the application until it gets this status, and returns the body.
func eventually(t *testing.T, c kplane.Cluster, address netip.Addr, want int) string {
	t.Helper()
	var status int
	var body string
	require.Eventually(t, func() bool {
		status, body = get(t, fmt.Sprintf("http://%s:%d/", address, c.HTTPPort), host)
		return status == want
	}, patience, often, "cluster %s on %s: last answer %d %s", c.Name, address, status, body)
	return body
}

// get returns status and body, and status 0 when nobody answers.
func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Host = host
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func kubectl(t *testing.T, planes *kplane.Planes, cluster string, args ...string) string {
	t.Helper()
	out, err := planes.Kubectl(t.Context(), cluster, nil, args...)
	require.NoError(t, err)
	return out
}
