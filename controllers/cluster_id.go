// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ClusterID gives the identity of the cluster behind an API server: the UID of namespace
// kube-system. It asks once, for at most five seconds.
func ClusterID(ctx context.Context, cfg *rest.Config) (string, error) {
	scheme, err := NewScheme()
	if err != nil {
		return "", err
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme, Mapper: newMapper(), Log: silent()})
	if err != nil {
		return "", fmt.Errorf("connecting to the Kubernetes API: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var ns corev1.Namespace
	if err := c.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, &ns); err != nil {
		return "", fmt.Errorf("reading the UID of namespace %s, which identifies the cluster (--cluster-id gives it without asking): %w", metav1.NamespaceSystem, err)
	}
	if ns.UID == "" {
		return "", fmt.Errorf("namespace %s has no UID; give --cluster-id", metav1.NamespaceSystem)
	}
	return string(ns.UID), nil
}

// WaitClusterID is [ClusterID], tried until it works or ctx ends. The log tells when it
// first fails and when it works after that.
func WaitClusterID(ctx context.Context, cfg *rest.Config, log *slog.Logger) (string, error) {
	pause := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 32, Cap: 10 * time.Second}
	for first := true; ; first = false {
		id, err := ClusterID(ctx, cfg)
		switch {
		case err == nil:
			if !first {
				log.Info("the Kubernetes API answers", "cluster_id", id)
			}
			return id, nil
		case ctx.Err() != nil:
			return "", errors.Join(ctx.Err(), err)
		case first:
			log.Error("the identity of the cluster cannot be read yet; trying again", "server", cfg.Host, "error", err)
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), err)
		case <-time.After(pause.Step()):
		}
	}
}
