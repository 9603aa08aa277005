// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// name is what the Node object is called: one node per cluster.
func (c Config) name() string { return c.Cluster + "-node" }

// register creates the Node, or finds it, and makes it Ready. It tries until it
// can; the error is ctx's. There is no heartbeat: no controller looks for it, and
// a quiet cluster should see no writes.
func (n *Node) register(ctx context.Context) error {
	failing := false
	for {
		err := n.registerOnce(ctx)
		if err == nil {
			return nil
		}
		if !failing {
			failing = true
			n.config.Log.Info("registering the node, until the API server answers", "error", err)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (n *Node) registerOnce(ctx context.Context) error {
	nodes := n.config.Client.CoreV1().Nodes()
	_, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: n.config.name(),
		Labels: map[string]string{
			corev1.LabelHostname:       n.config.name(),
			corev1.LabelOSStable:       "linux",
			corev1.LabelTopologyZone:   n.config.Cluster,
			corev1.LabelTopologyRegion: n.config.Cluster,
		},
	}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"status": n.status()})
	if err != nil {
		return err
	}
	_, err = nodes.Patch(ctx, n.config.name(), types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

func (n *Node) status() corev1.NodeStatus {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("64"),
		corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods:   resource.MustParse("126"),
	}
	now := metav1.Now()
	return corev1.NodeStatus{
		Addresses: []corev1.NodeAddress{{
			Type: corev1.NodeInternalIP, Address: n.config.Plan.Reported(n.config.Plan.API()).String(),
		}},
		Capacity:    resources,
		Allocatable: resources,
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "NodeRuns",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "kplane", OperatingSystem: "linux"},
	}
}
