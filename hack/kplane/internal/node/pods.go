// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
)

// closeGrace is for the processes of pods when the node itself is stopped.
const closeGrace = 2 * time.Second

// pods binds the cluster's Pods to this node, runs them, and removes them. The
// events of a Pod's life:
//
//  1. it has no node: it is bound to this one, which is all the scheduling there is
//  2. it is bound here: it gets an address and runs
//  3. it is being deleted: it is stopped within its grace, then its object is removed
//  4. its object is gone, or there is another of that name: it is stopped
type pods struct {
	config  Config
	lister  corelisters.PodLister
	pool    *addresses.Pool
	running map[string]*runningPod // by key; only reconcile and close use it

	ending   sync.WaitGroup
	mu       sync.Mutex
	stopping map[types.UID]bool // pods that end in the background
}

func newPods(config Config, lister corelisters.PodLister) *pods {
	return &pods{
		config:   config,
		lister:   lister,
		pool:     addresses.NewPool(config.Plan.Pods()),
		running:  map[string]*runningPod{},
		stopping: map[types.UID]bool{},
	}
}

// adopt keeps the addresses of the Pods that an earlier run reported.
func (p *pods) adopt() {
	all, err := p.lister.List(labels.Everything())
	if err != nil {
		return // a lister of a filled cache has no errors
	}
	for _, pod := range all {
		reported, err := netip.ParseAddr(pod.Status.PodIP)
		if err != nil || pod.Spec.NodeName != p.config.name() || finished(pod) {
			continue
		}
		if address, ok := p.config.Plan.Listening(reported); ok {
			p.pool.Claim(address, string(pod.UID))
		}
	}
}

func (p *pods) reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	pod, err := p.lister.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		p.end(key, nil)
		return nil
	}
	if err != nil {
		return err
	}
	if old := p.running[key]; old != nil && old.pod.UID != pod.UID {
		p.end(key, nil)
	}
	switch {
	case pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil:
		return p.bind(ctx, pod)
	case pod.Spec.NodeName != p.config.name():
		return nil
	case pod.DeletionTimestamp != nil:
		return p.remove(ctx, key, pod)
	case p.running[key] != nil:
		p.running[key].update(pod)
		return nil
	case finished(pod):
		return nil
	}
	return p.start(ctx, key, pod)
}

func (p *pods) bind(ctx context.Context, pod *corev1.Pod) error {
	if pod.Spec.SchedulerName != corev1.DefaultSchedulerName || len(pod.Spec.SchedulingGates) > 0 {
		return nil
	}
	err := p.config.Client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: p.config.name()},
	}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // deleted or bound meanwhile; the cache will say so
	}
	return err
}

func (p *pods) start(ctx context.Context, key string, pod *corev1.Pod) error {
	address, err := p.pool.Take(string(pod.UID))
	if err != nil {
		return fmt.Errorf("no address for the pod: %w", err)
	}
	// The pod outlives this call, and ends with end or close.
	p.running[key] = startPod(context.WithoutCancel(ctx), p.config, pod.DeepCopy(), address)
	return nil
}

// remove stops the pod and then deletes its object, without waiting for either.
func (p *pods) remove(ctx context.Context, key string, pod *corev1.Pod) error {
	deleteObject := func() error {
		err := p.config.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To[int64](0),
			Preconditions:      &metav1.Preconditions{UID: &pod.UID},
		})
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil
		}
		return err
	}
	if running := p.running[key]; running != nil {
		running.grace = deletionGrace(pod)
		p.end(key, func() {
			if err := deleteObject(); err != nil && ctx.Err() == nil {
				p.config.Log.Warn("pod stopped but not deleted", "pod", key, "error", err)
			}
		})
		return nil
	}
	if p.isStopping(pod.UID) {
		return nil // its end deletes it
	}
	p.pool.Release(string(pod.UID)) // adopted, but not started before the deletion
	return deleteObject()
}

// end stops a pod in the background, gives its address back, and calls then.
func (p *pods) end(key string, then func()) {
	running := p.running[key]
	if running == nil {
		return
	}
	delete(p.running, key)
	uid := running.pod.UID
	p.setStopping(uid, true)
	p.ending.Go(func() {
		defer p.setStopping(uid, false)
		running.stop()
		p.pool.Release(string(uid))
		if then != nil {
			then()
		}
	})
}

func (p *pods) isStopping(uid types.UID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping[uid]
}

func (p *pods) setStopping(uid types.UID, stopping bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stopping {
		p.stopping[uid] = true
	} else {
		delete(p.stopping, uid)
	}
}

// close stops all pods; their objects stay, for the next run.
func (p *pods) close() {
	for key, running := range p.running {
		running.grace = closeGrace
		p.end(key, nil)
	}
	p.ending.Wait()
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
