// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
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
		Inside: c.inside(), Had: c.had.has,
		VirtualNodes: *c.nodes.Load(), Down: c.lost.has, Bare: c.bare.has, ControlPlane: c.templates.Load(), Zones: c.zones.Load().Zones, Resolved: c.names.Addrs, Held: c.entries.Held,
	}
	if c.gates != nil {
		in.Gates = c.gates.state
	}
	f := finder{c: c, ctx: ctx}
	in.Found = refs.Gather(
		func(found *refs.Found) []refs.Key { return translate.DependsOn(g, found) },
		func(needs []refs.Key) { c.deps.Set(key, needs) },
		f.find,
	)
	return in, f.again
}

// finder reads what keys mean from the cache.
type finder struct {
	c     *collector
	ctx   context.Context //nolint:containedctx // it lives as long as one gather
	again time.Time       // when time alone changes what was found; zero: never
}

// find reads the objects that a key means, with the addresses that they had last where
// their status went empty. What cannot be read is unread, which makes health unknown.
func (f *finder) find(k refs.Key) ([]refs.Object, refs.State) {
	row := refs.Row(k.Kind)
	if row == nil {
		return nil, refs.Unread
	}
	found, state := f.read(row, k)
	switch {
	case k.Kind == refs.KindNode && !f.c.widen():
		state = refs.Unread // not all of them are known yet
	case state == refs.Listed && len(found) == 0 && row.Optional && f.c.lacks(k.Kind):
		state = refs.Absent
	}
	return found, state
}

func (f *finder) read(row *refs.Kind, k refs.Key) ([]refs.Object, refs.State) {
	if k.Name != "" {
		obj, ok := row.New().(client.Object)
		if !ok {
			return nil, refs.Unread
		}
		switch err := f.c.objects.Get(f.ctx, client.ObjectKey{Namespace: k.Namespace, Name: k.Name}, obj); {
		case apierrors.IsNotFound(err):
			return nil, refs.Listed
		case err != nil:
			return nil, refs.Unread
		}
		return []refs.Object{f.recall(obj)}, refs.Listed
	}
	list, ok := row.List().(client.ObjectList)
	if !ok || f.c.objects.List(f.ctx, list, optionsOf(k)...) != nil {
		return nil, refs.Unread
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, refs.Unread
	}
	found := make([]refs.Object, 0, len(items))
	for _, item := range items {
		if obj, ok := item.(refs.Object); ok {
			found = append(found, f.recall(obj))
		}
	}
	return found, refs.Listed
}

// optionsOf bounds what is listed for a key; EndpointSlices by their Service, Services by their
// release, and what is known by an address, have an index.
func optionsOf(k refs.Key) []client.ListOption {
	var options []client.ListOption
	if k.Namespace != "" {
		options = append(options, client.InNamespace(k.Namespace))
	}
	if k.Inside {
		return append(options, client.MatchingFields{byAddress: k.Pair()})
	}
	if pair := k.Pair(); pair != "" && k.Kind == refs.KindEndpointSlice {
		return append(options, client.MatchingFields{slicePair: pair})
	}
	if k.Address != "" {
		return append(options, client.MatchingFields{byAddress: k.Pair()})
	}
	if pair := k.Pair(); !k.Pods && k.Kind == refs.KindService && strings.HasPrefix(pair, refs.LabelRelease+"=") {
		return append(options, client.MatchingFields{byRelease: pair})
	}
	if selector, err := labels.Parse(k.Labels); err == nil && !k.Pods {
		options = append(options, client.MatchingLabelsSelector{Selector: selector})
	}
	return options
}

// recall gives an object with the addresses that count now.
func (f *finder) recall(obj refs.Object) refs.Object {
	kept, until := f.c.entries.Recall(obj.GetUID(), obj, time.Now())
	if !until.IsZero() && (f.again.IsZero() || until.Before(f.again)) {
		f.again = until
	}
	return kept
}
