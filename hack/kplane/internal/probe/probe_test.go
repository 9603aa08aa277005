// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/probe"
)

func TestThreshold(t *testing.T) {
	tests := []struct {
		success, failure int32
		results, states  string // + and - in order of time
		why              string
	}{
		{0, 0, "+++--+---+", "++++++++-+", "the defaults: one success, three failures in a row"},
		{1, 1, "+-+-", "+-+-", "no damping"},
		{2, 2, "+-++-+--++", "---+++" + "+-" + "-+", "both have to be in a row"},
		{1, 3, "----", "----", "never ready"},
	}
	for _, tt := range tests {
		threshold := probe.NewThreshold(&corev1.Probe{SuccessThreshold: tt.success, FailureThreshold: tt.failure})
		var states strings.Builder
		before := false
		for _, result := range tt.results {
			ready, changed := threshold.Add(result == '+')
			assert.Equal(t, ready != before, changed)
			before = ready
			states.WriteByte(map[bool]byte{true: '+', false: '-'}[ready])
		}
		assert.Equal(t, tt.states, states.String(), tt.why)
	}
}

func TestRunKeepsItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		spec := &corev1.Probe{InitialDelaySeconds: 3, PeriodSeconds: 2, TimeoutSeconds: 1, FailureThreshold: 2}
		down := errors.New("down")
		check := func(ctx context.Context) error {
			switch at := time.Since(start); {
			case at < 6*time.Second:
				return nil
			case at < 8*time.Second: // at 7 s it hangs until its timeout
				<-ctx.Done()
				return ctx.Err()
			default:
				return down
			}
		}
		type change struct {
			at    time.Duration
			ready bool
			cause error
		}
		var changes []change
		go probe.Run(ctx, spec, check, func(ready bool, cause error) {
			changes = append(changes, change{time.Since(start), ready, cause})
		})
		time.Sleep(20 * time.Second)
		cancel()
		synctest.Wait()
		assert.Equal(t, []change{
			{3 * time.Second, true, nil},   // after the initial delay
			{9 * time.Second, false, down}, // two failures: 7 s (given up at 8 s) and 9 s
		}, changes)
	})
}

func TestHTTPGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == "app.example.com" && r.URL.RequestURI() == "/ready?full=1" && r.Header.Get("X-Probe") == "yes":
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/broken", http.StatusFound)
		default:
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	at, err := netip.ParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	ports := []corev1.ContainerPort{{Name: "http", ContainerPort: int32(at.Port())}}

	ask := func(path, port string, headers ...corev1.HTTPHeader) error {
		spec := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path, Port: intstr.Parse(port), HTTPHeaders: headers,
		}}}
		return probe.New(spec, at.Addr(), ports)(t.Context())
	}
	assert.NoError(t, ask("/ready?full=1", "http",
		corev1.HTTPHeader{Name: "host", Value: "app.example.com"}, corev1.HTTPHeader{Name: "X-Probe", Value: "yes"}))
	assert.NoError(t, ask("/moved", "http"), "a redirect is a success and is not followed")
	assert.ErrorContains(t, ask("/broken", "http"), "status 503, want 200 to 399")
	assert.ErrorContains(t, ask("/ready", "admin"), `port "admin" is neither a number nor the name`)
	assert.ErrorContains(t, ask("/ready", "70000"), "neither a number")
}

func TestTCPSocket(t *testing.T) {
	server := httptest.NewServer(nil)
	at, err := netip.ParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	spec := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{
		Port: intstr.FromInt32(int32(at.Port())),
	}}}
	check := probe.New(spec, at.Addr(), nil)
	require.NoError(t, check(t.Context()))
	server.Close()
	assert.Error(t, check(t.Context()), "nobody listens any more")
}

func TestOtherKindsSaySo(t *testing.T) {
	spec := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}}
	assert.ErrorContains(t, probe.New(spec, netip.IPv4Unspecified(), nil)(t.Context()), "only httpGet and tcpSocket")
}
