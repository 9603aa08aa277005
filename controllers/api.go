// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Requests are bounded: writes in number, so that a change that touches everything does
// not take the API from others, and everything but watches in time.
const (
	writeQPS, writeBurst = 50, 100
	writeTimeout         = 10 * time.Second
	pageSize             = 500
)

// api holds the connections to the API server. Reads, writes and the Lease have one
// each, so that none waits behind another.
type api struct {
	scheme *runtime.Scheme
	mapper meta.RESTMapper
	reads  *rest.Config
	writes *rest.Config
	http   *http.Client         // of reads
	direct client.Client        // reads past the cache
	kube   kubernetes.Interface // the Lease, events, and the probe
}

func newAPI(cfg *Config, r *reach) (*api, error) {
	a := &api{mapper: newMapper(), reads: rest.CopyConfig(cfg.Rest), writes: rest.CopyConfig(cfg.Rest)}
	for _, c := range []*rest.Config{a.reads, a.writes} {
		rest.AddUserAgent(c, "meridian")
		c.WarningHandler = rest.NoWarnings{}
		c.Wrap(func(next http.RoundTripper) http.RoundTripper { return hearing{next, r} })
	}
	a.reads.QPS, a.reads.RateLimiter, a.reads.Timeout = -1, nil, 0
	a.writes.QPS, a.writes.Burst, a.writes.RateLimiter, a.writes.Timeout = writeQPS, writeBurst, nil, writeTimeout
	lease := rest.CopyConfig(a.reads)
	lease.Timeout = max(cfg.Lease.Renew/2, time.Second)
	var err error
	if a.scheme, err = NewScheme(); err != nil {
		return nil, err
	}
	if a.http, err = rest.HTTPClientFor(a.reads); err != nil {
		return nil, err
	}
	if a.direct, err = client.New(a.reads, client.Options{HTTPClient: a.http, Scheme: a.scheme, Mapper: a.mapper, Log: silent()}); err != nil {
		return nil, err
	}
	a.kube, err = kubernetes.NewForConfig(lease)
	return a, err
}

// newClient gives a client that reads the cache and writes the API.
func (a *api) newClient(c cache.Cache) (client.Client, error) {
	return client.New(a.writes, client.Options{Scheme: a.scheme, Mapper: a.mapper, Log: silent(), FieldOwner: "meridian", Cache: &client.CacheOptions{Reader: c}})
}

// probe asks for one EndpointSlice, out of the memory of the API server: the lightest
// question whose answer shows that what matters can be read.
func (a *api) probe(ctx context.Context) error {
	_, err := a.kube.DiscoveryV1().EndpointSlices(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 1, ResourceVersion: "0"})
	return err
}

// leaving reports that a CustomResourceDefinition is being removed, or is gone. Where that
// cannot be known it is not.
func (a *api) leaving(ctx context.Context, name string) bool {
	definition := &metav1.PartialObjectMetadata{}
	definition.SetGroupVersionKind(definitionKind)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := a.direct.Get(ctx, client.ObjectKey{Name: name}, definition)
	return apierrors.IsNotFound(err) || err == nil && !definition.DeletionTimestamp.IsZero()
}

// versions gives the resource version of every watched object of a kind, as the store
// behind the API has it, by namespace/name.
func (a *api) versions(ctx context.Context, k kind, s *source) (map[string]string, error) {
	gvk, err := a.direct.GroupVersionKindFor(k.object())
	if err != nil {
		return nil, err
	}
	selector := k.labels
	if s != nil && s.served != nil {
		gvk.Version = s.served.current()
		if selector, err = labels.Parse(s.labels()); err != nil {
			return nil, err
		}
	}
	all := make(map[string]string)
	for next := ""; ; {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := a.direct.List(ctx, list, &client.ListOptions{LabelSelector: selector, FieldSelector: k.fields, Limit: pageSize, Continue: next})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all[client.ObjectKeyFromObject(&list.Items[i]).String()] = list.Items[i].ResourceVersion
		}
		if next = list.Continue; next == "" {
			return all, nil
		}
	}
}

// newRecorder gives a recorder of events and what stops it. It writes in the background,
// joins what repeats, and drops what a single object has too much of.
func (a *api) newRecorder(ctx context.Context, instance string, log *slog.Logger) (record.EventRecorder, func()) {
	b := record.NewBroadcaster(record.WithContext(klog.NewContext(context.WithoutCancel(ctx), quiet(log))))
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: a.kube.CoreV1().Events(metav1.NamespaceAll)})
	return b.NewRecorder(a.scheme, corev1.EventSource{Component: "meridian", Host: instance}), b.Shutdown
}
