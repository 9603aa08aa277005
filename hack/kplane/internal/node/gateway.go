// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/route"
)

// clusterHeader in every answer of the gateway says whose gateway it was.
const clusterHeader = "X-Kplane-Cluster"

// A gateway answers HTTP requests by a routing table that may change any time:
//
//	no rule matches              404
//	a rule, no ready endpoint    503, with the reason in the body
//	no endpoint that answers     502
//	else                         what an endpoint answers, each in its turn
type gateway struct {
	cluster   string
	table     atomic.Pointer[route.Table]
	endpoints func(namespace, service, portName string, portNumber int32) ([]netip.AddrPort, error)
	proxy     *httputil.ReverseProxy
	turn      atomic.Uint64
}

func newGateway(cluster string,
	endpoints func(namespace, service, portName string, portNumber int32) ([]netip.AddrPort, error)) *gateway {
	g := &gateway{cluster: cluster, endpoints: endpoints}
	g.table.Store(&route.Table{})
	g.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			targets := targetsOf(r.In.Context())
			r.SetURL(&url.URL{Scheme: "http", Host: targets[0].String()})
			r.Out.Host = r.In.Host // the pod sees the host that was asked
			r.SetXForwarded()
		},
		Transport: &nextTarget{base: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			MaxIdleConnsPerHost: 16,
		}},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, fmt.Sprintf("cluster %s: no endpoint answered: %v", cluster, err), http.StatusBadGateway)
		},
	}
	return g
}

// ServeHTTP passes a request on to a pod behind the Ingress that has a rule for it.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(clusterHeader, g.cluster)
	backend, ok := g.table.Load().Match(r.Host, r.URL.Path)
	if !ok {
		http.Error(w, fmt.Sprintf("cluster %s: no Ingress has a rule for %s%s", g.cluster, r.Host, r.URL.Path), http.StatusNotFound)
		return
	}
	targets, err := g.endpoints(backend.Namespace, backend.Service, backend.PortName, backend.PortNumber)
	if err != nil {
		http.Error(w, fmt.Sprintf("cluster %s: %v", g.cluster, err), http.StatusServiceUnavailable)
		return
	}
	first := int(g.turn.Add(1) % uint64(len(targets)))
	ordered := append(append([]netip.AddrPort{}, targets[first:]...), targets[:first]...)
	g.proxy.ServeHTTP(w, r.WithContext(withTargets(r.Context(), ordered)))
}

// nextTarget tries the request's other targets if one cannot be connected to. A
// request with a body is tried once, for the body is gone then.
type nextTarget struct {
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (n *nextTarget) RoundTrip(r *http.Request) (*http.Response, error) {
	targets := targetsOf(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		targets = targets[:1]
	}
	for i, target := range targets {
		attempt := r.Clone(r.Context())
		attempt.URL.Host = target.String()
		response, err := n.base.RoundTrip(attempt)
		var op *net.OpError
		if err == nil || i == len(targets)-1 || !errors.As(err, &op) || op.Op != "dial" {
			return response, err
		}
	}
	return nil, errors.New("no target") // ServeHTTP never passes an empty list
}

type targetsKey struct{}

func withTargets(ctx context.Context, targets []netip.AddrPort) context.Context {
	return context.WithValue(ctx, targetsKey{}, targets)
}

func targetsOf(ctx context.Context) []netip.AddrPort {
	targets, _ := ctx.Value(targetsKey{}).([]netip.AddrPort)
	return targets
}
