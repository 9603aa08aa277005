// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/meridian-gslb/meridian/hack/image/internal/container"
)

// patience is how long a process may take to do something. A machine that is
// busy must not fail a test.
const patience = time.Minute

// start runs an image until the test ends, and shows what it printed if it failed.
func start(t *testing.T, img v1.Image, o container.Options) *container.Container {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	c, err := container.Start(context.WithoutCancel(t.Context()), dir, img, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		if t.Failed() {
			t.Logf("the container printed:\n%s", c.Output())
		}
	})
	return c
}

// ends waits for the end of a container and gives its exit code.
func ends(t *testing.T, c *container.Container) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, err := c.Wait(ctx)
	require.NoError(t, err)
	return code
}

// client gives an HTTP client inside the container's network.
func client(c *container.Container) *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true}}
}

// get asks until an answer with this status comes, and gives its body.
func get(t *testing.T, c *container.Container, url string, status int) string {
	t.Helper()
	var body []byte
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		if !assert.False(t, c.Ended(), "it has ended: %s", c.Output()) {
			return
		}
		r, err := client(c).Get(url)
		if !assert.NoError(t, err) {
			return
		}
		defer r.Body.Close()
		body, err = io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, status, r.StatusCode, "%s: %s", url, body)
	}, patience, 50*time.Millisecond)
	return string(body)
}

// ask sends one question for A records, and gives the RCODE and the addresses.
func ask(ctx context.Context, c *container.Container, network, server, name string) (dnsmessage.RCode, []string, error) {
	conn, err := c.Dial(ctx, network, server)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, nil, err
	}
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	wire, err := q.Pack()
	if err != nil {
		return 0, nil, err
	}
	answer, err := exchange(conn, wire, network == "tcp")
	if err != nil {
		return 0, nil, err
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil {
		return 0, nil, err
	}
	var addresses []string
	for _, r := range m.Answers {
		if a, ok := r.Body.(*dnsmessage.AResource); ok {
			addresses = append(addresses, net.IP(a.A[:]).String())
		}
	}
	return m.RCode, addresses, nil
}

// exchange sends a message and reads one; over TCP each has its length before it.
func exchange(conn net.Conn, wire []byte, framed bool) ([]byte, error) {
	if framed {
		wire = append([]byte{byte(len(wire) >> 8), byte(len(wire))}, wire...)
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	if !framed {
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil, err
	}
	n := int(buf[0])<<8 | int(buf[1])
	_, err := io.ReadFull(conn, buf[:n])
	return buf[:n], err
}

// answers asks over UDP and TCP until the addresses come.
func answers(t *testing.T, c *container.Container, server, name string, want ...string) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		require.EventuallyWithT(t, func(ct *assert.CollectT) {
			if !assert.False(ct, c.Ended(), "it has ended: %s", c.Output()) {
				return
			}
			rcode, got, err := ask(t.Context(), c, network, server, name)
			assert.NoError(ct, err)
			assert.Equal(ct, dnsmessage.RCodeSuccess, rcode)
			assert.Equal(ct, want, got)
		}, patience, 50*time.Millisecond)
	}
}

const app = `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app, namespace: default}
spec:
  ingress:
    rules:
    - host: app.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
  entryAddresses: [192.0.2.10]
  strategy: {type: failover, primaryGeoTag: eu}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec: {selector: {app: app}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: default, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
`

func TestImageTellsItsVersion(t *testing.T) {
	needContainers(t)
	c := start(t, oursFor(t, runtime.GOARCH), container.Options{ReadOnlyRoot: true, Args: []string{"version"}})
	assert.Zero(t, ends(t, c))
	assert.Equal(t, "meridian v0.0.1-test\n", c.Output())
}

func TestImageSaysWhatIsMissing(t *testing.T) {
	needContainers(t)
	c := start(t, oursFor(t, runtime.GOARCH), container.Options{ReadOnlyRoot: true})
	assert.Equal(t, 2, ends(t, c), "the image's own command is serve, which needs a geo tag")
	assert.Contains(t, c.Output(), "--geo-tag")
}

// As a Pod under the restricted profile: not root, no capability, no privilege
// to gain, nothing to write to. There is no /tmp and no /etc in it.
func TestImageServesWithNothingToWriteTo(t *testing.T) {
	needContainers(t)
	c := start(t, oursFor(t, runtime.GOARCH), container.Options{
		ReadOnlyRoot: true,
		Args: []string{
			"serve", "--geo-tag", "eu", "--zone", "cloud.example.com", "--edge-zone", "example.com", "--edge-provider", "none",
			"--dns-address", "192.0.2.53", "--manifests", "/manifests",
		},
		Mounts: map[string]string{"/manifests": folderIn(t, map[string]string{"app.yaml": app})},
	})
	get(t, c, "http://127.0.0.1:8081/healthz", http.StatusOK)
	get(t, c, "http://127.0.0.1:8081/readyz", http.StatusOK)
	answers(t, c, "127.0.0.1:5353", "app.cloud.example.com.", "192.0.2.10")
	assert.Contains(t, get(t, c, "http://127.0.0.1:8080/metrics", http.StatusOK), "meridian_")

	pid, err := c.PID()
	require.NoError(t, err)
	status, err := os.ReadFile("/proc/" + itoa(pid) + "/status")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^Uid:\s65532\s65532\s65532\s65532$`, string(status))
	assert.Regexp(t, `(?m)^Gid:\s65532\s65532\s65532\s65532$`, string(status))
	assert.Regexp(t, `(?m)^CapBnd:\s0+$`, string(status))

	require.NoError(t, c.Signal("TERM"))
	assert.Zero(t, ends(t, c), "being told to stop is no failure")
}
