// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// kind is one watched kind: what of it is watched, and what is thrown away before it is kept.
type kind struct {
	object func() client.Object // an empty one
	labels labels.Selector      // nil: all objects
	strip  func(client.Object)
	// optional gives an empty list of a kind that others install, or not: where it does not
	// exist there are no objects of it, and nothing waits for them. nil: the kind is needed.
	optional func() runtime.Object
}

const installCRDs = "kubectl apply -f the CustomResourceDefinitions of Meridian (api/v1beta1/crds)"

// kinds lists what is watched. Nodes are watched only where they stand for other clusters.
func kinds() []kind {
	needed := func(object func() client.Object, labels labels.Selector, strip func(client.Object)) kind {
		return kind{object: object, labels: labels, strip: strip}
	}
	return []kind{
		needed(func() client.Object { return &gslbv1beta1.ZoneDelegation{} }, nil, stripNothing),
		needed(func() client.Object { return &corev1.Namespace{} }, nil, stripToLabels),
		needed(func() client.Object { return &corev1.Node{} },
			labels.SelectorFromSet(labels.Set{translate.VirtualNodeLabel: translate.VirtualNodeValue}), stripToLabels),
		needed(func() client.Object { return &corev1.Service{} }, nil, stripService),
		needed(func() client.Object { return &discoveryv1.EndpointSlice{} }, nil, stripSlice),
		needed(func() client.Object { return &networkingv1.Ingress{} }, nil, stripNothing),
		needed(func() client.Object { return &gslbv1beta1.Gslb{} }, nil, stripNothing),
		{
			object: func() client.Object { return &dnsendpoint.DNSEndpoint{} }, strip: stripLastApplied,
			labels:   labels.SelectorFromSet(labels.Set{gslbv1beta1.LabelServe: gslbv1beta1.ServeTrue}),
			optional: func() runtime.Object { return &dnsendpoint.List{} },
		},
	}
}

// stripNothing keeps all but the managed fields: objects that are written back whole.
func stripNothing(client.Object) {}

func stripToLabels(obj client.Object) {
	obj.SetAnnotations(nil)
	obj.SetOwnerReferences(nil)
	obj.SetFinalizers(nil)
	switch o := obj.(type) {
	case *corev1.Namespace:
		o.Spec, o.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
	case *corev1.Node:
		o.Spec, o.Status = corev1.NodeSpec{}, corev1.NodeStatus{}
	}
}

func stripService(obj client.Object) {
	stripLastApplied(obj)
	obj.SetOwnerReferences(nil)
	if s, ok := obj.(*corev1.Service); ok {
		s.Status.Conditions = nil
	}
}

// stripSlice keeps of each endpoint what says where it runs and whether it is ready.
func stripSlice(obj client.Object) {
	stripLastApplied(obj)
	obj.SetOwnerReferences(nil)
	s, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok {
		return
	}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		e.Hostname, e.Zone, e.Hints, e.DeprecatedTopology = nil, nil, nil, nil
	}
}

func stripLastApplied(obj client.Object) {
	annotations := obj.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	obj.SetAnnotations(annotations)
}

func transform(strip func(client.Object)) toolscache.TransformFunc {
	return func(in any) (any, error) {
		if obj, ok := in.(client.Object); ok {
			obj.SetManagedFields(nil)
			strip(obj)
		}
		return in, nil
	}
}

// sliceService is the index of EndpointSlices by the name of their Service.
const sliceService = "service"

func serviceOfSlice(obj client.Object) []string {
	if name := obj.GetLabels()[discoveryv1.LabelServiceName]; name != "" {
		return []string{name}
	}
	return nil
}

// newCache makes the cache. Objects in it are never changed, so none is copied on the
// way out; sources gets the source of each kind as its informer is made.
func (a *api) newCache(r *reach, log *slog.Logger, sources map[string]*source) (cache.Cache, error) {
	shared := true
	byObject := make(map[client.Object]cache.ByObject)
	optional := make(map[string]func() runtime.Object)
	for _, k := range kinds() {
		optional[kindName(k.object())] = k.optional
		byObject[k.object()] = cache.ByObject{Label: k.labels, Transform: transform(k.strip), UnsafeDisableDeepCopy: &shared}
	}
	return cache.New(a.reads, cache.Options{
		HTTPClient: a.http, Scheme: a.scheme, Mapper: a.mapper, ByObject: byObject, ReaderFailOnMissingInformer: true,
		NewInformer: func(lw toolscache.ListerWatcher, obj runtime.Object, resync time.Duration, ix toolscache.Indexers) toolscache.SharedIndexInformer {
			name := kindName(obj)
			s := &source{kind: name, hint: installCRDs, optional: optional[name], next: toolscache.ToListerWatcherWithContext(lw), reach: r, log: log}
			sources[name] = s
			return quietInformer{toolscache.NewSharedIndexInformer(s, obj, resync, ix), quiet(log)}
		},
		// Sources tell of errors, at their start and end.
		DefaultWatchErrorHandler: func(_ context.Context, _ *toolscache.Reflector, err error) {
			log.Debug("a watch ended", "error", err)
		},
	})
}

// quietInformer is an informer whose own log is heard at level debug only.
type quietInformer struct {
	toolscache.SharedIndexInformer
	log logr.Logger
}

// RunWithContext runs the informer with our logger in its context.
func (q quietInformer) RunWithContext(ctx context.Context) {
	q.SharedIndexInformer.RunWithContext(klog.NewContext(ctx, q.log))
}

// kindName gives a kind as logs and metrics call it; typed objects carry no kind.
func kindName(obj runtime.Object) string {
	switch obj.(type) {
	case *gslbv1beta1.Gslb:
		return "Gslb"
	case *gslbv1beta1.ZoneDelegation:
		return "ZoneDelegation"
	case *networkingv1.Ingress:
		return "Ingress"
	case *corev1.Service:
		return "Service"
	case *discoveryv1.EndpointSlice:
		return "EndpointSlice"
	case *corev1.Namespace:
		return "Namespace"
	case *corev1.Node:
		return "Node"
	case *dnsendpoint.DNSEndpoint:
		return dnsendpoint.Kind
	}
	return obj.GetObjectKind().GroupVersionKind().Kind
}
