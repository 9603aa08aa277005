// SPDX-License-Identifier: Apache-2.0

// Package probe does what a kubelet does with a readinessProbe of the kinds
// httpGet and tcpSocket: asks at the probe's period, and turns single results
// into ready and not ready by its thresholds. It knows no pods and writes no
// status. The node runs one Run per container.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A Check asks once. A nil error is a success.
type Check func(context.Context) error

// errKind is what Check gives for probes that are not supported: the container
// never becomes ready, and its condition says why.
var errKind = errors.New("only httpGet and tcpSocket probes are supported")

// New returns the check that spec asks for, of the container whose named ports
// are ports and which listens on address.
func New(spec *corev1.Probe, address netip.Addr, ports []corev1.ContainerPort) Check {
	switch {
	case spec.HTTPGet != nil:
		return httpGet(spec.HTTPGet, address, ports)
	case spec.TCPSocket != nil:
		return tcpSocket(spec.TCPSocket, address, ports)
	}
	return func(context.Context) error { return errKind }
}

func httpGet(action *corev1.HTTPGetAction, address netip.Addr, ports []corev1.ContainerPort) Check {
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,                                  // each probe proves a new connection, as a kubelet's does
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- kubelets do not verify either
		},
		// A redirect is a success (200 to 399); it is not followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) error {
		target, err := httpTarget(action, address, ports)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
		if err != nil {
			return err
		}
		request.Header.Set("User-Agent", "kube-probe/kplane")
		for _, header := range action.HTTPHeaders {
			if http.CanonicalHeaderKey(header.Name) == "Host" {
				request.Host = header.Value
				continue
			}
			request.Header.Add(header.Name, header.Value)
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // nothing follows from it
		if response.StatusCode < 200 || response.StatusCode > 399 {
			return fmt.Errorf("GET %s: status %d, want 200 to 399", target, response.StatusCode)
		}
		return nil
	}
}

func httpTarget(action *corev1.HTTPGetAction, address netip.Addr, ports []corev1.ContainerPort) (*url.URL, error) {
	port, err := number(action.Port, ports)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(action.Path)
	if err != nil {
		return nil, fmt.Errorf("httpGet.path: %w", err)
	}
	target.Scheme = "http"
	if action.Scheme == corev1.URISchemeHTTPS {
		target.Scheme = "https"
	}
	// action.Host is ignored: a probe that leaves the pod would leave the machine.
	target.Host = netip.AddrPortFrom(address, port).String()
	return target, nil
}

func tcpSocket(action *corev1.TCPSocketAction, address netip.Addr, ports []corev1.ContainerPort) Check {
	return func(ctx context.Context) error {
		port, err := number(action.Port, ports)
		if err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(address, port).String())
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// number resolves a port given by number or by the name of a container port.
func number(port intstr.IntOrString, ports []corev1.ContainerPort) (uint16, error) {
	value := port.IntValue() // of a name that is a number too, as "8080"
	if port.Type == intstr.String && value == 0 {
		for _, p := range ports {
			if p.Name == port.StrVal {
				value = int(p.ContainerPort)
			}
		}
	}
	if value < 1 || value > 65535 {
		return 0, fmt.Errorf("port %q is neither a number nor the name of a port of the container", port.String())
	}
	return uint16(value), nil
}

// Run asks by check until ctx ends: first after the initial delay, then every
// period, each time for at most the timeout. It starts from "not ready", and
// calls report when the thresholds turn that over, with the error behind it. A
// field of spec that is zero has the API's default.
func Run(ctx context.Context, spec *corev1.Probe, check Check, report func(ready bool, cause error)) {
	threshold := NewThreshold(spec)
	if !wait(ctx, seconds(spec.InitialDelaySeconds, 0)) {
		return
	}
	period := time.NewTicker(seconds(spec.PeriodSeconds, 10))
	defer period.Stop()
	for {
		err := once(ctx, seconds(spec.TimeoutSeconds, 1), check)
		if ctx.Err() != nil {
			return
		}
		if ready, changed := threshold.Add(err == nil); changed {
			report(ready, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-period.C:
		}
	}
}

func once(ctx context.Context, timeout time.Duration, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return check(ctx)
}

func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func seconds(value int32, unset int) time.Duration {
	if value <= 0 {
		return time.Duration(unset) * time.Second
	}
	return time.Duration(value) * time.Second
}
