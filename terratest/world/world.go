// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// World is a running playground. It is safe for concurrent use.
type World struct {
	Config
	Clusters []*Cluster
	Edge     Server
	Recorder *Recorder
}

// Cluster is one cluster of the playground, with Meridian in it.
type Cluster struct {
	Name    string // as the provider script knows it, such as test-gslb1
	Context string // of the kubeconfig
	GeoTag  string
	DNS     Server
	HTTP    string // HOST:PORT where its Ingresses are reached
	API     client.Client
	Core    kubernetes.Interface
}

// Server is a DNS server with the name that steps and messages give it.
type Server struct{ Name, Addr string }

// callTime bounds one call of an API server.
const callTime = 10 * time.Second

// Open finds the playground and sees that all of it answers. The error says all
// that does not, and how to get one.
func Open(ctx context.Context, config Config) (*World, error) {
	w := &World{Config: config, Edge: Server{"edge", config.EdgeDNS}, Recorder: NewRecorder()}
	if _, err := os.Stat(config.Kubeconfig); err != nil {
		return nil, absent(err)
	}
	raw, err := clientcmd.LoadFromFile(config.Kubeconfig)
	if err != nil {
		return nil, absent(err)
	}
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s%d", config.ContextPrefix, i+1)
		if raw.Contexts[name] == nil {
			break
		}
		if i >= min(len(config.GeoTags), len(config.ClustersDNS), len(config.ClustersHTTP)) {
			return nil, fmt.Errorf("cluster %s: GEO_TAGS, CLUSTERS_DNS and CLUSTERS_HTTP need one for each cluster", name)
		}
		c, err := connect(config, name, i)
		if err != nil {
			return nil, absent(err)
		}
		w.Clusters = append(w.Clusters, c)
	}
	if len(w.Clusters) == 0 {
		return nil, absent(fmt.Errorf("%s has no context %s1", config.Kubeconfig, config.ContextPrefix))
	}
	if err := w.answers(ctx); err != nil {
		return nil, absent(err)
	}
	return w, nil
}

func absent(err error) error {
	return fmt.Errorf("no playground is up (make deploy-full-local-setup makes one): %w", err)
}

// connect makes the clients of one cluster.
func connect(config Config, contextName string, i int) (*Cluster, error) {
	rest, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: config.Kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: contextName}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %s: %w", contextName, err)
	}
	rest.QPS, rest.Burst = 200, 400
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), gslbv1beta1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	api, err := client.New(rest, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("context %s: %w", contextName, err)
	}
	core, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("context %s: %w", contextName, err)
	}
	tag := config.GeoTags[i]
	return &Cluster{
		Name: strings.TrimPrefix(contextName, "k3d-"), Context: contextName, GeoTag: tag,
		DNS: Server{tag, config.ClustersDNS[i]}, HTTP: config.ClustersHTTP[i], API: api, Core: core,
	}, nil
}

// answers sees that every API server and every DNS server answers.
func (w *World) answers(ctx context.Context) error {
	var errs []error
	for _, c := range w.Clusters {
		callCtx, cancel := context.WithTimeout(ctx, callTime)
		err := c.API.List(callCtx, &gslbv1beta1.GslbList{})
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("the API server of %s: %w", c.Name, err))
		}
	}
	for _, s := range w.Servers() {
		if got := s.Zone(ctx, w.Zone); got != "" {
			errs = append(errs, fmt.Errorf("the DNS server of %s (%s), asked for the zone %s: %s", s.Name, s.Addr, w.Zone, got))
		}
	}
	return errors.Join(errs...)
}

// Servers are the edge and the DNS server of every cluster.
func (w *World) Servers() []Server {
	return append([]Server{w.Edge}, ServersOf(w.Clusters...)...)
}

// ServersOf gives the DNS servers of some clusters.
func ServersOf(cs ...*Cluster) []Server {
	var out []Server
	for _, c := range cs {
		out = append(out, c.DNS)
	}
	return out
}

// Tags gives the geo tags of some clusters.
func Tags(cs ...*Cluster) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.GeoTag)
	}
	return out
}
