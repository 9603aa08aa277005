// SPDX-License-Identifier: Apache-2.0

package externaldns_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/meridian-gslb/meridian/controllers/externaldns"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

var zone = gslb.MustName("cloud.example.com")

// desk is Objects at work on an API in memory, in a synctest bubble.
type desk struct {
	*externaldns.Objects
	t   *testing.T
	api client.WithWatch

	mu     sync.Mutex
	err    error // of every request
	blind  error // of watches
	writes int
	lists  int
}

func newDesk(t *testing.T, err error) *desk {
	t.Helper()
	return startDesk(&desk{t: t, err: err})
}

func startDesk(d *desk) *desk {
	t := d.t
	t.Helper()
	fails := func(write bool) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if write {
			d.writes++
		}
		return d.err
	}
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(externaldns.Kind, &unstructured.Unstructured{})
	scheme.AddKnownTypeWithName(externaldns.Kind.GroupVersion().WithKind("DNSEndpointList"), &unstructured.UnstructuredList{})
	d.api = fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, o ...client.ListOption) error {
			d.mu.Lock()
			d.lists++
			d.mu.Unlock()
			if err := fails(false); err != nil {
				return err
			}
			return c.List(ctx, l, o...)
		},
		Watch: func(ctx context.Context, c client.WithWatch, l client.ObjectList, o ...client.ListOption) (watch.Interface, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.blind != nil {
				return nil, d.blind
			}
			return c.Watch(ctx, l, o...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, o ...client.ApplyOption) error {
			if err := fails(true); err != nil {
				return err
			}
			return c.Apply(ctx, obj, o...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.DeleteOption) error {
			if err := fails(true); err != nil {
				return err
			}
			return c.Delete(ctx, obj, o...)
		},
	}).Build()
	var e error
	d.Objects, e = externaldns.New(externaldns.Config{Client: d.api, Namespace: "meridian"})
	require.NoError(t, e)
	d.run(func(ctx context.Context) { assert.NoError(t, d.Run(ctx)) })
	synctest.Wait()
	return d
}

// run runs f until the test ends, or until the returned stop.
func (d *desk) run(f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	stop = func() { cancel(); <-done }
	d.t.Cleanup(stop)
	synctest.Wait()
	return stop
}

func (d *desk) breakAPI(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *desk) count(of *int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *of
}

func (d *desk) get() *unstructured.Unstructured {
	d.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(externaldns.Kind)
	require.NoError(d.t, d.api.Get(d.t.Context(), client.ObjectKey{Namespace: "meridian", Name: "meridian-cloud.example.com"}, u))
	return u
}

func full(servers ...gslb.NameServer) edge.FullDelegation {
	return edge.FullDelegation{Zone: zone, EdgeZone: gslb.MustName("example.com"), NameServers: servers}
}

func ns(tag string, addrs ...string) gslb.NameServer {
	s := gslb.NameServer{Name: gslb.MustName("gslb-ns-" + tag + "-cloud.example.com")}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, netip.MustParseAddr(a))
	}
	return s
}

func drained(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

var notInstalled = apierrors.NewGenericServerResponse(404, "get", schema.GroupResource{Group: "externaldns.k8s.io", Resource: "dnsendpoints"}, "", "", 0, true)

func TestOnlyTheLeaderWritesAndOnlyWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		set := full(ns("eu", "192.0.2.1", "2001:db8::1"), ns("us", "192.0.2.2"))
		_, err := d.Apply(t.Context(), set)
		require.ErrorIs(t, err, edge.ErrNotLeading)
		drained(d.Changed())
		stop := d.run(d.Lead)
		assert.True(t, drained(d.Changed()), "a new leader is told")
		wrote, err := d.Apply(t.Context(), set)
		require.NoError(t, err)
		assert.True(t, wrote)
		synctest.Wait()
		for range 3 {
			wrote, err = d.Apply(t.Context(), set)
			require.NoError(t, err)
			assert.False(t, wrote)
		}
		assert.Equal(t, 1, d.count(&d.writes))
		stop()
		wrote, err = d.Apply(t.Context(), set)
		require.NoError(t, err, "who does not lead is content with what is right")
		assert.False(t, wrote)
		_, err = d.Apply(t.Context(), full(ns("eu", "192.0.2.9")))
		require.ErrorIs(t, err, edge.ErrNotLeading)
	})
}

func TestWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		d.run(d.Lead)
		_, err := d.Apply(t.Context(), full(ns("eu", "192.0.2.1", "2001:db8::1"), ns("us", "192.0.2.2", "192.0.2.3")))
		require.NoError(t, err)
		u := d.get()
		assert.Equal(t, map[string]string{"app.kubernetes.io/managed-by": "meridian", "gslb.meridian.dev/delegation": "externaldns"}, u.GetLabels())
		assert.Equal(t, map[string]string{"gslb.meridian.dev/zone": "cloud.example.com", "gslb.meridian.dev/edge-zone": "example.com"}, u.GetAnnotations())
		endpoint := func(name, kind string, targets ...any) any {
			return map[string]any{"dnsName": name, "recordType": kind, "recordTTL": int64(300), "targets": targets}
		}
		assert.Equal(t, map[string]any{"endpoints": []any{
			endpoint("cloud.example.com", "NS", "gslb-ns-eu-cloud.example.com", "gslb-ns-us-cloud.example.com"),
			endpoint("gslb-ns-eu-cloud.example.com", "A", "192.0.2.1"),
			endpoint("gslb-ns-eu-cloud.example.com", "AAAA", "2001:db8::1"),
			endpoint("gslb-ns-us-cloud.example.com", "A", "192.0.2.2", "192.0.2.3"),
		}}, u.Object["spec"])

		o, err := d.Get(zone)
		require.NoError(t, err)
		assert.Equal(t, "DNSEndpoint meridian/meridian-cloud.example.com", o.Where)
		assert.True(t, o.Exists)
		assert.False(t, o.Observed)
		assert.Equal(t, []gslb.NameServer{ns("eu", "192.0.2.1", "2001:db8::1"), ns("us", "192.0.2.2", "192.0.2.3")}, o.NameServers, "what was written is read")
	})
}

func TestWhatOthersChangeIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		d.run(d.Lead)
		set := full(ns("eu", "192.0.2.1"))
		_, err := d.Apply(t.Context(), set)
		require.NoError(t, err)
		synctest.Wait()
		drained(d.Changed())

		u := d.get()
		u.SetGeneration(4)
		u.SetAnnotations(map[string]string{externaldns.AnnotationWithout: "us, CZ,,no tag!", "gslb.meridian.dev/zone": "cloud.example.com", "gslb.meridian.dev/edge-zone": "example.com"})
		require.NoError(t, unstructured.SetNestedField(u.Object, int64(4), "status", "observedGeneration"))
		require.NoError(t, d.api.Update(t.Context(), u))
		synctest.Wait()
		assert.True(t, drained(d.Changed()))
		o, err := d.Get(zone)
		require.NoError(t, err)
		assert.True(t, o.Observed)
		assert.Equal(t, []gslb.GeoTag{"cz", "us"}, o.Without)
		wrote, err := d.Apply(t.Context(), set)
		require.NoError(t, err)
		assert.False(t, wrote, "an operator's annotation is no difference")

		u = d.get()
		require.NoError(t, unstructured.SetNestedSlice(u.Object, []any{map[string]any{"dnsName": "www.example.com", "recordType": "A", "targets": []any{"192.0.2.80"}}}, "spec", "endpoints"))
		require.NoError(t, d.api.Update(t.Context(), u))
		synctest.Wait()
		o, err = d.Get(zone)
		require.NoError(t, err)
		assert.Empty(t, o.NameServers)
		wrote, err = d.Apply(t.Context(), set)
		require.NoError(t, err)
		assert.True(t, wrote, "the list of endpoints has one owner")
		assert.Equal(t, []gslb.GeoTag{"cz", "us"}, must(d.Get(zone)).Without, "and the annotation stays")

		require.NoError(t, d.api.Delete(t.Context(), d.get()))
		synctest.Wait()
		assert.False(t, must(d.Get(zone)).Exists)
	})
}

func must(o edge.Object, err error) edge.Object {
	if err != nil {
		panic(err)
	}
	return o
}

func TestKindComesLateAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, notInstalled)
		d.run(d.Lead)
		_, err := d.Get(zone)
		require.ErrorIs(t, err, edge.ErrNotInstalled)
		assert.ErrorContains(t, err, "install ExternalDNS with its CustomResourceDefinition")
		_, err = d.Apply(t.Context(), full(ns("eu", "192.0.2.1")))
		require.ErrorIs(t, err, edge.ErrNotInstalled)
		assert.Zero(t, d.count(&d.writes))
		time.Sleep(time.Hour)
		assert.Less(t, d.count(&d.lists), 400, "a missing kind is looked for every ten seconds")
		drained(d.Changed())

		d.breakAPI(nil)
		time.Sleep(15 * time.Second)
		assert.True(t, drained(d.Changed()))
		_, err = d.Apply(t.Context(), full(ns("eu", "192.0.2.1")))
		require.NoError(t, err)
	})
}

func TestWhyNothingIsKnownOrWritten(t *testing.T) {
	resource := schema.GroupResource{Group: "externaldns.k8s.io", Resource: "dnsendpoints"}
	for _, c := range []struct {
		err  error
		says string
	}{
		{apierrors.NewForbidden(resource, "", nil), "controllers/rbac/externaldns.yaml"},
		{apierrors.NewInternalError(context.DeadlineExceeded), "DNSEndpoints cannot be read"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, c.err)
			_, err := d.Get(zone)
			assert.ErrorContains(t, err, c.says)
			assert.NotErrorIs(t, err, edge.ErrNotInstalled)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		d.run(d.Lead)
		d.breakAPI(apierrors.NewForbidden(resource, "x", nil))
		_, err := d.Apply(t.Context(), full(ns("eu", "192.0.2.1")))
		assert.ErrorContains(t, err, "DNSEndpoint meridian/meridian-cloud.example.com cannot be written")
		assert.ErrorContains(t, err, "controllers/rbac/externaldns.yaml")
	})
}

// TestWhatMayBeListedAndNotWatched: half of the rights are as good as none, and say so once,
// not in turns.
func TestWhatMayBeListedAndNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resource := schema.GroupResource{Group: "externaldns.k8s.io", Resource: "dnsendpoints"}
		d := startDesk(&desk{t: t, blind: apierrors.NewForbidden(resource, "", nil)})
		assert.True(t, drained(d.Changed()))
		for range 100 {
			_, err := d.Get(zone)
			require.ErrorContains(t, err, "may not be read")
			time.Sleep(7 * time.Second)
			require.False(t, drained(d.Changed()), "there is no news")
		}
		d.mu.Lock()
		d.blind = nil
		d.mu.Unlock()
		time.Sleep(15 * time.Second)
		assert.True(t, drained(d.Changed()))
		assert.False(t, must(d.Get(zone)).Exists)
	})
}

func TestDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		require.NoError(t, d.Delete(t.Context(), zone), "nothing is there")
		assert.Zero(t, d.count(&d.writes))
		stop := d.run(d.Lead)
		_, err := d.Apply(t.Context(), full(ns("eu", "192.0.2.1")))
		require.NoError(t, err)
		stop()
		require.ErrorIs(t, d.Delete(t.Context(), zone), edge.ErrNotLeading)
		d.run(d.Lead)
		require.NoError(t, d.Delete(t.Context(), zone))
		synctest.Wait()
		assert.False(t, must(d.Get(zone)).Exists)
	})
}

func TestObjectName(t *testing.T) {
	assert.Equal(t, "meridian-cloud.example.com", externaldns.ObjectName(zone))
	odd := externaldns.ObjectName(gslb.MustName("_tcp.example.com"))
	assert.NotContains(t, odd, "_", "not every zone can be in an object's name")
	long := externaldns.ObjectName(gslb.MustName(strings.Repeat("a23456789.", 24) + "example.com"))
	assert.Less(t, len(long), 254)
	assert.NotEqual(t, odd, long)
}

func TestConfigIsChecked(t *testing.T) {
	_, err := externaldns.New(externaldns.Config{Namespace: "meridian"})
	assert.ErrorContains(t, err, "need a Client and a Namespace")
}
