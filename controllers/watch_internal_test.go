// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestCollectorPublishesTheMarkWithWhatItChanged(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	b.translate(t.Context(), nn("a", "shop"), time.Now())
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
	b.translate(t.Context(), nn("a", "shop"), time.Now())
	b.translate(t.Context(), nn("a", "other"), time.Now())
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
	b.deps.Set(nn("a", "shop"), []refs.Key{refs.ByName(refs.KindNamespace, "", "a")})
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

// TestAnObjectThatChangesEnqueuesEachGslbOnce: a Gslb that is enqueued for what an object was,
// and again for what it is, would be translated twice where the first is quick.
func TestAnObjectThatChangesEnqueuesEachGslbOnce(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	b.translate(t.Context(), nn("a", "shop"), time.Now())
	added := &adding{TypedRateLimitingInterface: b.queue}
	b.queue = added
	slice := func(version string) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "shop", ResourceVersion: version,
			Labels: map[string]string{discoveryv1.LabelServiceName: "shop"}}}
	}
	b.onSlice(event{was: slice("41"), is: slice("42")})
	assert.Equal(t, []item{{nn("a", "shop")}}, added.items)
}

// adding is a queue that keeps what is added.
type adding struct {
	workqueue.TypedRateLimitingInterface[item]
	items []item
}

func (a *adding) Add(i item) {
	a.items = append(a.items, i)
	a.TypedRateLimitingInterface.Add(i)
}
