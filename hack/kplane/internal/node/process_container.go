// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A processContainer is a container with a command: a process of this machine,
// in this machine's file system, on the pod's address if it listens on POD_IP.
// It is started again by the pod's restart policy, at first after a second, then
// with growing delay up to ten.
type processContainer struct {
	config  Config
	pod     *corev1.Pod
	spec    *corev1.Container
	address netip.Addr
}

const (
	firstBackoff = time.Second
	maxBackoff   = 10 * time.Second
)

func (c *processContainer) run(ctx context.Context, report func(state)) {
	backoff := firstBackoff
	restarts := int32(0)
	for {
		began := time.Now()
		end := c.once(ctx, restarts, report)
		if ctx.Err() != nil {
			return
		}
		if end.exited {
			report(end)
			return
		}
		if time.Since(began) > time.Minute {
			backoff = firstBackoff
		}
		report(end)
		restarts = end.restarts
		if !pause(ctx, backoff) {
			return
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// once runs the process to its end and returns the state after it.
func (c *processContainer) once(ctx context.Context, restarts int32, report func(state)) state {
	waiting := func(reason string, err error) state {
		c.config.Log.Warn("pod's process cannot be started, trying again", "pod", c.pod.Namespace+"/"+c.pod.Name,
			"container", c.spec.Name, "error", err)
		return state{reason: reason, message: err.Error(), restarts: restarts}
	}
	cmd, output, err := c.command()
	if err != nil {
		return waiting("CreateContainerConfigError", err)
	}
	if output != nil {
		defer func() { _ = output.Close() }() // the process has its own
	}
	if err := c.config.Spawner.Start(cmd); err != nil {
		return waiting("RunContainerError", err)
	}
	report(state{started: time.Now(), restarts: restarts})
	exited := make(chan struct{})
	go func() {
		err = cmd.Wait()
		close(exited)
	}()
	select {
	case <-exited:
	case <-ctx.Done():
		c.terminate(ctx, cmd, exited)
		return state{}
	}
	return c.after(cmd, err, restarts)
}

func (c *processContainer) command() (*exec.Cmd, io.Closer, error) {
	env, err := environment(c.config, c.pod, c.spec, c.address)
	if err != nil {
		return nil, nil, err
	}
	var words []string
	for _, word := range append(append([]string{}, c.spec.Command...), c.spec.Args...) {
		words = append(words, expand(word, env))
	}
	cmd := exec.Command(words[0], words[1:]...) // #nosec G204 -- running what the Pod says is the purpose
	cmd.Dir = c.spec.WorkingDir
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if c.config.LogDir == "" {
		return cmd, nil, nil
	}
	if err := os.MkdirAll(c.config.LogDir, 0o755); err != nil {
		return nil, nil, err
	}
	name := fmt.Sprintf("%s_%s_%s.log", c.pod.Namespace, c.pod.Name, c.spec.Name)
	output, err := os.OpenFile(filepath.Join(c.config.LogDir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = output, output
	return cmd, output, nil
}

// terminate ends the process and its group: SIGTERM, and SIGKILL after the grace.
func (c *processContainer) terminate(ctx context.Context, cmd *exec.Cmd, exited <-chan struct{}) {
	var grace graceful
	_ = errors.As(context.Cause(ctx), &grace) // without one there is no grace
	// Errors of kill say that the group is gone.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT)
	timer := time.NewTimer(time.Duration(grace))
	defer timer.Stop()
	select {
	case <-exited:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // children that it left behind
	case <-timer.C:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	}
}

// after is the state between the end of a process and its next start, or for good.
func (c *processContainer) after(cmd *exec.Cmd, err error, restarts int32) state {
	code := int32(cmd.ProcessState.ExitCode())
	if code < 0 { // by a signal
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
			code = 128 + int32(status.Signal())
		}
	}
	c.config.Log.Info("pod's process ended", "pod", c.pod.Namespace+"/"+c.pod.Name, "container", c.spec.Name, "state", err)
	again := c.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways || c.pod.Spec.RestartPolicy == "" ||
		c.pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && code != 0
	if again {
		return state{reason: "CrashLoopBackOff", message: fmt.Sprintf("ended with code %d", code), restarts: restarts + 1}
	}
	end := state{exited: true, exitCode: code, restarts: restarts, reason: "Completed"}
	if code != 0 {
		end.reason = "Error"
	}
	return end
}
