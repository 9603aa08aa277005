// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// ledger is a store that notes what it is told.
type ledger struct {
	mu      sync.Mutex
	objects map[string][]*gslb.Offer
	sets    int
	zones   []gslb.ZoneIntent
	local   gslb.LocalState
}

func (l *ledger) SetObject(src gslb.Source, offers []*gslb.Offer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sets++
	if l.objects == nil {
		l.objects = make(map[string][]*gslb.Offer)
	}
	l.objects[src.String()] = offers
}

func (l *ledger) SetZones(zones []gslb.ZoneIntent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zones = zones
}

func (l *ledger) UpdateLocal(f func(*gslb.LocalState)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.local)
}

func (l *ledger) Mailbox() *gslb.Mailbox { return nil }

// of gives what the store was told last of a Gslb in namespace a.
func (l *ledger) of(name string) []*gslb.Offer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.objects["Gslb a/"+name]
}

// bench is a collector over objects that a test changes by hand.
type bench struct {
	*collector
	api   client.Client
	store *ledger
	log   *logbook
	told  []task
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme, err := NewScheme()
	require.NoError(t, err)
	b := &bench{store: &ledger{}, log: &logbook{}}
	b.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&networkingv1.Ingress{}).
		WithIndex(&discoveryv1.EndpointSlice{}, sliceService, serviceOfSlice).Build()
	cfg := &Config{Store: b.store, Self: "eu", Resolver: noNames{},
		Zone: &gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}
	b.collector, err = newCollector(cfg, slog.New(slog.NewTextHandler(b.log, nil)), testMetrics(t), b.api, func(tk task) { b.told = append(b.told, tk) })
	require.NoError(t, err)
	b.translateZones(t.Context())
	return b
}

// application is a Gslb that refers to an Ingress of its name, with a Service that has
// one endpoint.
func application(name string, ready bool) []client.Object {
	meta := metav1.ObjectMeta{Namespace: "a", Name: name, UID: types.UID(name)}
	slice := meta
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"}
	ing := &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: name + ".cloud.example.com"}}}}
	ing.Spec.Rules[0].HTTP = &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
		Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name}}}}}
	ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}
	return []client.Object{
		&gslbv1beta1.Gslb{ObjectMeta: meta, Spec: gslbv1beta1.GslbSpec{
			Strategy:    gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin},
			ResourceRef: &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: name},
		}},
		ing,
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": name}}},
		&discoveryv1.EndpointSlice{ObjectMeta: slice, Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}, TargetRef: &corev1.ObjectReference{Kind: "Pod"}}}},
	}
}

func TestCollectorTellsTheStoreOfChangesOnly(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	key := nn("a", "shop")
	b.translate(t.Context(), key)
	offers := b.store.of("shop")
	require.Len(t, offers, 1)
	assert.Equal(t, gslb.Healthy, offers[0].Health())
	assert.Contains(t, b.told, task{writeStatus, key})

	b.told = nil
	b.translate(t.Context(), key)
	assert.Equal(t, 1, b.store.sets, "equal to the last time: nothing happens")
	assert.Empty(t, b.told)
	assert.Equal(t, 2.0, testutil.ToFloat64(b.metrics.translations))

	slice := &discoveryv1.EndpointSlice{}
	require.NoError(t, b.api.Get(t.Context(), key, slice))
	*slice.Endpoints[0].Conditions.Ready = false
	require.NoError(t, b.api.Update(t.Context(), slice))
	b.translate(t.Context(), key)
	assert.Equal(t, gslb.Unhealthy, b.store.of("shop")[0].Health())

	g := &gslbv1beta1.Gslb{}
	require.NoError(t, b.api.Get(t.Context(), key, g))
	require.NoError(t, b.api.Delete(t.Context(), g))
	b.translate(t.Context(), key)
	assert.Empty(t, b.store.of("shop"))
	sets := b.store.sets
	b.translate(t.Context(), key)
	assert.Equal(t, sets, b.store.sets, "gone once is gone")
	assert.Empty(t, b.deps.needs)
}

func TestCollectorHoldsManyGslbsThatVanishWhileTheAPIIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var objects []client.Object
		names := []string{"p", "q", "r", "s", "x"}
		for _, name := range names {
			objects = append(objects, application(name, true)...)
		}
		b := newBench(t, objects...)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, b.run(ctx)) })
		<-b.synced
		require.Len(t, b.store.objects, 5)
		for _, name := range names[:4] { // an API server whose store was lost
			g := &gslbv1beta1.Gslb{}
			require.NoError(t, b.api.Get(t.Context(), nn("a", name), g))
			require.NoError(t, b.api.Delete(t.Context(), g))
			b.onGslb(event{was: g, lost: true})
		}
		x := &gslbv1beta1.Gslb{}
		require.NoError(t, b.api.Get(t.Context(), nn("a", "x"), x))
		require.NoError(t, b.api.Delete(t.Context(), x))
		b.onGslb(event{was: x}) // a watch told of it
		time.Sleep(guardHold - time.Minute)
		synctest.Wait()
		assert.Empty(t, b.store.of("x"))
		for _, name := range names[:4] {
			assert.NotEmpty(t, b.store.of(name), "what it offered stays for a while")
		}
		assert.Equal(t, 4.0, testutil.ToFloat64(b.metrics.held))
		assert.Equal(t, 1, strings.Count(b.log.String(), "vanished together"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Empty(t, b.store.of("p"), "then it is believed")
		assert.Zero(t, testutil.ToFloat64(b.metrics.held))
		cancel()
		group.Wait()
	})
}

func TestCollectorWithdrawsWhatIsBeingDeleted(t *testing.T) {
	objects := application("shop", true)
	objects[0].SetFinalizers([]string{"example.com/other"})
	b := newBench(t, objects...)
	key := nn("a", "shop")
	b.translate(t.Context(), key)
	require.NotEmpty(t, b.store.of("shop"))
	g := &gslbv1beta1.Gslb{}
	require.NoError(t, b.api.Get(t.Context(), key, g))
	require.NoError(t, b.api.Delete(t.Context(), g))
	b.translate(t.Context(), key)
	assert.Empty(t, b.store.of("shop"), "whatever holds the object back")
}

func TestCollectorKeepsTheLastGoodOffersOfAGslbThatBreaksTranslation(t *testing.T) {
	b := newBench(t, append(application("shop", true), application("bad", true)...)...)
	for _, name := range []string{"shop", "bad"} {
		b.translate(t.Context(), nn("a", name))
	}
	good := b.store.of("bad")
	b.meaning = func(in translate.Input) translate.Output {
		if in.Gslb.Name == "bad" {
			panic("an object nobody thought of")
		}
		out := translate.Build(in)
		out.Offers[0].Policy.TTL++
		return out
	}
	for range 3 {
		b.translate(t.Context(), nn("a", "bad"))
	}
	b.translate(t.Context(), nn("a", "shop"))
	assert.Equal(t, good, b.store.of("bad"))
	assert.Equal(t, 3, b.store.sets, "the other goes on")
	assert.Equal(t, 3.0, testutil.ToFloat64(b.metrics.failures))
	assert.Equal(t, 1, strings.Count(b.log.String(), "cannot be translated"), "told once")
	assert.Contains(t, b.log.String(), "an object nobody thought of")
	b.meaning = translate.Build
	b.translate(t.Context(), nn("a", "bad"))
	assert.Contains(t, b.log.String(), "translated again")
}

func TestCollectorPublishesTheMarkWithWhatItChanged(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	b.translate(t.Context(), nn("a", "shop"))
	slice := func(version, service string) event {
		return event{is: &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: service, ResourceVersion: version,
			Labels: map[string]string{discoveryv1.LabelServiceName: service}}}}
	}
	b.onSlice(slice("41", "shop"))
	b.onSlice(slice("40", "stranger"))
	b.onSlice(slice("not a number", "stranger"))
	assert.Equal(t, 1, b.queue.Len(), "one Gslb depends on it")
	b.publishMark()
	assert.Zero(t, b.store.local.Mark, "what is enqueued is not translated yet")
	next, _ := b.queue.Get()
	assert.Equal(t, item{nn("a", "shop")}, next)
	b.queue.Done(next)
	b.publishMark()
	assert.Equal(t, uint64(41), b.store.local.Mark)
	b.onSlice(slice("50", "stranger"))
	b.publishMark()
	assert.Equal(t, uint64(41), b.store.local.Mark, "of what changed nothing the Store is not told")
}

func TestCollectorEnqueuesForAVirtualNodeWhatRunsOnIt(t *testing.T) {
	objects := append(application("shop", true), application("other", true)...)
	node := "liqo-us"
	objects[3].(*discoveryv1.EndpointSlice).Endpoints[0].NodeName = &node
	b := newBench(t, objects...)
	b.translate(t.Context(), nn("a", "shop"))
	b.translate(t.Context(), nn("a", "other"))
	virtual := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node, Labels: map[string]string{
		translate.VirtualNodeLabel: translate.VirtualNodeValue, "liqo.io/remote-cluster-id": "us"}}}
	b.onNode(event{is: virtual})
	assert.Equal(t, map[string]string{node: "us"}, *b.nodes.Load())
	require.Equal(t, 1, b.queue.Len())
	next, _ := b.queue.Get()
	assert.Equal(t, item{nn("a", "shop")}, next)
	b.queue.Done(next)
	b.onNode(event{was: virtual, is: virtual})
	assert.Zero(t, b.queue.Len(), "nothing changed")
	b.onNode(event{was: virtual})
	assert.Empty(t, *b.nodes.Load())
	assert.Equal(t, 1, b.queue.Len())
}

func TestCollectorPassesOverChangesOfTheStatus(t *testing.T) {
	b := newBench(t)
	was := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "shop", Generation: 1, ResourceVersion: "1"}}
	is := was.DeepCopy()
	is.ResourceVersion, is.Status.GeoTag = "2", "eu"
	b.onGslb(event{was: was, is: is})
	assert.Zero(t, b.queue.Len())
	assert.Contains(t, b.told, task{writeStatus, nn("a", "shop")}, "but looks whether it is right")
	is.Annotations = map[string]string{gslbv1beta1.AnnotationOverride: "drain"}
	b.onGslb(event{was: was, is: is})
	assert.Equal(t, 1, b.queue.Len())

	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"x": "1"}}}
	b.deps.set(nn("a", "shop"), translate.Dependencies{})
	next, _ := b.queue.Get()
	b.queue.Done(next)
	b.onNamespace(event{was: space, is: space})
	assert.Zero(t, b.queue.Len())
	other := space.DeepCopy()
	other.Labels["x"] = "2"
	b.onNamespace(event{was: space, is: other})
	assert.Equal(t, 1, b.queue.Len())
}

func TestZonesThatDiffer(t *testing.T) {
	zone := func(name, by, allowed string) translate.Zone {
		z := translate.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName(name)}, Delegation: by}
		if allowed != "" {
			s, err := metav1.ParseToLabelSelector(allowed)
			require.NoError(t, err)
			z.Allowed, err = metav1.LabelSelectorAsSelector(s)
			require.NoError(t, err)
		}
		return z
	}
	a, b := zone("a.example.com", "a", ""), zone("b.example.com", "b", "team=blue")
	bGreen, addressed := zone("b.example.com", "b", "team=green"), a
	addressed.NegTTL = 7
	for _, c := range []struct {
		old, next []translate.Zone
		want      []gslb.Name
		why       string
	}{
		{[]translate.Zone{a}, []translate.Zone{a}, nil, "the same"},
		{[]translate.Zone{a}, []translate.Zone{addressed}, nil, "what is no matter of hosts"},
		{nil, []translate.Zone{a}, []gslb.Name{a.Zone}, "a new one"},
		{[]translate.Zone{a, b}, []translate.Zone{a}, []gslb.Name{b.Zone}, "one that went"},
		{[]translate.Zone{a, b}, []translate.Zone{a, bGreen}, []gslb.Name{b.Zone}, "open to others"},
	} {
		assert.Equal(t, c.want, zonesThatDiffer(c.old, c.next), c.why)
	}
	in := translationOf("x.b.example.com")
	outside := translationOf("x.example.net")
	outside.out.Hosts[0].Reason = gslbv1beta1.ReasonHostOutsideZones
	touched := touchedBy([]gslb.Name{b.Zone})
	assert.True(t, touched(in))
	assert.True(t, touched(outside), "its condition names the zones")
	assert.False(t, touched(translationOf("x.a.example.com")))
	assert.False(t, touchedBy(nil)(outside))
}

func TestCollectorEndsWithItsContext(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.run(ctx) }()
	<-b.synced
	cancel()
	require.NoError(t, <-done)
	assert.True(t, b.store.local.Synced)
	assert.Len(t, b.store.zones, 1)
}
