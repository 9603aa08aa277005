// SPDX-License-Identifier: Apache-2.0

package externaldns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/edge"
)

const (
	listTimeout = 30 * time.Second
	// watchLength is how long a watch is asked for; after it, everything is listed anew,
	// which finds what a watch has missed.
	watchLength = 10 * time.Minute
	retryLeast  = time.Second
	retryMost   = 10 * time.Second // also how late a kind is noticed that was not installed
)

const grantHint = "grant Meridian's ServiceAccount what controllers/rbac/externaldns.yaml says"

// Run reads the DNSEndpoints until ctx ends; it then returns nil. It goes on trying while
// the kind is not installed, may not be read, or the API is away.
func (o *Objects) Run(ctx context.Context) error {
	pause := retryLeast
	for ctx.Err() == nil {
		began := time.Now()
		if err := o.follow(ctx); ctx.Err() == nil {
			o.note(err)
		}
		if time.Since(began) > retryMost { // a watch that lasted
			pause = retryLeast
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause + time.Duration(float64(pause)*0.2*rand.Float64())):
		}
		pause = min(2*pause, retryMost)
	}
	return nil
}

// follow lists everything and watches until the watch ends; nil: it ended as watches do.
func (o *Objects) follow(ctx context.Context) error {
	known, version, err := o.list(ctx)
	if err != nil {
		return err
	}
	seconds := int64(watchLength.Seconds() * (0.8 + 0.4*rand.Float64()))
	w, err := o.watch(ctx, &client.ListOptions{
		Namespace: o.namespace,
		Raw:       &metav1.ListOptions{ResourceVersion: version, TimeoutSeconds: &seconds, AllowWatchBookmarks: true},
	})
	if err != nil || w == nil {
		return err
	}
	defer w.Stop()
	o.mu.Lock()
	o.renew(known, version)
	o.mu.Unlock()
	o.note(nil)
	o.tell()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open || e.Type == watch.Error {
				return nil
			}
			o.see(e)
		}
	}
}

// watch begins a watch; nil: it is to be listed anew first.
func (o *Objects) watch(ctx context.Context, options *client.ListOptions) (watch.Interface, error) {
	w, err := o.client.Watch(ctx, newList(), options)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		w, err = nil, nil
	}
	return w, err
}

func newList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(Kind.GroupVersion().WithKind(Kind.Kind + "List"))
	return list
}

// list reads everything anew; what it gives is good if it can be watched too.
func (o *Objects) list(ctx context.Context) (known map[string]*unstructured.Unstructured, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	all := newList()
	if err := o.client.List(ctx, all, client.InNamespace(o.namespace)); err != nil {
		return nil, "", err
	}
	known = make(map[string]*unstructured.Unstructured, len(all.Items))
	for i := range all.Items {
		u := &all.Items[i]
		u.SetManagedFields(nil)
		known[u.GetName()] = u
	}
	return known, all.GetResourceVersion(), nil
}

// see takes over one event.
func (o *Objects) see(e watch.Event) {
	u, ok := e.Object.(*unstructured.Unstructured)
	if !ok || e.Type == watch.Bookmark {
		return
	}
	u.SetManagedFields(nil)
	o.mu.Lock()
	switch have := o.known[u.GetName()]; {
	case o.old(u):
	case e.Type != watch.Deleted:
		o.known[u.GetName()] = u
	case have != nil && have.GetUID() == u.GetUID(): // and not one that was made anew
		delete(o.known, u.GetName())
	}
	o.mu.Unlock()
	o.tell()
}

// note keeps why nothing can be known, and tells of it at its start and end. While only
// the API is away, what was read stays.
func (o *Objects) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		if o.told {
			o.log.Info("DNSEndpoints are read again", "namespace", o.namespace)
		}
		o.told = false
		return
	}
	trouble := &edge.Error{Reason: edge.ReasonNoObjects, Err: err}
	switch {
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
		trouble.Err = edge.ErrNotInstalled
		trouble.Message = "DNSEndpoints cannot be read, " + trouble.Err.Error() + ": install ExternalDNS with its CustomResourceDefinition dnsendpoints.externaldns.k8s.io; the delegation is written as soon as it is there"
	case apierrors.IsForbidden(err):
		trouble.Message = "DNSEndpoints may not be read: " + grantHint
	default:
		trouble.Message = fmt.Sprintf("DNSEndpoints cannot be read: %v", err)
		if o.trouble == nil {
			trouble = nil
		}
	}
	if trouble != nil && (o.trouble == nil || o.trouble.Message != trouble.Message) {
		o.trouble = trouble
		o.tell()
	}
	if !o.told {
		o.told = true
		o.log.Warn("DNSEndpoints cannot be read; trying again", "namespace", o.namespace, "error", err)
	}
}
