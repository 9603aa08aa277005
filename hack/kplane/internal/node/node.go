// SPDX-License-Identifier: Apache-2.0

// Package node is a Kubernetes node without a container runtime, and the
// cluster's load balancer and ingress controller with it:
//
//	Pods                   real listeners, or real processes, on an address each; real readiness probes
//	Services LoadBalancer  an address each and a TCP proxy to the ready endpoints
//	Ingresses              two addresses in every status, and HTTP routed by host and path
//
// It knows one cluster through its API and survives that API's absence: what runs
// goes on, what changed is made up for later. It does not build control planes.
// `kplane node` runs it.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// IgnoreAnnotation, with the value "true" on an Ingress or a Service, makes the
// node leave it alone: no address, no routing. For tests that write the status.
const IgnoreAnnotation = "kplane.meridian.dev/ignore"

// Config is what New needs; all fields are required but LogDir and AddressesOnly.
type Config struct {
	Cluster  string // name, as pods tell it
	Client   kubernetes.Interface
	Plan     addresses.Plan
	HTTPPort int // of the ingress role
	Spawner  *spawn.Spawner
	LogDir   string // output of pods' processes; empty: thrown away
	Log      *slog.Logger
	// AddressesOnly is for clusters whose nodes are kubelets: this one then is no
	// Node, runs no Pods and proxies nothing. It gives LoadBalancer Services their
	// addresses, which kube-proxy forwards, and serves Ingresses.
	AddressesOnly bool
}

// A Node is the node of one cluster. Make it with New; it runs once.
type Node struct {
	config        Config
	informers     informers.SharedInformerFactory
	pods          *pods // nil with AddressesOnly
	loadBalancers *loadBalancers
	ingress       *ingress
	queues        []*queue
}

// New prepares the node. It neither asks the API nor listens yet.
func New(config Config) (*Node, error) {
	if config.Cluster == "" || config.Client == nil || config.Spawner == nil || config.Log == nil {
		return nil, errors.New("node: Cluster, Client, Spawner and Log are required")
	}
	if config.HTTPPort < 1 || config.HTTPPort > 65535 {
		return nil, fmt.Errorf("node: HTTP port %d: want 1 to 65535", config.HTTPPort)
	}
	factory := informers.NewSharedInformerFactory(config.Client, 0)
	n := &Node{config: config, informers: factory}
	slices := factory.Discovery().V1().EndpointSlices().Informer()
	if err := slices.AddIndexers(cache.Indexers{byService: indexByService}); err != nil {
		return nil, err
	}
	services := factory.Core().V1().Services()
	backends := &backends{services: services.Lister(), slices: slices.GetIndexer(), plan: config.Plan}

	if !config.AddressesOnly {
		n.pods = newPods(config, factory.Core().V1().Pods().Lister())
		if err := n.watch("pods", factory.Core().V1().Pods().Informer(), n.pods.reconcile); err != nil {
			return nil, err
		}
	}
	n.loadBalancers = newLoadBalancers(config, backends)
	n.ingress = newIngress(config, factory.Networking().V1().Ingresses().Lister(), backends)
	if err := n.watch("services", services.Informer(), n.loadBalancers.reconcile); err != nil {
		return nil, err
	}
	return n, n.watch("ingresses", factory.Networking().V1().Ingresses().Informer(), n.ingress.reconcile)
}

// watch adds the queue of one kind.
func (n *Node) watch(kind string, informer cache.SharedIndexInformer, reconcile func(context.Context, string) error) error {
	q, err := newQueue(kind, informer, reconcile, n.config.Log)
	if err != nil {
		return err
	}
	n.queues = append(n.queues, q)
	return nil
}

// Run runs the node until ctx ends; then it stops its pods and closes all
// listeners. It fails only if the ingress addresses cannot be listened on.
func (n *Node) Run(ctx context.Context) error {
	if !n.config.AddressesOnly {
		if err := n.register(ctx); err != nil {
			return nil // ctx ended before the API answered
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	n.informers.Start(ctx.Done())
	defer n.informers.Shutdown() // which waits for their end
	defer cancel(nil)
	for kind, synced := range n.informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			n.config.Log.Info("stopped before the cache was filled", "kind", kind.String())
			return nil
		}
	}
	// Addresses given out by an earlier run stay with their owners.
	n.loadBalancers.adopt()
	defer n.loadBalancers.close()
	if n.pods != nil {
		n.pods.adopt()
		defer n.pods.close()
	}

	var wg sync.WaitGroup
	for _, q := range n.queues {
		wg.Go(func() { q.run(ctx) })
	}
	wg.Go(func() {
		if err := n.ingress.serve(ctx); err != nil {
			cancel(err)
		}
	})
	n.config.Log.Info("node runs", "cluster", n.config.Cluster, "pods", n.config.Plan.Pods(),
		"load_balancers", n.config.Plan.LoadBalancers(), "ingress", n.config.Plan.Ingress(), "http_port", n.config.HTTPPort)
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// pause waits for d, and is false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
