// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// controlPlaneEvery is how often it is asked whether the API server only hands objects on.
// A start waits for the answer no longer than controlPlaneWait.
const (
	controlPlaneEvery = time.Minute
	controlPlaneWait  = 3 * time.Second
)

// karmadaGroup is the API group that Karmada's own API server has, and no member.
const karmadaGroup = "work.karmada.io"

// observeControlPlane asks whether this API server has no nodes and hands objects on to
// member clusters. Its templates have the addresses of all members in one status, so that
// nothing here may be offered. Where that cannot be told, what was known stays.
func (c *Controllers) observeControlPlane(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, controlPlaneWait)
	defer cancel()
	is, err := c.api.controlPlane(ctx)
	if err != nil || c.collector.templates.Swap(is) == is {
		return
	}
	if is {
		c.cfg.Logger.Warn("this API server has no nodes and hands objects on to member clusters: nothing of it is offered", "do", "run Meridian in the members")
	} else {
		c.cfg.Logger.Info("this API server is that of a cluster with nodes: its objects are offered")
	}
	all, err := c.collector.gslbs(ctx)
	if err != nil {
		return
	}
	for _, key := range all {
		c.collector.add(item{key})
	}
	c.tellAll(ctx)
}

// watchControlPlane asks again and again, until ctx ends.
func (c *Controllers) watchControlPlane(ctx context.Context) error {
	every := time.NewTicker(controlPlaneEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			c.observeControlPlane(ctx)
		}
	}
}

// controlPlane reports that the API server has Karmada's group and no node. Everybody who is
// known to an API server may ask for its groups.
func (a *api) controlPlane(ctx context.Context) (bool, error) {
	err := a.kube.Discovery().RESTClient().Get().AbsPath("/apis/" + karmadaGroup).Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	var nodes corev1.NodeList
	if err := a.direct.List(ctx, &nodes, client.Limit(1)); err != nil {
		return false, err
	}
	return len(nodes.Items) == 0, nil
}
