// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/route"
)

// ingress is the cluster's ingress controller: it writes the cluster's two
// ingress addresses into the status of every Ingress, whatever its class, and
// routes plain HTTP that arrives there.
type ingress struct {
	config  Config
	lister  networkinglisters.IngressLister
	handler *gateway
}

func newIngress(config Config, lister networkinglisters.IngressLister, backends *backends) *ingress {
	return &ingress{config: config, lister: lister, handler: newGateway(config.Cluster, backends.ready)}
}

func (i *ingress) reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	if err := i.rebuild(); err != nil {
		return err
	}
	object, err := i.lister.Ingresses(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || !i.wanted(object) || i.published(object) {
		return err
	}
	return i.publish(ctx, object)
}

// rebuild makes the routing table of what the cache has now.
func (i *ingress) rebuild() error {
	all, err := i.lister.List(labels.Everything())
	if err != nil {
		return err
	}
	i.handler.table.Store(route.Build(slices.DeleteFunc(all, func(object *networkingv1.Ingress) bool {
		return !i.wanted(object)
	})))
	return nil
}

func (i *ingress) wanted(object *networkingv1.Ingress) bool {
	return object.DeletionTimestamp == nil && object.Annotations[IgnoreAnnotation] != "true"
}

func (i *ingress) published(object *networkingv1.Ingress) bool {
	want := i.config.Plan.Ingress()
	have := object.Status.LoadBalancer.Ingress
	return len(have) == len(want) && !slices.ContainsFunc(have, func(h networkingv1.IngressLoadBalancerIngress) bool {
		address, err := netip.ParseAddr(h.IP)
		return err != nil || !slices.Contains(want, address)
	})
}

func (i *ingress) publish(ctx context.Context, object *networkingv1.Ingress) error {
	var status []networkingv1.IngressLoadBalancerIngress
	for _, address := range i.config.Plan.Ingress() {
		status = append(status, networkingv1.IngressLoadBalancerIngress{IP: address.String()})
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": object.UID},
		"status":   map[string]any{"loadBalancer": map[string]any{"ingress": status}},
	})
	if err != nil {
		return err
	}
	_, err = i.config.Client.NetworkingV1().Ingresses(object.Namespace).Patch(ctx, object.Name,
		types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another of its name is there; the cache will say so
	}
	return err
}

// serve listens on the ingress addresses until ctx ends.
func (i *ingress) serve(ctx context.Context) error {
	server := &http.Server{Handler: i.handler, ReadHeaderTimeout: 10 * time.Second}
	var listeners []net.Listener
	for _, address := range i.config.Plan.Ingress() {
		at := netip.AddrPortFrom(address, uint16(i.config.HTTPPort))
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.String())
		if err != nil {
			for _, l := range listeners {
				err = errors.Join(err, l.Close())
			}
			return err
		}
		listeners = append(listeners, l)
	}
	failures := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failures <- server.Serve(l) }()
	}
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-failures:
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(deadline) != nil {
		return errors.Join(failure, server.Close())
	}
	return failure
}
