// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/node"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// runNode runs the node of one cluster until it is told to stop.
func runNode(ctx context.Context, args []string) int {
	fs := flag.NewFlagSet("kplane node", flag.ContinueOnError)
	config := node.Config{}
	fs.StringVar(&config.Cluster, "cluster", "", "name of the cluster (required)")
	kubeconfig := fs.String("kubeconfig", "", "access to its API (required)")
	network := fs.String("network", "", "the cluster's /24, such as 127.0.71.0/24 (required)")
	fs.BoolVar(&config.AddressesOnly, "addresses-only", false,
		"run no Pods and proxy nothing: only give addresses to LoadBalancer Services, for kube-proxy to forward, and serve Ingresses")
	fs.IntVar(&config.HTTPPort, "http-port", 8080, "port of the ingress addresses")
	fs.StringVar(&config.LogDir, "log-dir", "", "folder for the output of pods' processes; empty: thrown away")
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage // fs has said why
	}
	prefix, err := netip.ParsePrefix(*network)
	if err == nil {
		config.Plan, err = addresses.NewPlan(prefix.Addr(), 0)
	}
	if config.AddressesOnly {
		config.Plan = config.Plan.WithExternalNodes()
	}
	if err == nil {
		config.Client, err = client(*kubeconfig)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kplane node:", err)
		return exitUsage
	}
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	config.Spawner = spawn.New()
	defer config.Spawner.Close()
	n, err := node.New(config)
	if err == nil {
		err = n.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kplane node:", err)
		return exitFailed
	}
	return exitOK
}

func client(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return kubernetes.NewForConfig(config)
}
