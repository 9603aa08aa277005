// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/strategies"
)

// place is a cluster that had k8gb: its API server, and a Meridian that reads it.
type place struct {
	t     *testing.T
	api   client.Client
	cfg   *rest.Config
	store *gslb.Store

	mu      sync.Mutex
	watched map[string][]string // host: what it must be answered with, always
	broken  []string            // what else was answered
}

const watchedHost, failoverHost = "roundrobin.cloud.example.com", "failover.cloud.example.com"

func newPlace(t *testing.T) *place {
	t.Helper()
	assets, err := kplane.Assets(t.Context())
	require.NoError(t, err)
	environment := &envtest.Environment{BinaryAssetsDirectory: assets, CRDs: definitionsIn(t, k8gb.CRDs, k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile)}
	p := &place{t: t, watched: make(map[string][]string)}
	p.cfg, err = environment.Start()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, environment.Stop()) })
	s, err := migrationScheme()
	require.NoError(t, err)
	require.NoError(t, scheme.AddToScheme(s))
	p.api, err = client.New(p.cfg, client.Options{Scheme: s})
	require.NoError(t, err)
	for _, ns := range []string{"meridian", "test-gslb"} {
		require.NoError(t, p.api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	}
	for name, ready := range map[string]bool{"frontend-podinfo": true, "unhealthy-app": false} {
		require.NoError(t, p.api.Create(t.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}))
		require.NoError(t, p.api.Create(t.Context(), &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "test-gslb", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		}))
	}
	return p
}

func definitionsIn(t *testing.T, folder embed.FS, files ...string) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, file := range files {
		text, err := folder.ReadFile(file)
		require.NoError(t, err)
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.UnmarshalStrict(text, crd))
		all = append(all, crd)
	}
	return all
}

// meridian runs Meridian's controllers, and looks at every answer from then on.
func (p *place) meridian() {
	p.t.Helper()
	var err error
	p.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(p.t, err)
	p.store.OnWorld(p.look)
	ctrl, err := controllers.New(controllers.Config{
		Rest: p.cfg, Store: p.store, Self: "eu", K8gb: true, PeerKey: true, Namespace: "meridian", Instance: "one",
		Lease:  controllers.LeaseTiming{Duration: 3 * time.Second, Renew: 2 * time.Second, Retry: 100 * time.Millisecond},
		Logger: slog.New(slog.NewTextHandler(p.t.Output(), nil)),
	})
	require.NoError(p.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(p.t, ctrl.Run(ctx)) })
	running.Go(func() { _ = p.store.Run(ctx) })
	p.t.Cleanup(func() { cancel(); running.Wait() })
}

func (p *place) look(w *gslb.World) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for host, want := range p.watched {
		if have := answered(w, host); !slices.Equal(have, want) {
			p.broken = append(p.broken, fmt.Sprintf("%s: %v", host, have))
		}
	}
}

func answered(w *gslb.World, host string) []string {
	h := w.Host(gslb.MustName(host))
	if h == nil {
		return nil
	}
	var all []string
	d := strategies.Decide(h)
	for _, a := range d.Addrs() {
		all = append(all, a.String())
	}
	return all
}

// watch waits until a host is answered so, and from then on allows nothing else.
func (p *place) watch(host string, want ...string) {
	p.t.Helper()
	p.until(func() error {
		if w := p.store.World(); w == nil || !w.Ready || !slices.Equal(answered(w, host), want) {
			return fmt.Errorf("%s is not answered yet", host)
		}
		return nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched[host] = want
}

func (p *place) until(check func() error) {
	p.t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			require.NoError(p.t, err, "gave up waiting")
		case <-tick.C:
		}
	}
}

func (p *place) apply(file string) {
	p.t.Helper()
	text, err := os.ReadFile("../../api/k8gb/testdata/" + file)
	require.NoError(p.t, err)
	p.applyText(string(text))
}

func (p *place) applyText(text string) {
	p.t.Helper()
	for document := range strings.SplitSeq(text, "\n---\n") {
		obj := &unstructured.Unstructured{}
		require.NoError(p.t, yaml.Unmarshal([]byte(document), &obj.Object))
		require.NoError(p.t, p.api.Create(p.t.Context(), obj))
	}
}

// ingress waits for an Ingress and gives it an address, as its controller would.
func (p *place) ingress(name string, addrs ...string) {
	p.t.Helper()
	p.until(func() error {
		ing := &networkingv1.Ingress{}
		if err := p.api.Get(p.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: name}, ing); err != nil {
			return err
		}
		for _, a := range addrs {
			ing.Status.LoadBalancer.Ingress = append(ing.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: a})
		}
		return p.api.Status().Update(p.t.Context(), ing)
	})
}

// migrate runs the command.
func (p *place) migrate(m migration) (string, error) {
	p.t.Helper()
	var out bytes.Buffer
	m.api, m.out = p.api, &out
	if m.timeout == 0 {
		m.timeout = time.Minute
	}
	err := m.run(p.t.Context())
	return out.String(), err
}

// collectGarbage does what the garbage collector does for objects whose dependents are to
// be orphaned.
func (p *place) collectGarbage() {
	p.t.Helper()
	for _, list := range []client.ObjectList{&absa.GslbList{}, &k8gb.GslbList{}, &k8gb.ZoneDelegationList{}} {
		p.until(func() error {
			require.NoError(p.t, p.api.List(p.t.Context(), list))
			items, err := meta.ExtractList(list)
			require.NoError(p.t, err)
			for _, item := range items {
				obj := item.(client.Object)
				if obj.GetDeletionTimestamp().IsZero() {
					return fmt.Errorf("%s is not deleted", obj.GetName())
				}
				obj.SetFinalizers(slices.DeleteFunc(obj.GetFinalizers(), func(f string) bool { return f == metav1.FinalizerOrphanDependents }))
				if err := client.IgnoreNotFound(p.api.Update(p.t.Context(), obj)); err != nil {
					return err
				}
			}
			if len(items) > 0 {
				return errors.New("some are there")
			}
			return nil
		})
	}
}

func TestMigrateMovesEverythingWithoutAChangedAnswer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.apply("playground.yaml")
	p.apply("annotated.yaml")
	g := &absa.Gslb{}
	p.until(func() error {
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, g))
		g.Finalizers = []string{"k8gb.absa.oss/finalizer"}
		return p.api.Update(t.Context(), g)
	})
	p.meridian()
	p.ingress("test-gslb", "192.0.2.1", "192.0.2.2")
	p.ingress("test-gslb-failover", "192.0.2.1")
	p.ingress("playground-annotated", "192.0.2.3")
	p.watch(watchedHost, "192.0.2.1", "192.0.2.2")
	p.watch(failoverHost, "192.0.2.1")
	p.watch("annotated.cloud.example.com", "192.0.2.3")

	plan, err := p.migrate(migration{})
	require.NoError(t, err, plan)
	assert.Contains(t, plan, "install  CustomResourceDefinition gslbs.gslb.meridian.dev")
	assert.Contains(t, plan, "create   Gslb test-gslb/test-gslb in gslb.meridian.dev/v1beta1: the twin of k8gb.absa.oss/v1beta1")
	assert.Contains(t, plan, "re-own   Ingress test-gslb/test-gslb: to the twin")
	assert.Contains(t, plan, "Nothing was written")
	assert.True(t, meta.IsNoMatchError(p.api.List(t.Context(), &gslbv1beta1.GslbList{})), "a plan writes nothing")

	done, err := p.migrate(migration{apply: true})
	require.NoError(t, err, done)
	twin := &gslbv1beta1.Gslb{}
	ing := &networkingv1.Ingress{}
	for _, name := range []string{"test-gslb", "test-gslb-failover"} {
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: name}, twin))
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKeyFromObject(twin), ing))
		assert.True(t, metav1.IsControlledBy(ing, twin))
		assert.Len(t, ing.OwnerReferences, 1, "nothing of k8gb takes it along")
	}
	again, err := p.migrate(migration{apply: true})
	require.NoError(t, err, again)
	assert.NotContains(t, again, "create", "it is done already")
	assert.NotContains(t, again, "re-own")

	removed, err := p.migrate(migration{apply: true, removeOld: true})
	require.NoError(t, err, removed)
	assert.Contains(t, removed, "remove   Gslb test-gslb/test-gslb in k8gb.absa.oss/v1beta1")
	assert.Contains(t, removed, "remove   ZoneDelegation cloud-example-com in k8gb.io/v1beta1")
	p.collectGarbage()
	for _, crd := range definitionsIn(t, k8gb.CRDs, k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile) {
		require.NoError(t, p.api.Delete(t.Context(), crd))
		p.until(func() error {
			if err := p.api.Get(t.Context(), client.ObjectKeyFromObject(crd), &apiextensionsv1.CustomResourceDefinition{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("%s is there: %w", crd.Name, err)
			}
			return nil
		})
	}
	p.until(func() error { // k8gb is gone, and what Meridian writes goes on
		require.NoError(t, p.api.Get(t.Context(), client.ObjectKeyFromObject(twin), twin))
		if c := meta.FindStatusCondition(twin.Status.Conditions, gslbv1beta1.ConditionServing); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Errorf("not yet: %+v", c)
		}
		return nil
	})
	none, err := p.migrate(migration{apply: true, removeOld: true})
	require.NoError(t, err, none)
	assert.Contains(t, none, "there are no objects of k8gb in this cluster")
	p.watch(watchedHost, "192.0.2.1", "192.0.2.2")
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(t, p.broken, "no answer changed at any time")
}

func TestMigrateSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.apply("playground.yaml")
	operator := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: "balancer"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "registry.example.com/k8gb-io/k8gb:v1"}}},
			},
		},
	}
	require.NoError(t, p.api.Create(t.Context(), operator))
	plan, err := p.migrate(migration{})
	require.ErrorIs(t, err, errBlocked)
	assert.Equal(t, 1, exitCode(err))
	assert.Contains(t, plan, "blocked  Deployment test-gslb/balancer: k8gb's operator runs")
	assert.Contains(t, plan, "create", "the plan is whole all the same")
	text, err := p.migrate(migration{apply: true})
	require.ErrorIs(t, err, errBlocked)
	assert.NotContains(t, text, "create", "nothing is written beside it")

	operator.Spec.Replicas = new(int32)
	require.NoError(t, p.api.Update(t.Context(), operator))
	text, err = p.migrate(migration{apply: true})
	require.NoError(t, err, text)
	text, err = p.migrate(migration{apply: true, removeOld: true, timeout: time.Second})
	require.ErrorIs(t, err, errBlocked)
	assert.Contains(t, text, "blocked  Gslb test-gslb/test-gslb is not removed: Meridian has not read the twin: is it running in this cluster")
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, &absa.Gslb{}), "it stays")

	twin := &gslbv1beta1.Gslb{}
	require.NoError(t, p.api.Get(t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, twin))
	twin.Spec.Strategy.DNSTTLSeconds = new(int32(7))
	require.NoError(t, p.api.Update(t.Context(), twin))
	text, err = p.migrate(migration{apply: true})
	require.ErrorIs(t, err, errBlocked)
	assert.Contains(t, text, "blocked  Gslb test-gslb/test-gslb: an object of that name in gslb.meridian.dev/v1beta1 asks for something else")
	assert.Contains(t, text, "ok       Gslb test-gslb/test-gslb-failover", "what blocks one keeps nothing from the others")
}

// TestMigrationPage runs the examples of docs/migrating-from-k8gb.md.
func TestMigrationPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/migrating-from-k8gb.md")
	require.NoError(t, err)
	block := func(kind string) string {
		_, rest, found := strings.Cut(string(page), "```"+kind+"\n")
		require.True(t, found, kind)
		text, _, found := strings.Cut(rest, "```")
		require.True(t, found, kind)
		return text
	}
	p := newPlace(t)
	p.applyText(block("yaml"))
	p.meridian()
	p.ingress("shop", "192.0.2.1")
	p.watch("shop.cloud.example.com", "192.0.2.1")
	plan, err := p.migrate(migration{})
	require.NoError(t, err)
	assert.Equal(t, block("plan"), plan)
	done, err := p.migrate(migration{apply: true, removeOld: true})
	require.NoError(t, err, done)
	p.collectGarbage()
	p.watch("shop.cloud.example.com", "192.0.2.1")
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(t, p.broken, "no answer changed at any time")
}

func TestMigrateIsCalledRightly(t *testing.T) {
	for _, args := range [][]string{{"migrate", "--remove-old"}, {"migrate", "--aply"}} {
		root := newRoot()
		root.SetArgs(args)
		err := root.Execute()
		require.Error(t, err)
		assert.Equal(t, 2, exitCode(err), "%q", args)
	}
}
