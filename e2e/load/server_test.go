// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

// Package load_test lets floods and crowds loose on a whole process, alone on the
// machine (make load, build tag load). What it asserts does not depend on how
// fast the machine is: memory, panics, and that good questions are answered in
// the end; the times it prints are for docs/benchmarks.md.
package load_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/lab"
)

const (
	host     = "app." + lab.Zone
	serverN  = 11
	httpPort = 8080
)

// built is meridian.
var built gobuild.Binary

// TestMain builds it once for all tests.
func TestMain(m *testing.M) { os.Exit(built.Main(m, "../../cmd/meridian")) }

// loadTime is how long each load lasts.
func loadTime(t testing.TB) time.Duration {
	t.Helper()
	s := os.Getenv("LOADTIME")
	if s == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(s)
	require.NoError(t, err, "LOADTIME")
	return d
}

// server is one meridian that answers for a host, from files.
type server struct {
	t       *testing.T
	lab     *lab.Lab
	process *lab.Process
	dot     string // where it speaks TLS
}

// serve starts a server. On machines with several processors it has the first to
// itself, and what loads it the others.
func serve(t *testing.T, extra ...string) *server {
	t.Helper()
	require.NoError(t, built.Err)
	dir := t.TempDir()
	bin := built.Path
	if taskset, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		bin = filepath.Join(dir, "one-processor")
		script := fmt.Sprintf("#!/bin/sh\nexport GOMAXPROCS=1\nexec %s -c 0 %s \"$@\"\n", taskset, built.Path)
		require.NoError(t, os.WriteFile(bin, []byte(script), 0o700))
	}
	l, err := lab.New(t.Context(), dir, bin)
	require.NoError(t, err)
	s := &server{t: t, lab: l}
	t.Cleanup(func() {
		tail := s.process.LogTail(20)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(tail)
		}
	})
	key, err := l.Key("peers")
	require.NoError(t, err)
	crt, pkey := certificate(t, dir)
	s.dot = net.JoinHostPort(l.Addr(serverN).String(), "8853")
	objects := filepath.Join(dir, "objects")
	require.NoError(t, os.Mkdir(objects, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(objects, "app.yaml"), []byte(manifests), 0o600))
	args := l.ServeArgs(lab.Cluster{
		Tag: "eu", N: serverN, PeerKeys: []string{key}, HTTP: httpPort,
		Extra: append([]string{"--manifests", objects, "--dot-listen", s.dot, "--dot-cert-file", crt, "--dot-key-file", pkey}, extra...),
	})
	s.process, err = l.Start("eu", args...)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = lab.Await(ctx, s.at(), host, "192.0.2.1 192.0.2.2")
	require.NoError(t, err)
	return s
}

func (s *server) at() string { return s.lab.At(serverN) }

// memory gives the memory of the process in octets.
func (s *server) memory() int64 {
	s.t.Helper()
	n, err := s.process.Memory()
	require.NoError(s.t, err)
	return n
}

// value adds up the samples of a metric, or of those whose labels match.
func (s *server) value(name, labels string) float64 {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, fmt.Sprintf("http://%s:%d/metrics", s.lab.Addr(serverN), httpPort), nil)
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	sum := 0.0
	for _, m := range regexp.MustCompile(`(?m)^meridian_dnsserver_`+name+`(\{[^}]*\})? (\S+)$`).FindAllStringSubmatch(string(b), -1) {
		if !strings.Contains(m[1], labels) {
			continue
		}
		v, err := strconv.ParseFloat(m[2], 64)
		require.NoError(s.t, err)
		sum += v
	}
	return sum
}

// answered gives how many messages were answered so far.
func (s *server) answered() float64 { return s.value("queries_total", "") }

// sound is what holds after every load: no bug was survived, and the process still
// runs.
func (s *server) sound() {
	s.t.Helper()
	assert.Zero(s.t, s.value("panics_total", ""), "panics")
	select {
	case <-s.process.Done():
		s.t.Error("the server has ended")
	default:
	}
}

// certificate writes a self-signed certificate and its key.
func certificate(t *testing.T, dir string) (crt, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ns.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(t, err)
	crt, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return crt, key
}

const manifests = `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app, namespace: demo}
spec:
  ingress:
    rules:
    - host: ` + host + `
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
  strategy: {type: roundRobin}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: app, namespace: demo}
spec: {defaultBackend: {service: {name: app, port: {number: 80}}}}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 192.0.2.2}]}}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: demo}
spec: {selector: {app: app}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: demo, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
`
