// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/route"
)

// endpoint is a server that says its name and how it was asked.
func endpoint(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, strings.Join([]string{name, r.Host, r.Header.Get("X-Forwarded-Host"), string(body)}, " "))
	}))
	t.Cleanup(server.Close)
	return netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
}

// refusing is an address on which nobody listens.
func refusing(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return netip.MustParseAddrPort(l.Addr().String())
}

// gatewayTo routes everything to these endpoints.
func gatewayTo(endpoints ...netip.AddrPort) *gateway {
	g := newGateway("eu", func(string, string, string, int32) ([]netip.AddrPort, error) {
		if len(endpoints) == 0 {
			return nil, errors.New("none is ready")
		}
		return endpoints, nil
	})
	everything := &networkingv1.Ingress{Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
		Service: &networkingv1.IngressServiceBackend{Name: "app"},
	}}}
	g.table.Store(route.Build([]*networkingv1.Ingress{everything}))
	return g
}

func ask(g http.Handler, method, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(body)
	}
	g.ServeHTTP(recorder, httptest.NewRequest(method, "http://app.example.com/", reader))
	return recorder
}

func TestGatewayTakesTurns(t *testing.T) {
	g := gatewayTo(endpoint(t, "a"), endpoint(t, "b"))
	count := map[string]int{}
	for range 10 {
		answer := ask(g, http.MethodGet, "")
		assert.Equal(t, "eu", answer.Header().Get(clusterHeader))
		count[answer.Body.String()]++
	}
	assert.Equal(t, map[string]int{"a app.example.com app.example.com ": 5, "b app.example.com app.example.com ": 5}, count)
}

func TestGatewayTriesTheNextEndpoint(t *testing.T) {
	g := gatewayTo(refusing(t), endpoint(t, "b"))
	for range 4 {
		answer := ask(g, http.MethodGet, "")
		assert.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	}
	codes := map[int]int{}
	for range 4 {
		codes[ask(g, http.MethodPost, "body").Code]++
	}
	assert.Equal(t, map[int]int{http.StatusOK: 2, http.StatusBadGateway: 2}, codes, "a body can be sent only once")
}

func TestGatewayErrors(t *testing.T) {
	answer := ask(gatewayTo(), http.MethodGet, "")
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.Equal(t, "cluster eu: none is ready\n", answer.Body.String())

	answer = ask(gatewayTo(refusing(t)), http.MethodGet, "")
	assert.Equal(t, http.StatusBadGateway, answer.Code)
	assert.Contains(t, answer.Body.String(), "cluster eu: no endpoint answered")

	empty := newGateway("eu", nil)
	assert.Equal(t, http.StatusNotFound, ask(empty, http.MethodGet, "").Code)
}

func TestTCPProxy(t *testing.T) {
	targets := []netip.AddrPort{refusing(t), endpoint(t, "a")}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxy := newTCPProxy(listener, "http", func() ([]netip.AddrPort, error) { return targets, nil })
	go proxy.serve()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	url := "http://" + listener.Addr().String()
	for range 4 {
		response, err := client.Get(url)
		require.NoError(t, err, "a target that refuses is passed over")
		require.NoError(t, response.Body.Close())
	}

	open, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = open.Close() })
	proxy.close()
	_, err = open.Read(make([]byte, 1))
	assert.Error(t, err, "open connections are cut")
	_, err = client.Get(url)
	assert.ErrorContains(t, err, "refused")
}

func TestTCPProxyResetsWithoutTargets(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxy := newTCPProxy(listener, "http", func() ([]netip.AddrPort, error) { return nil, errors.New("none") })
	go proxy.serve()
	t.Cleanup(proxy.close)
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err == nil { // else the reset was faster than the dial
		_, err = conn.Read(make([]byte, 1))
	}
	assert.ErrorContains(t, err, "reset")
}
