// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// publish writes the pod's status when it changed, until ctx ends. A write that
// fails is tried again; meanwhile later changes join it.
func (p *runningPod) publish(ctx context.Context) {
	var written corev1.PodStatus
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		}
		status := p.status(written.Conditions)
		if apiequality.Semantic.DeepEqual(status, written) {
			continue
		}
		err := p.write(ctx, status)
		switch {
		case err == nil:
			written = status
			failing = false
		case ctx.Err() != nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err):
			// it is gone; its end will be told
		default:
			if !failing {
				failing = true
				p.config.Log.Warn("pod status not written, trying again", "pod", p.pod.Namespace+"/"+p.pod.Name, "error", err)
			}
			if pause(ctx, 200*time.Millisecond) {
				p.touch()
			}
		}
	}
}

func (p *runningPod) write(ctx context.Context, status corev1.PodStatus) error {
	patch, err := statusPatch(p.pod.UID, status)
	if err != nil {
		return err
	}
	_, err = p.config.Client.CoreV1().Pods(p.pod.Namespace).Patch(ctx, p.pod.Name,
		types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// statusPatch is for this very pod, not its successor of the same name. A patch
// merges conditions field by field, so a reason or message that is no longer true
// is named and null.
func statusPatch(uid types.UID, status corev1.PodStatus) ([]byte, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, err
	}
	conditions, _, err := unstructured.NestedSlice(content, "conditions")
	if err != nil {
		return nil, err
	}
	for _, c := range conditions {
		fields, _ := c.(map[string]any)
		for _, name := range []string{"reason", "message"} {
			if _, ok := fields[name]; !ok {
				fields[name] = nil
			}
		}
	}
	content["conditions"] = conditions
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid}, "status": content})
}

// status describes the pod as it is now. A condition that did not change since
// before keeps its time.
func (p *runningPod) status(before []corev1.PodCondition) corev1.PodStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	reported := p.config.Plan.Reported(p.address).String()
	host := p.config.Plan.Reported(p.config.Plan.API()).String()
	status := corev1.PodStatus{
		Phase:     p.phase(),
		PodIP:     reported,
		PodIPs:    []corev1.PodIP{{IP: reported}},
		HostIP:    host,
		HostIPs:   []corev1.HostIP{{IP: host}},
		StartTime: &p.started,
	}
	containersReady, reason, message := true, "", ""
	for i := range p.pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, p.containerStatus(i))
		if !p.ready[i] {
			containersReady, reason = false, "ContainersNotReady"
			message = p.notReady(i)
		}
	}
	ready := containersReady
	for _, gate := range p.pod.Spec.ReadinessGates {
		if containersReady && !hasCondition(p.conditions, gate.ConditionType) {
			ready, reason = false, "ReadinessGatesNotReady"
			message = fmt.Sprintf("the condition %q is not True", gate.ConditionType)
		}
	}
	add := func(kind corev1.PodConditionType, value bool, reason, message string) {
		status.Conditions = append(status.Conditions, condition(before, kind, value, reason, message))
	}
	add(corev1.PodInitialized, true, "", "")
	if containersReady {
		add(corev1.ContainersReady, true, "", "")
	} else {
		add(corev1.ContainersReady, false, reason, message)
	}
	add(corev1.PodReady, ready, reason, message)
	return status
}

func (p *runningPod) phase() corev1.PodPhase {
	failed := false
	for _, s := range p.states {
		if !s.exited {
			if slices.ContainsFunc(p.states, func(s state) bool { return s.running() || s.restarts > 0 || s.exited }) {
				return corev1.PodRunning
			}
			return corev1.PodPending
		}
		failed = failed || s.exitCode != 0
	}
	if failed {
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func (p *runningPod) containerStatus(i int) corev1.ContainerStatus {
	spec, s := &p.pod.Spec.Containers[i], p.states[i]
	running := s.running()
	status := corev1.ContainerStatus{
		Name: spec.Name, Image: spec.Image, Ready: p.ready[i], Started: &running, RestartCount: s.restarts,
	}
	switch {
	case running:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(s.started)}
	case s.exited:
		status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: s.exitCode, Reason: s.reason, Message: s.message}
	default:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: s.reason, Message: s.message}
	}
	return status
}

// notReady says why a container is not ready, for the pod's condition.
func (p *runningPod) notReady(i int) string {
	name := p.pod.Spec.Containers[i].Name
	switch {
	case !p.states[i].running():
		return fmt.Sprintf("container %s does not run: %s", name, p.states[i].reason)
	case p.causes[i] != nil:
		return fmt.Sprintf("container %s: readiness probe: %v", name, p.causes[i])
	}
	return fmt.Sprintf("container %s: its readiness probe has not succeeded yet", name)
}

func condition(before []corev1.PodCondition, kind corev1.PodConditionType, value bool, reason, message string) corev1.PodCondition {
	c := corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: metav1.Now(),
	}
	if value {
		c.Status = corev1.ConditionTrue
	}
	for _, old := range before {
		if old.Type == kind && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return c
}

func hasCondition(conditions []corev1.PodCondition, kind corev1.PodConditionType) bool {
	return slices.ContainsFunc(conditions, func(c corev1.PodCondition) bool {
		return c.Type == kind && c.Status == corev1.ConditionTrue
	})
}
