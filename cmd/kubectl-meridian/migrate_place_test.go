// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
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
	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
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

	kubeconfig, kubectl string // files

	mu      sync.Mutex
	watched map[string][]string // host: what it must be answered with, always
	broken  []string            // what else was answered
	asked   map[string]int      // answers that clients got, by name
}

const watchedHost, failoverHost = "roundrobin.cloud.example.com", "failover.cloud.example.com"

func newPlace(t *testing.T) *place {
	t.Helper()
	assets, err := kplane.Assets(t.Context())
	require.NoError(t, err)
	environment := &envtest.Environment{BinaryAssetsDirectory: assets, CRDs: definitionsIn(t, k8gb.CRDs, k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile)}
	p := &place{t: t, watched: make(map[string][]string), asked: make(map[string]int)}
	p.cfg, err = environment.Start()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, environment.Stop()) })
	p.kubeconfig, p.kubectl = kubeconfigOf(t, environment), filepath.Join(assets, "kubectl")
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

// kubeconfigOf writes a kubeconfig of somebody who may do everything.
func kubeconfigOf(t *testing.T, environment *envtest.Environment) string {
	t.Helper()
	user, err := environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	require.NoError(t, err)
	text, err := user.KubeConfig()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
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
	var table *answers.Table
	server, addr := dnstest.Serve(p.t, dnsserver.Config{}, nil)
	p.store.OnWorld(func(w *gslb.World) {
		p.look(w)
		next, err := answers.Build(table, w)
		if assert.NoError(p.t, err) {
			table = next
			server.Publish(next)
		}
	})
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
	running.Go(func() { p.ask(ctx, addr.String()) })
	p.t.Cleanup(func() { cancel(); running.Wait() })
}

// ask asks for every host that is watched, all the time, as clients and neighbours do.
func (p *place) ask(ctx context.Context, server string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		watched := maps.Clone(p.watched)
		p.mu.Unlock()
		for host, want := range watched {
			p.askFor(ctx, server, host, want)
			p.askFor(ctx, server, "localtargets-"+host, want) // as a neighbour does that runs k8gb
		}
	}
}

func (p *place) askFor(ctx context.Context, server, host string, want []string) {
	q := new(dns.Msg)
	q.SetQuestion(host+".", dns.TypeA)
	m, _, err := new(dns.Client).ExchangeContext(ctx, q, server)
	if err != nil {
		return // a machine that is too busy for a datagram
	}
	var have []string
	for _, rr := range m.Answer {
		have = append(have, rr.(*dns.A).A.String())
	}
	slices.Sort(have)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[host]++
	if !slices.Equal(have, want) {
		p.broken = append(p.broken, fmt.Sprintf("%s is answered %s %v", host, dns.RcodeToString[m.Rcode], have))
	}
}

// unchanged asserts that no answer changed since its host is watched.
func (p *place) unchanged() {
	p.t.Helper()
	p.mu.Lock()
	before := maps.Clone(p.asked)
	p.mu.Unlock()
	p.until(func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for host := range p.watched {
			for _, name := range []string{host, "localtargets-" + host} {
				if p.asked[name] < before[name]+3 {
					return fmt.Errorf("clients have not asked for %s since", name)
				}
			}
		}
		return nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(p.t, p.broken, "no answer changed at any time")
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

func ofK8gb() []client.ObjectList {
	return []client.ObjectList{&absa.GslbList{}, &k8gb.GslbList{}, &k8gb.ZoneDelegationList{}}
}

func ofMeridian() []client.ObjectList {
	return []client.ObjectList{&gslbv1beta1.GslbList{}, &gslbv1beta1.ZoneDelegationList{}}
}

// collectGarbage does what the garbage collector does for objects whose dependents are to
// be orphaned.
func (p *place) collectGarbage(lists ...client.ObjectList) {
	p.t.Helper()
	orphaned := false
	for _, list := range lists {
		p.until(func() error {
			require.NoError(p.t, p.api.List(p.t.Context(), list))
			items, err := meta.ExtractList(list)
			require.NoError(p.t, err)
			for _, item := range items {
				obj := item.(client.Object)
				if obj.GetDeletionTimestamp().IsZero() {
					return fmt.Errorf("%s is not deleted", obj.GetName())
				}
				orphaned = orphaned || slices.Contains(obj.GetFinalizers(), metav1.FinalizerOrphanDependents)
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
	assert.True(p.t, orphaned, "nothing that depends on them goes with them")
}
