// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/controllers/challenges"
	"github.com/meridian-gslb/meridian/gslb"
)

// replica is one process that takes dynamic updates.
type replica struct {
	*challenges.Object
	t      *testing.T
	writes *counter
	away   atomic.Bool // the API does not answer it
	mu     sync.Mutex
	held   []gslb.Record
	stop   func()
}

// SetChallenges implements challenges.Store.
func (r *replica) SetChallenges(records []gslb.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = records
}

func (r *replica) names() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, rec := range r.held {
		out = append(out, strings.Split(rec.Name.String(), ".")[1])
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// roundTrip stands before the API.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newReplica starts one, and waits until it knows what is held. It has the rights of
// controllers/rbac and no others, so the object's name is the one that those are bound to.
func newReplica(t *testing.T) *replica {
	t.Helper()
	r := prepareReplica(t, "", false)
	select {
	case <-r.Read():
	case <-time.After(patience):
		t.Fatal("the object is not read")
	}
	return r
}

// prepareReplica starts one with a state folder, for which the API may be away.
func prepareReplica(t *testing.T, dir string, away bool) *replica {
	t.Helper()
	r := &replica{t: t, writes: newCounter()}
	r.away.Store(away)
	cfg := asMeridian(server)
	cfg.Wrap(r.writes.wrap)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if r.away.Load() {
				return nil, context.DeadlineExceeded
			}
			return next.RoundTrip(req)
		})
	})
	var err error
	r.Object, err = challenges.NewObject(challenges.ObjectConfig{Rest: cfg, Store: r, Namespace: "meridian", Name: "meridian-challenges", Dir: dir, Log: logger(t)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.NoError(t, r.Run(ctx))
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(r.stop)
	return r
}

func (r *replica) change(f func(held []gslb.Record) []gslb.Record) error {
	return r.Change(r.t.Context(), func(held []gslb.Record) ([]gslb.Record, error) { return f(slices.Clone(held)), nil })
}

func (r *replica) add(name string) error {
	return r.change(func(held []gslb.Record) []gslb.Record {
		return append(held, gslb.Record{Name: gslb.MustName("_acme-challenge." + name + ".cloud.example.com"), Type: 16, TTL: 60, Data: `"token"`})
	})
}

func (r *replica) until(names string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.names() == names }, patience, 5*time.Millisecond, "%q, not %q", r.names(), names)
}

// challengesObject gives the ConfigMap, made anew for each test.
func challengesObject(t *testing.T) (client.Client, *corev1.ConfigMap) {
	api := newClient(t, server)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "meridian-challenges", Namespace: "meridian"}}
	require.NoError(t, client.IgnoreNotFound(api.Delete(t.Context(), object)))
	return api, object
}

// TestChallengesOfTwoReplicas: what either takes, both hold, whoever writes at once, and
// who comes later too.
func TestChallengesOfTwoReplicas(t *testing.T) {
	api, object := challengesObject(t)
	one, two := newReplica(t), newReplica(t)
	require.True(t, apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(object), object)), "nothing is written for nothing")
	require.NoError(t, one.add("a"))
	two.until("a")
	require.NoError(t, two.add("b"))
	require.Equal(t, "a b", two.names(), "what was taken is held at once")
	one.until("a b")

	var all sync.WaitGroup
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("n%02d", i)
		want = append(want, name)
		all.Go(func() { assert.NoError(t, []*replica{one, two}[i%2].add(name)) })
	}
	all.Wait()
	names := "a b " + strings.Join(want, " ")
	one.until(names)
	two.until(names)
	three := newReplica(t)
	assert.Equal(t, names, three.names(), "a restart finds everything")
	one.stop()
	require.NoError(t, three.change(func(held []gslb.Record) []gslb.Record { return held[:1] }))
	two.until("a")

	before := len(two.writes.list()) + len(three.writes.list())
	require.NoError(t, two.change(func(held []gslb.Record) []gslb.Record { return held }))
	assert.Len(t, append(two.writes.list(), three.writes.list()...), before, "what does not change is not written")
}

// TestChallengesWithoutTheAPI: nothing is taken, nothing is forgotten, and what happened
// meanwhile is seen when it answers again.
func TestChallengesWithoutTheAPI(t *testing.T) {
	_, _ = challengesObject(t)
	one, two := newReplica(t), newReplica(t)
	require.NoError(t, one.add("a"))
	two.until("a")
	two.away.Store(true)
	require.Error(t, two.add("b"))
	assert.Equal(t, "a", two.names())
	require.NoError(t, one.add("c"))
	two.away.Store(false)
	two.until("a c")
	require.NoError(t, two.add("b"))
	one.until("a b c")
}

// TestChallengesOfAStartWithoutTheAPI: what was held is served from the state folder,
// until the API tells what it is now.
func TestChallengesOfAStartWithoutTheAPI(t *testing.T) {
	_, _ = challengesObject(t)
	dir := t.TempDir()
	one := prepareReplica(t, dir, false)
	require.NoError(t, one.add("a"))
	require.NoError(t, one.add("b"))
	one.stop()
	again := prepareReplica(t, dir, true)
	assert.Equal(t, "a b", again.names(), "at once")
	require.Error(t, again.add("c"))
	assert.Equal(t, "a b", again.names())

	other := newReplica(t)
	require.NoError(t, other.change(func(held []gslb.Record) []gslb.Record { return held[:1] }))
	again.away.Store(false)
	again.until("a")
	require.NoError(t, again.add("c"))
	other.until("a c")
}

// TestChallengesThatPeopleTouch: a deleted object holds nothing; one that cannot be read
// changes nothing, and is set aside by the next update.
func TestChallengesThatPeopleTouch(t *testing.T) {
	api, object := challengesObject(t)
	one := newReplica(t)
	require.NoError(t, one.add("a"))
	require.NoError(t, api.Delete(t.Context(), object.DeepCopy()))
	one.until("")
	require.NoError(t, one.add("b"))
	key := client.ObjectKeyFromObject(object)
	require.NoError(t, api.Get(t.Context(), key, object))
	assert.Equal(t, "meridian", object.Labels["app.kubernetes.io/managed-by"])

	object.Data["challenges.json"] = "by hand"
	require.NoError(t, api.Update(t.Context(), object))
	require.NoError(t, one.add("c"))
	assert.Equal(t, "b c", one.names())
	require.NoError(t, api.Get(t.Context(), key, object))
	assert.Equal(t, "by hand", object.Data["unreadable"])
	assert.Contains(t, object.Data["challenges.json"], "_acme-challenge.c.cloud.example.com")
	two := newReplica(t)
	assert.Equal(t, "b c", two.names())
}
