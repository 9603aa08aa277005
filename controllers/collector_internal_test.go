// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestCollectorTellsTheStoreOfChangesOnly(t *testing.T) {
	b := newBench(t, application("shop", true)...)
	key := nn("a", "shop")
	b.translate(t.Context(), key, time.Now())
	offers := b.store.of("shop")
	require.Len(t, offers, 1)
	assert.Equal(t, gslb.Healthy, offers[0].Health())
	assert.Contains(t, b.told, task{writeStatus, key})

	b.told = nil
	b.translate(t.Context(), key, time.Now())
	assert.Equal(t, 1, b.store.sets, "equal to the last time: nothing happens")
	assert.Empty(t, b.told)
	assert.Equal(t, 2.0, testutil.ToFloat64(b.metrics.translations))

	slice := &discoveryv1.EndpointSlice{}
	require.NoError(t, b.api.Get(t.Context(), key, slice))
	*slice.Endpoints[0].Conditions.Ready = false
	require.NoError(t, b.api.Update(t.Context(), slice))
	b.translate(t.Context(), key, time.Now())
	assert.Equal(t, gslb.Unhealthy, b.store.of("shop")[0].Health())

	g := &gslbv1beta1.Gslb{}
	require.NoError(t, b.api.Get(t.Context(), key, g))
	require.NoError(t, b.api.Delete(t.Context(), g))
	b.translate(t.Context(), key, time.Now())
	assert.Empty(t, b.store.of("shop"))
	sets := b.store.sets
	b.translate(t.Context(), key, time.Now())
	assert.Equal(t, sets, b.store.sets, "gone once is gone")
	assert.Equal(t, refs.NewIndex[types.NamespacedName](), b.deps, "nothing is left behind")
}

func TestCollectorHoldsManyGslbsThatVanishWhileTheAPIIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var objects []client.Object
		names := []string{"e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "x"}
		for _, name := range names {
			objects = append(objects, application(name, true)...)
		}
		b := newBench(t, objects...)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, b.run(ctx)) })
		<-b.synced
		require.Len(t, b.store.objects, 12)
		for _, name := range names[:11] { // an API server whose store was lost
			g := &gslbv1beta1.Gslb{}
			require.NoError(t, b.api.Get(t.Context(), nn("a", name), g))
			require.NoError(t, b.api.Delete(t.Context(), g))
			b.onGslb(event{was: g, lost: true})
		}
		x := &gslbv1beta1.Gslb{}
		require.NoError(t, b.api.Get(t.Context(), nn("a", "x"), x))
		require.NoError(t, b.api.Delete(t.Context(), x))
		b.onGslb(event{was: x}) // a watch told of it
		time.Sleep(gslb.DefaultRemovalHold - time.Minute)
		synctest.Wait()
		assert.Empty(t, b.store.of("x"))
		for _, name := range names[:11] {
			assert.NotEmpty(t, b.store.of(name), "what it offered stays for a while")
		}
		assert.Equal(t, 11.0, testutil.ToFloat64(b.metrics.held))
		assert.Equal(t, 1, strings.Count(b.log.String(), "vanished together"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Empty(t, b.store.of("e"), "then it is believed")
		assert.ElementsMatch(t, names[:11], b.store.meant, "and not held once more as hosts; that x was deleted is judged there")
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
	b.translate(t.Context(), key, time.Now())
	require.NotEmpty(t, b.store.of("shop"))
	g := &gslbv1beta1.Gslb{}
	require.NoError(t, b.api.Get(t.Context(), key, g))
	require.NoError(t, b.api.Delete(t.Context(), g))
	b.translate(t.Context(), key, time.Now())
	assert.Empty(t, b.store.of("shop"), "whatever holds the object back")
}

func TestCollectorKeepsTheLastGoodOffersOfAGslbThatBreaksTranslation(t *testing.T) {
	b := newBench(t, append(application("shop", true), application("bad", true)...)...)
	for _, name := range []string{"shop", "bad"} {
		b.translate(t.Context(), nn("a", name), time.Now())
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
		b.translate(t.Context(), nn("a", "bad"), time.Now())
	}
	b.translate(t.Context(), nn("a", "shop"), time.Now())
	assert.Equal(t, good, b.store.of("bad"))
	assert.Equal(t, 3, b.store.sets, "the other goes on")
	assert.Equal(t, 3.0, testutil.ToFloat64(b.metrics.failures))
	assert.Equal(t, 1, strings.Count(b.log.String(), "cannot be translated"), "told once")
	assert.Contains(t, b.log.String(), "an object nobody thought of")
	b.meaning = translate.Build
	b.translate(t.Context(), nn("a", "bad"), time.Now())
	assert.Contains(t, b.log.String(), "translated again")
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
