// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// event is one change of an object: was is nil where it is new, is where it is gone. lost
// says that its end was found out by reading anew, so that was may be out of date.
type event struct {
	was, is client.Object
	lost    bool
	first   bool // of the first list: everything is translated after it
}

// object is the object as it was last.
func (e event) object() client.Object {
	if e.is != nil {
		return e.is
	}
	return e.was
}

// watch makes the informers of all kinds and has their events enqueue what they touch.
// The answer says whether the events of the first list were all seen.
func (c *collector) watch(ctx context.Context, informers cache.Informers) ([]toolscache.InformerSynced, error) {
	var synced []toolscache.InformerSynced
	for _, k := range kinds(c.cfg.K8gb) {
		obj := k.object()
		on := c.counted(k.name, c.handler(&k))
		informer, err := informers.GetInformer(ctx, obj, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", k.name, err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
			AddFunc: func(o any, first bool) {
				if obj, ok := o.(client.Object); ok {
					on(event{is: obj, first: first})
				}
			},
			UpdateFunc: func(was, is any) { on(event{was: was.(client.Object), is: is.(client.Object)}) },
			DeleteFunc: func(o any) {
				unknown, lost := o.(toolscache.DeletedFinalStateUnknown)
				if lost {
					o = unknown.Obj
				}
				if obj, ok := o.(client.Object); ok {
					on(event{was: obj, lost: lost})
				}
			},
		})
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", k.name, err)
		}
		synced = append(synced, registration.HasSynced)
		if s := c.sources[k.name]; s != nil && k.row != nil {
			kind := k.row.GroupKind
			s.absence = func() { c.enqueue(c.deps.OnKind(kind)) }
		} else if s != nil && k.name == gslbv1beta1.ZoneDelegationKind && c.cfg.Zone != nil {
			key := types.NamespacedName{Name: c.cfg.Zone.Zone.String()}
			s.absence = func() { c.tell(task{writeZone, key}) } // it may be made now
		}
	}
	return synced, errors.Join(
		informers.IndexField(ctx, &discoveryv1.EndpointSlice{}, slicePair, pairsOfSlice),
		informers.IndexField(ctx, &discoveryv1.EndpointSlice{}, byAddress, addressesOfObject),
		informers.IndexField(ctx, &corev1.Service{}, byAddress, addressesOfObject),
		informers.IndexField(ctx, &corev1.Service{}, byRelease, releaseOf),
		informers.IndexField(ctx, &corev1.Node{}, byAddress, addressesOfObject))
}

// handler gives what is done with the events of a kind. Of those of the first list only
// what is kept beside the cache matters.
func (c *collector) handler(k *kind) func(event) {
	if k.name == operatorName {
		return c.operator.on
	}
	if k.row != nil {
		switch k.row.GroupKind {
		case refs.KindEndpointSlice:
			return c.onSlice
		case refs.KindNode:
			return c.onNode
		case refs.KindService:
			return c.onService
		}
	}
	on := map[string]func(event){
		gslbv1beta1.GslbKind: c.onGslb, gslbv1beta1.ZoneDelegationKind: c.onZoneDelegation, dnsendpoint.Kind: c.onDNSEndpoint,
		"Namespace":  c.onNamespace,
		k8gbGslbName: c.onGslb, absaGslbName: c.onGslb, k8gbZoneName: c.onZoneDelegation,
	}[k.name]
	if on == nil {
		on = func(e event) { c.onObject(k.row, e) }
	}
	return func(e event) {
		if !e.first {
			on(e)
		}
	}
}

// counted counts the events that a handler gets.
func (c *collector) counted(kind string, on func(event)) func(event) {
	seen := c.metrics.watched.WithLabelValues(kind)
	return func(e event) {
		seen.Inc()
		on(e)
	}
}

func (c *collector) enqueue(gslbs map[types.NamespacedName]struct{}) {
	for g := range gslbs {
		c.add(item{g})
	}
}

// onGslb passes over changes of the status, which are mostly our own, but for claims that
// whoever leads dates otherwise.
func (c *collector) onGslb(e event) {
	key := client.ObjectKeyFromObject(e.object())
	if e.is == nil && e.lost {
		c.guard.lost(key, time.Now())
	} else {
		was := c.guard.status()
		if c.guard.seen(key); c.guard.status() != was {
			c.tellZones()
		}
	}
	c.tell(task{writeStatus, key})
	if e.was != nil && e.is != nil && sameButStatus(e.was, e.is) {
		if g, own := e.is.(*gslbv1beta1.Gslb); own && c.claims.differs(g) {
			c.add(item{key})
		}
		return
	}
	c.add(item{key})
	c.tell(task{writeAnnotated, key})
}

func sameButStatus(a, b client.Object) bool {
	return a.GetUID() == b.GetUID() && a.GetGeneration() == b.GetGeneration() &&
		a.GetDeletionTimestamp().Equal(b.GetDeletionTimestamp()) &&
		maps.Equal(a.GetLabels(), b.GetLabels()) && maps.Equal(a.GetAnnotations(), b.GetAnnotations()) &&
		reflect.DeepEqual(a.GetOwnerReferences(), b.GetOwnerReferences()) &&
		reflect.DeepEqual(a.GetFinalizers(), b.GetFinalizers())
}

func (c *collector) onZoneDelegation(e event) {
	c.tell(task{writeZone, client.ObjectKeyFromObject(e.object())})
	if e.was == nil || e.is == nil || !sameButStatus(e.was, e.is) {
		c.add(item{})
	}
}

// onDNSEndpoint passes over changes of the status, which is ExternalDNS's.
func (c *collector) onDNSEndpoint(e event) {
	if e.was == nil || e.is == nil || !sameButStatus(e.was, e.is) {
		c.add(item{})
		c.tell(task{writeEndpoint, client.ObjectKeyFromObject(e.object())})
	}
}

// onObject enqueues the Gslbs that read an object of a kind of the table.
func (c *collector) onObject(row *refs.Kind, e event) {
	c.touch(row.GroupKind, e)
	if e.is == nil {
		c.entries.Forget(e.was.GetUID())
	}
	if row.Referable() {
		c.tell(task{writeAnnotated, client.ObjectKeyFromObject(e.object())})
	}
}

// touch enqueues the Gslbs that read an object, as it was and as it is: each once, as one that
// is enqueued twice can be translated in between.
func (c *collector) touch(kind schema.GroupKind, e event) {
	gslbs := make(map[types.NamespacedName]struct{})
	if e.was != nil {
		gslbs = c.deps.On(kind, e.was)
	}
	if e.is != nil {
		maps.Copy(gslbs, c.deps.On(kind, e.is))
	}
	c.enqueue(gslbs)
}

func (c *collector) onService(e event) {
	if e.is == nil {
		c.had.forget(client.ObjectKeyFromObject(e.was))
	}
	if !e.first {
		c.onObject(refs.RowOf(e.object()), e)
	}
	if client.ObjectKeyFromObject(e.object()) == c.cfg.OwnService {
		svc, _ := e.is.(*corev1.Service)
		c.observeOwn(svc)
	}
}

// onSlice moves the mark after it has enqueued; see publishMark.
func (c *collector) onSlice(e event) {
	if e.is != nil {
		c.had.see(e.is)
	}
	c.touch(refs.KindEndpointSlice, e)
	own := c.cfg.OwnService
	if obj := e.object(); !e.first && obj.GetNamespace() == own.Namespace && obj.GetLabels()[discoveryv1.LabelServiceName] == own.Name {
		c.observeReplicas()
	}
	// Versions are numbers on every API server that we know; another kind is not counted.
	if version, err := strconv.ParseUint(e.object().GetResourceVersion(), 10, 64); err == nil {
		for {
			mark := c.mark.Load()
			if version <= mark || c.mark.CompareAndSwap(mark, version) {
				return
			}
		}
	}
}

func (c *collector) onNamespace(e event) {
	if e.was != nil && e.is != nil && maps.Equal(e.was.GetLabels(), e.is.GetLabels()) {
		return
	}
	c.touch(refs.KindNamespace, e)
	c.recordsMayMove()
}

// onNode keeps which nodes stand for other clusters, and enqueues the Gslbs with
// endpoints on a node that changed sides.
func (c *collector) onNode(e event) {
	name := e.object().GetName()
	c.observeRanges(e)
	if !e.first && (e.was == nil || e.is == nil || !sameNode(e.was, e.is)) {
		c.touch(refs.KindNode, e) // of Services that ask for the addresses of nodes
	}
	old := *c.nodes.Load()
	cluster, virtual := "", false
	if e.is != nil {
		cluster, virtual = translate.VirtualNode(e.is)
	}
	if before, was := old[name]; was == virtual && before == cluster {
		return
	}
	next := maps.Clone(old)
	delete(next, name)
	if virtual {
		next[name] = cluster
	}
	c.nodes.Store(&next)
	var all discoveryv1.EndpointSliceList
	if e.first || c.objects.List(context.Background(), &all) != nil {
		return
	}
	for i := range all.Items {
		c.onNodeOf(&all.Items[i], name)
	}
}

// sameNode reports that nothing changed that is kept of nodes.
func sameNode(a, b client.Object) bool {
	x, ok := a.(*corev1.Node)
	y, also := b.(*corev1.Node)
	return ok && also && maps.Equal(x.Labels, y.Labels) && reflect.DeepEqual(x.Status, y.Status)
}

func (c *collector) onNodeOf(slice *discoveryv1.EndpointSlice, node string) {
	for i := range slice.Endpoints {
		if on := slice.Endpoints[i].NodeName; on == nil || *on != node {
			continue
		}
		c.enqueue(c.deps.On(refs.KindEndpointSlice, slice))
		return
	}
}
