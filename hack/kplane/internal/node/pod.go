// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/probe"
)

// A container runs one container of a pod until ctx ends, and returns when
// nothing of it is left. It reports each change of its state.
type container interface {
	run(ctx context.Context, report func(state))
}

// A state is what a container says of itself.
type state struct {
	started  time.Time // zero: it does not run
	reason   string    // why it does not run, a word as in kubectl get pods
	message  string    // and a sentence
	restarts int32
	exited   bool // it ended and will not run again
	exitCode int32
}

func (s state) running() bool { return !s.started.IsZero() }

// A runningPod is a pod that runs here: its containers, their probes, and the
// status that is told to the API.
type runningPod struct {
	config  Config
	pod     *corev1.Pod // as it was when it started; its spec does not change
	address netip.Addr  // where it listens
	started metav1.Time
	grace   time.Duration // set before stop is called
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup
	changed chan struct{} // one place: something to publish

	mu         sync.Mutex
	states     []state
	ready      []bool  // by its probe, or because it runs and has none
	causes     []error // why it is not ready
	conditions []corev1.PodCondition
}

// startPod starts the pod's containers and returns at once.
func startPod(ctx context.Context, config Config, pod *corev1.Pod, address netip.Addr) *runningPod {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &runningPod{
		config:     config,
		pod:        pod,
		address:    address,
		started:    metav1.Now(),
		cancel:     cancel,
		changed:    make(chan struct{}, 1),
		states:     make([]state, len(pod.Spec.Containers)),
		ready:      make([]bool, len(pod.Spec.Containers)),
		causes:     make([]error, len(pod.Spec.Containers)),
		conditions: pod.Status.Conditions,
	}
	for i := range pod.Spec.Containers {
		p.states[i] = state{reason: "ContainerCreating"}
		p.work.Go(func() { p.runContainer(ctx, i) })
	}
	p.work.Go(func() { p.publish(ctx) })
	p.touch()
	return p
}

// update takes notice of the pod's newest object: its readiness gates depend on it.
func (p *runningPod) update(pod *corev1.Pod) {
	if len(p.pod.Spec.ReadinessGates) == 0 {
		return
	}
	p.mu.Lock()
	p.conditions = pod.Status.Conditions
	p.mu.Unlock()
	p.touch()
}

// stop ends the containers, with p.grace for their processes, and waits for them.
func (p *runningPod) stop() {
	p.cancel(graceful(p.grace))
	p.work.Wait()
}

// graceful is the cause of a pod's end: how long its processes may take.
type graceful time.Duration

// Error implements error.
func (g graceful) Error() string { return "the pod is stopped" }

func (p *runningPod) touch() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *runningPod) runContainer(ctx context.Context, i int) {
	spec := &p.pod.Spec.Containers[i]
	var probing sync.WaitGroup
	stopProbe := func() {}
	report := func(s state) {
		p.set(i, func() { p.states[i] = s })
		stopProbe()
		probing.Wait() // an old probe must not speak for the new run
		p.set(i, func() { p.ready[i], p.causes[i] = s.running() && spec.ReadinessProbe == nil, nil })
		if !s.running() || spec.ReadinessProbe == nil {
			stopProbe = func() {}
			return
		}
		var probeCtx context.Context
		probeCtx, stopProbe = context.WithCancel(ctx)
		probing.Go(func() { p.probe(probeCtx, i, spec) })
	}
	newContainer(p.config, p.pod, spec, p.address).run(ctx, report)
	stopProbe()
	probing.Wait()
}

func (p *runningPod) probe(ctx context.Context, i int, spec *corev1.Container) {
	check := probe.New(spec.ReadinessProbe, p.address, spec.Ports)
	probe.Run(ctx, spec.ReadinessProbe, check, func(ready bool, cause error) {
		p.set(i, func() { p.ready[i], p.causes[i] = ready, cause })
		p.config.Log.Info("container readiness changed", "pod", p.pod.Namespace+"/"+p.pod.Name,
			"container", spec.Name, "ready", ready, "cause", cause)
	})
}

func (p *runningPod) set(i int, change func()) {
	p.mu.Lock()
	change()
	p.mu.Unlock()
	p.touch()
}

func newContainer(config Config, pod *corev1.Pod, spec *corev1.Container, address netip.Addr) container {
	if len(spec.Command) > 0 {
		return &processContainer{config: config, pod: pod, spec: spec, address: address}
	}
	return &httpContainer{config: config, pod: pod, spec: spec, address: address}
}

func deletionGrace(pod *corev1.Pod) time.Duration {
	if pod.DeletionGracePeriodSeconds == nil {
		return 0
	}
	return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
}
