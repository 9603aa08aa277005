// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

var noRoutes = apierrors.NewNotFound(schema.GroupResource{Group: gatewayv1.GroupName, Resource: "httproutes"}, "")

func aRoute(name string) *gatewayv1.HTTPRoute {
	return &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}}
}

// routes is an API server with HTTPRoutes, or without the kind.
type routes struct {
	names  []string
	absent bool
	watch  *watch.FakeWatcher
}

func (r *routes) ListWithContext(context.Context, metav1.ListOptions) (runtime.Object, error) {
	if r.absent {
		return nil, noRoutes
	}
	list := &gatewayv1.HTTPRouteList{}
	for _, n := range r.names {
		list.Items = append(list.Items, *aRoute(n))
	}
	return list, nil
}

func (r *routes) WatchWithContext(context.Context, metav1.ListOptions) (watch.Interface, error) {
	r.watch = watch.NewFake()
	return r.watch, nil
}

type kept struct {
	*keeper
	up    *routes
	going bool
	again atomic.Int32
}

func newKept() *kept {
	k := &kept{up: &routes{names: []string{"one", "two"}}}
	k.keeper = &keeper{
		kind: "HTTPRoute", next: k.up, hold: time.Minute, log: slog.New(slog.DiscardHandler),
		going: func(context.Context) bool { return k.going }, again: func() { k.again.Add(1) },
	}
	return k
}

func (k *kept) listed(t *testing.T) []string {
	t.Helper()
	list, err := k.ListWithContext(t.Context(), metav1.ListOptions{})
	if err != nil {
		require.True(t, apierrors.IsNotFound(err))
		return nil
	}
	items, err := meta.ExtractList(list)
	require.NoError(t, err)
	var names []string
	for _, item := range items {
		names = append(names, nameOf(item).Name)
	}
	return names
}

func TestKeeperHoldsObjectsWhoseKindIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKept()
		assert.Equal(t, []string{"one", "two"}, k.listed(t))
		w, err := k.WatchWithContext(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)

		go k.up.watch.Delete(aRoute("one"))
		assert.Equal(t, watch.Deleted, (<-w.ResultChan()).Type, "somebody deleted it: it is gone")
		assert.False(t, k.holding())

		k.going = true
		go func() { k.up.watch.Delete(aRoute("two")); k.up.watch.Add(aRoute("three")) }()
		e := <-w.ResultChan()
		assert.Equal(t, watch.Added, e.Type, "the end of the one before is not told")
		k.up.watch.Stop()
		assert.True(t, k.holding())
		assert.True(t, k.keeps("a/two"))

		k.up.absent = true
		assert.Nil(t, k.listed(t))
		assert.True(t, k.holding(), "the kind is gone, and not to be taken for empty")

		k.up.absent, k.up.names = false, []string{"three"}
		assert.ElementsMatch(t, []string{"three", "two"}, k.listed(t), "what was not made again stays")
		assert.True(t, k.keeps("a/two"))
		assert.False(t, k.keeps("a/three"))

		time.Sleep(time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 1, k.again.Load(), "it is listed anew when the hold ends")
		assert.Equal(t, []string{"three"}, k.listed(t))
		assert.False(t, k.holding())
	})
}

func TestKeeperLetsGoOfAKindThatStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKept()
		k.listed(t)
		k.up.absent = true
		assert.Nil(t, k.listed(t))
		assert.True(t, k.holding(), "gone without a word of its objects")
		time.Sleep(59 * time.Second)
		assert.True(t, k.holding())
		time.Sleep(time.Second)
		assert.False(t, k.holding())
		assert.Nil(t, k.listed(t))
		assert.False(t, k.holding(), "once gone it is gone: nothing is kept that nobody has")
	})
}

func TestKeeperOfAKindThatNeverWasHoldsNothing(t *testing.T) {
	k := newKept()
	k.up.absent = true
	assert.Nil(t, k.listed(t))
	assert.False(t, k.holding())
}
