// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
)

// podNamespace is where Kubernetes tells a Pod its own namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// source is where objects come from.
type source struct {
	clusterID string
	believed  bool         // clusterID is that of the saved world, and the API was not asked yet
	rest      *rest.Config // nil: files
	namespace string       // of our Lease and Service
	service   types.NamespacedName
}

// openSource finds the API server and the identity of the cluster, or the folder.
// With a saved world the identity is the one that it has, and is verified later.
func (p *process) openSource(ctx context.Context, saved *gslb.Saved) (source, error) {
	s := p.settings
	src := source{clusterID: s.ClusterID, namespace: s.Namespace}
	if s.Manifests != "" {
		if fi, err := os.Stat(s.Manifests); err != nil {
			return src, fmt.Errorf("--manifests: %w", err)
		} else if !fi.IsDir() {
			return src, fmt.Errorf("--manifests: %s is a file; name the folder of the manifests", s.Manifests)
		}
		return src, nil
	}
	cfg, namespace, err := restConfig(s.Kubeconfig, s.Context)
	if err != nil {
		return src, err
	}
	src.rest = cfg
	if err := p.prepareClients(); err != nil {
		return src, err
	}
	if src.namespace == "" {
		src.namespace = namespace
	}
	if namespace, name, ok := strings.Cut(s.Service, "/"); ok {
		src.service = types.NamespacedName{Namespace: namespace, Name: name}
	} else if s.Service != "" {
		src.service = types.NamespacedName{Namespace: src.namespace, Name: s.Service}
	}
	switch {
	case src.clusterID != "":
	case saved != nil:
		src.clusterID, src.believed = saved.ClusterID, true
	default:
		src.clusterID, err = controllers.WaitClusterID(ctx, cfg, p.log)
	}
	return src, err
}

// http2Timeouts let the API client notice within seconds that its connection is
// silently cut (client-go's defaults take up to 45 s). They are read from the
// environment when the first client is made.
var http2Timeouts = map[string]string{
	"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "5",
	"HTTP2_PING_TIMEOUT_SECONDS":      "3",
}

// prepareClients sets what client libraries take from the process as a whole:
// their time-outs, unless the operator did, and where they log.
func (p *process) prepareClients() error {
	for name, value := range http2Timeouts {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	log := p.log.With("component", "kubernetes")
	klog.SetSlogLogger(log)
	ctrllog.SetLogger(logr.FromSlogHandler(log.Handler()))
	return nil
}

// restConfig reads the kubeconfig that was named, else the Pod's own account,
// else what kubectl would use; and the namespace that goes with it.
func restConfig(file, contextName string) (*rest.Config, string, error) {
	if file == "" && contextName == "" {
		if cfg, err := rest.InClusterConfig(); err == nil {
			b, err := os.ReadFile(podNamespace)
			if err != nil {
				return nil, "", fmt.Errorf("the Pod's namespace cannot be read; give --namespace: %w", err)
			}
			return cfg, strings.TrimSpace(string(b)), nil
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	cc := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
	cfg, err := cc.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("no Kubernetes to read from: give --kubeconfig, run in a Pod, or read files with --manifests: %w", err)
	}
	namespace, _, err := cc.Namespace()
	return cfg, namespace, err
}
