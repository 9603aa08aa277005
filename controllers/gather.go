// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// gather finds everything that the translation of a Gslb looks at. What it needs is
// entered in the index before it is read, so that no change in between is missed. again
// says when time alone changes the input; zero: never.
func (c *collector) gather(ctx context.Context, g *gslbv1beta1.Gslb) (in translate.Input, again time.Time) {
	key := client.ObjectKeyFromObject(g)
	in = translate.Input{
		Gslb: g, Self: c.cfg.Self, Names: c.cfg.Names, AllowLoopback: c.cfg.AllowLoopback,
		VirtualNodes: *c.nodes.Load(), Zones: c.zones.Load().Zones,
		Services: make(map[types.NamespacedName]*corev1.Service),
		Slices:   make(map[types.NamespacedName][]*discoveryv1.EndpointSlice),
	}
	needs := translate.DependsOn(g, nil)
	c.deps.set(key, needs)
	in.Objects, again = c.find(ctx, needs.Object)
	needs = translate.DependsOn(g, in.Objects)
	c.deps.set(key, needs)
	for _, name := range needs.Services {
		c.gatherService(ctx, &in, name)
	}
	ns := &corev1.Namespace{}
	if err := c.objects.Get(ctx, client.ObjectKey{Name: g.Namespace}, ns); err == nil {
		in.NamespaceLabels = ns.GetLabels()
	}
	return in, again
}

// find reads the objects that a key means, with the entries that they had last where
// their status went empty.
func (c *collector) find(ctx context.Context, key refs.Key) (found []refs.Object, again time.Time) {
	if key.IsZero() {
		return nil, again
	}
	var list networkingv1.IngressList
	if key.Name != "" {
		list.Items = make([]networkingv1.Ingress, 1)
		if err := c.objects.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, &list.Items[0]); err != nil {
			return nil, again
		}
	} else if err := c.objects.List(ctx, &list, client.InNamespace(key.Namespace), client.MatchingLabelsSelector{Selector: key.Selector}); err != nil {
		return nil, again
	}
	for i := range list.Items {
		ing, until := c.entries.recall(&list.Items[i], time.Now())
		if !until.IsZero() && (again.IsZero() || until.Before(again)) {
			again = until
		}
		found = append(found, ing)
	}
	return found, again
}

// gatherService reads a Service and its EndpointSlices. What cannot be read stays out,
// which makes health unknown.
func (c *collector) gatherService(ctx context.Context, in *translate.Input, name types.NamespacedName) {
	svc := &corev1.Service{}
	switch err := c.objects.Get(ctx, name, svc); {
	case err == nil:
		in.Services[name] = svc
	case apierrors.IsNotFound(err):
		in.Services[name] = nil
	}
	var list discoveryv1.EndpointSliceList
	err := c.objects.List(ctx, &list, client.InNamespace(name.Namespace), client.MatchingFields{sliceService: name.Name})
	if err != nil {
		return
	}
	found := make([]*discoveryv1.EndpointSlice, len(list.Items))
	for i := range list.Items {
		found[i] = &list.Items[i]
	}
	slices.SortFunc(found, func(a, b *discoveryv1.EndpointSlice) int { return strings.Compare(a.Name, b.Name) })
	in.Slices[name] = found
}
