// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// kind is one watched kind: what of it is watched, and what is thrown away before it is kept.
type kind struct {
	name   string // as logs and metrics call it
	object func() client.Object
	list   func() runtime.Object
	labels labels.Selector // nil: all objects
	fields fields.Selector // nil: all objects
	strip  func(client.Object)
	// optional says that others install the kind, or not: where it does not exist there are
	// no objects of it, and nothing waits for them.
	optional bool
	// standIns, of an optional kind that is needed all the same, are lists of the kinds that
	// stand in for it: it is taken for empty only where one of those exists.
	standIns []func() client.ObjectList
	row      *refs.Kind // of the table of what translations read; nil for our own kinds and DNSEndpoint
}

const installCRDs = "kubectl apply -f the CustomResourceDefinitions of Meridian (api/v1beta1/crds)"

// kinds lists what is watched: our own kinds, DNSEndpoint, the table of those that
// translations read, and k8gb's if they are to be read.
func kinds(k8gb bool) []kind {
	all := ownKinds()
	if k8gb {
		all = append(all, withIncumbents(all)...)
	}
	return all
}

func ownKinds() []kind {
	all := []kind{
		{name: gslbv1beta1.ZoneDelegationKind, object: func() client.Object { return &gslbv1beta1.ZoneDelegation{} },
			list: func() runtime.Object { return &gslbv1beta1.ZoneDelegationList{} }, strip: stripNothing},
		{name: gslbv1beta1.GslbKind, object: func() client.Object { return &gslbv1beta1.Gslb{} },
			list: func() runtime.Object { return &gslbv1beta1.GslbList{} }, strip: stripNothing},
		{name: dnsendpoint.Kind, object: func() client.Object { return &dnsendpoint.DNSEndpoint{} },
			list: func() runtime.Object { return &dnsendpoint.List{} }, strip: stripLastApplied, optional: true,
			labels: labels.SelectorFromSet(labels.Set{gslbv1beta1.LabelServe: gslbv1beta1.ServeTrue})},
	}
	for _, row := range refs.Kinds() {
		all = append(all, kind{
			name: refs.Word(row.GroupKind), object: func() client.Object { return row.New() }, list: row.List, strip: stripOf(row.GroupKind), optional: row.Optional, row: &row,
		})
	}
	return all
}

// watchedLabels bounds what is watched of a kind: nodes only where they stand for other
// clusters, as long as nobody asks for the addresses of all.
func watchedLabels(kind schema.GroupKind) labels.Selector {
	if kind == refs.KindNode {
		return labels.SelectorFromSet(labels.Set{translate.VirtualNodeLabel: translate.VirtualNodeValue})
	}
	return nil
}

// stripOf says what is thrown away of a kind.
func stripOf(kind schema.GroupKind) func(client.Object) {
	switch kind {
	case refs.KindNamespace:
		return stripToLabels
	case refs.KindService:
		return stripService
	case refs.KindEndpointSlice:
		return stripSlice
	case refs.KindIngress:
		return stripNothing
	}
	return func(obj client.Object) { refs.Strip(obj) }
}

// stripNothing keeps all but the managed fields: objects that are written back whole.
func stripNothing(client.Object) {}

func stripToLabels(obj client.Object) {
	obj.SetAnnotations(nil)
	obj.SetOwnerReferences(nil)
	obj.SetFinalizers(nil)
	if ns, ok := obj.(*corev1.Namespace); ok {
		ns.Spec, ns.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
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

// byAddress is the index of Services, EndpointSlices and nodes by the addresses that refs.Key can
// mean them by.
const byAddress = "address"

func addressesOfObject(obj client.Object) []string { return refs.AddressPairs(obj) }

// byRelease is the index of Services by the label that names their release.
const byRelease = "release"

func releaseOf(obj client.Object) []string {
	if name := obj.GetLabels()[refs.LabelRelease]; name != "" {
		return []string{refs.LabelRelease + "=" + name}
	}
	return nil
}

// slicePair is the index of EndpointSlices by the label that names their Service, as
// "label=value".
const slicePair = "service"

func pairsOfSlice(obj client.Object) []string {
	var pairs []string
	for _, label := range refs.SliceLabels() {
		if name := obj.GetLabels()[label]; name != "" {
			pairs = append(pairs, label+"="+name)
		}
	}
	return pairs
}

// newCache makes the cache. Objects in it are never changed, so none is copied on the
// way out; sources gets the source of each kind as its informer is made.
func (a *api) newCache(watched []kind, r *reach, hold time.Duration, log *slog.Logger, sources map[string]*source) (cache.Cache, error) {
	shared := true
	byObject := make(map[client.Object]cache.ByObject)
	prepared := make(map[string]*source)
	groups := make(map[string]*apiGroup)
	for _, k := range watched {
		s := &source{kind: k.name, hint: installCRDs, reach: r, log: log}
		prepared[k.name] = s
		if err := a.prepare(s, &k, groups, hold); err != nil {
			return nil, err
		}
		byObject[k.object()] = cache.ByObject{Label: k.labels, Field: k.fields, Transform: transform(k.strip), UnsafeDisableDeepCopy: &shared}
	}
	return cache.New(a.reads, cache.Options{
		HTTPClient: a.http, Scheme: a.scheme, Mapper: a.mapper, ByObject: byObject, ReaderFailOnMissingInformer: true,
		NewInformer: func(lw toolscache.ListerWatcher, obj runtime.Object, resync time.Duration, ix toolscache.Indexers) toolscache.SharedIndexInformer {
			s := prepared[kindName(obj)]
			if s.next == nil {
				s.next = toolscache.ToListerWatcherWithContext(lw)
			}
			sources[s.kind] = s
			return quietInformer{toolscache.NewSharedIndexInformer(s, obj, resync, ix), quiet(log)}
		},
		// Sources tell of errors, at their start and end.
		DefaultWatchErrorHandler: func(_ context.Context, _ *toolscache.Reflector, err error) {
			log.Debug("a watch ended", "error", err)
		},
	})
}

// prepare gives a source what reads its kind, where that is not the cache's own way: kinds
// that others install, in versions that come and go, and nodes, of which now some and now
// all are read.
func (a *api) prepare(s *source, k *kind, groups map[string]*apiGroup, hold time.Duration) error {
	if k.optional {
		s.optional, s.standIn = k.list, a.standIn(k.standIns)
	}
	nodes := k.row != nil && k.row.GroupKind == refs.KindNode
	if k.row == nil || !k.optional && !nodes {
		return nil
	}
	s.labels = func() string { return labelText(k.labels) }
	if nodes {
		s.labels = func() string {
			if s.wide.Load() {
				return ""
			}
			return labelText(watchedLabels(refs.KindNode))
		}
	}
	read, err := newServed(k.row, a.reads, a.http, groups, s.labels)
	if err != nil {
		return err
	}
	s.served, s.next = read, read
	if !k.optional {
		return nil
	}
	kept := &keeper{kind: k.name, next: read, hold: hold, again: s.expire, log: s.log, going: func(ctx context.Context) bool {
		return a.leaving(ctx, k.row.Plural+"."+k.row.Group)
	}}
	s.next, s.holding, s.keeps = kept, kept.holding, kept.keeps
	return nil
}

func labelText(selector labels.Selector) string {
	if selector == nil {
		return ""
	}
	return selector.String()
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
	switch o := obj.(type) {
	case *gslbv1beta1.Gslb:
		return gslbv1beta1.GslbKind
	case *gslbv1beta1.ZoneDelegation:
		return gslbv1beta1.ZoneDelegationKind
	case *dnsendpoint.DNSEndpoint:
		return dnsendpoint.Kind
	case refs.Object:
		if row := refs.RowOf(o); row != nil {
			return refs.Word(row.GroupKind)
		}
	}
	if name := incumbentName(obj); name != "" {
		return name
	}
	return obj.GetObjectKind().GroupVersionKind().Kind
}
