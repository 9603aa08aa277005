// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/strategies"
)

// beside holds the clusters of the checks of docs/neighbours.md; the first check starts
// them, and TestMain stops them.
var beside neighbours

// neighbours are two clusters, eu and us, each with an API server of its own, that tell
// each other what they know. Each check has namespaces and a host of its own in them.
type neighbours struct {
	once   sync.Once
	life   lifetime
	eu, us *site
	asked  askedNames
	seen   everyWorld
}

// clusters gives the two clusters, for one test.
func clusters(t *testing.T) (eu, us *site) {
	t.Helper()
	beside.once.Do(beside.start)
	require.NotNil(t, beside.us, "the clusters did not start")
	of := func(s *site) *site {
		mine := *s
		mine.t = t
		return &mine
	}
	return of(beside.eu), of(beside.us)
}

func (n *neighbours) start() {
	n.life.ctx, n.life.cancel = context.WithCancel(context.Background())
	assets, err := kplane.Assets(n.life.ctx)
	require.NoError(&n.life, err)
	crds, err := definitions()
	require.NoError(&n.life, err)
	begin := func(tag gslb.GeoTag, more ...*apiextensionsv1.CustomResourceDefinition) *site {
		environment := newEnvironment(assets, append(more, crds...))
		cfg, err := environment.Start()
		require.NoError(&n.life, err)
		n.life.Cleanup(func() { require.NoError(&n.life, environment.Stop()) })
		require.NoError(&n.life, grant(cfg))
		return n.site(cfg, tag)
	}
	eu := begin("eu")
	us := begin("us", slices.Concat(gatewayAPI(&n.life, "gateways", "httproutes"), istioAPI(&n.life),
		[]*apiextensionsv1.CustomResourceDefinition{trafficSplits("v1alpha2", "v1alpha1", "v1alpha3", "v1alpha4")})...)
	n.life.tell(eu, us)
	n.life.tell(us, eu)
	n.eu, n.us = eu, us
}

func (n *neighbours) site(cfg *rest.Config, tag gslb.GeoTag) *site {
	id, err := controllers.ClusterID(n.life.ctx, asMeridian(cfg))
	require.NoError(&n.life, err)
	s := newSiteAs(&n.life, cfg, tag, id, func(c *controllers.Config) {
		c.Asker = &n.asked
		c.Names = []string{"the-" + string(tag)}
		c.Store.(*gslb.Store).OnWorld(n.seen.see)
	})
	s.api = newClient(&n.life, cfg)
	return s
}

// stop ends the clusters, and says what must never be and was.
func (n *neighbours) stop() error {
	if n.life.cancel != nil {
		n.life.stop()
	}
	return n.seen.err()
}

// everyWorld looks at every World that the clusters ever have, from when it is told what to
// look for.
type everyWorld struct {
	mu     sync.Mutex
	never  map[netip.Addr]bool    // are entries of no host
	steady map[gslb.Name][]string // what a host answers
	broken []error
}

// never holds, to the end of the package's run, that an address is an entry of no host.
func never(addr string) {
	v := &beside.seen
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.never == nil {
		v.never = map[netip.Addr]bool{}
	}
	v.never[netip.MustParseAddr(addr)] = true
}

// steady holds that both clusters answer a host with just these, until the check ends that.
func steady(t *testing.T, host string, want ...string) (end func()) {
	t.Helper()
	v := &beside.seen
	name := gslb.MustName(host)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.steady == nil {
		v.steady = map[gslb.Name][]string{}
	}
	v.steady[name] = want
	end = func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.steady, name)
	}
	t.Cleanup(end)
	return end
}

func (v *everyWorld) see(w *gslb.World) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.never) > 0 {
		for h := range w.Hosts() {
			for i := range h.Parts {
				for _, e := range h.Parts[i].Entries {
					if v.never[e.Addr] {
						v.broken = append(v.broken, fmt.Errorf("%s is an entry of %s in %s", e.Addr, h.Name, w.Self))
					}
				}
			}
		}
	}
	for name, want := range v.steady {
		have := []string{}
		if h := w.Host(name); h != nil {
			d := strategies.Decide(h)
			have = texts(d.Addrs())
		}
		if !slices.Equal(have, want) {
			v.broken = append(v.broken, fmt.Errorf("%s answers %v in %s, not %v", name, have, w.Self, want))
		}
	}
}

func (v *everyWorld) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return errors.Join(v.broken...)
}

// lifetime is a testing.TB that outlives a test: what several tests share is made with it.
type lifetime struct {
	testing.TB

	ctx    context.Context //nolint:containedctx // as that of a testing.TB
	cancel func()
	mu     sync.Mutex
	ends   []func()
	group  sync.WaitGroup
}

func (l *lifetime) Helper()                   {}
func (l *lifetime) Context() context.Context  { return l.ctx }
func (l *lifetime) Output() io.Writer         { return io.Discard }
func (l *lifetime) Errorf(f string, a ...any) { fmt.Fprintf(os.Stderr, f+"\n", a...) }
func (l *lifetime) FailNow()                  { panic("what the checks of neighbours share does not work") }
func (l *lifetime) Cleanup(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, f)
}

func (l *lifetime) stop() {
	l.cancel()
	l.group.Wait()
	for i := len(l.ends) - 1; i >= 0; i-- {
		l.ends[i]()
	}
}

// tell carries the reports of one cluster to another, as peers do.
func (l *lifetime) tell(from, to *site) {
	l.group.Go(func() {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		serial, tag, id := uint32(0), gslb.GeoTag(""), ""
		for {
			select {
			case <-l.ctx.Done():
				return
			case w := <-from.box.C():
				report := w.OwnReport(zone().Zone)
				if report == nil || !w.Local.Synced {
					continue
				}
				serial++
				report.Instance, report.Serial = "one", serial
				tag, id = w.Self, w.SelfID
				require.NoError(l, to.store.SetReport(report))
			case <-beat.C:
			}
			if tag != "" {
				to.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, ID: id, Instance: "one", At: time.Now()})
			}
		}
	})
}

// askedNames resolves nothing, and keeps what was asked for.
type askedNames struct {
	mu  sync.Mutex
	all []string
}

func (a *askedNames) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, strings.TrimSuffix(name, "."))
	return hostnames.Answer{}, errors.New("SERVFAIL")
}

func (a *askedNames) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.all...)
}

// standIn lets a cluster that does not exist be heard by a site, with one healthy entry of
// a host; silent ends that.
func standIn(t *testing.T, s *site, tag gslb.GeoTag, host, addr string) (silent func()) {
	t.Helper()
	report := &gslb.Report{
		Cluster: tag, ClusterID: "id-" + string(tag), Instance: "one", Serial: 1, Zone: zone().Zone, EdgeZone: zone().EdgeZone,
		Offers: map[gslb.Name]*gslb.Offer{},
	}
	if host != "" {
		// It belongs to no namespace, so that it is nobody's rival.
		offer := &gslb.Offer{Host: gslb.MustName(host), PolicyUnknown: true,
			Entries: []gslb.Entry{{Addr: netip.MustParseAddr(addr), Health: gslb.Healthy, Reason: gslb.ReasonReady}}}
		report.Offers[offer.Host] = offer
	}
	require.NoError(t, s.store.SetReport(report))
	hear := func() {
		s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, ID: report.ClusterID, Instance: "one", At: time.Now()})
	}
	hear()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
				hear()
			}
		}
	})
	silent = func() { cancel(); group.Wait() }
	t.Cleanup(func() { // it leaves, so that no other check misses it
		silent()
		left := *report
		left.Announcement, left.Serial = gslb.Leaving, 2
		require.NoError(t, s.store.SetReport(&left))
	})
	return silent
}

// inNamespace makes a namespace, of the first label of the host, with the objects of a
// manifest, where $HOST is the host. It is the same in all clusters: to another namespace
// the host would not belong.
func (s *site) inNamespace(host string, documents ...string) string {
	s.t.Helper()
	ns, _, _ := strings.Cut(host, ".")
	require.NoError(s.t, s.api.Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	applyAll(s.t, s.api, ns, strings.ReplaceAll(strings.Join(documents, "\n---\n"), "$HOST", host))
	return ns
}

// own waits until the status of a Gslb says of this cluster what is wanted of it.
func (s *site) own(ns, name string, meets func(*gslbv1beta1.ClusterStatus) bool) *gslbv1beta1.Gslb {
	s.t.Helper()
	tag := string(s.store.World().Self)
	g := &gslbv1beta1.Gslb{}
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: name}, g); err != nil {
			return err
		}
		for i := range g.Status.Clusters {
			if c := &g.Status.Clusters[i]; c.GeoTag == tag && meets(c) {
				return nil
			}
		}
		return notYet("status.clusters is %+v", g.Status.Clusters)
	})
	return g
}

// edit changes Gslb podinfo, as its author does.
func (s *site) edit(ns string, change func(*gslbv1beta1.Gslb)) {
	s.t.Helper()
	eventually(s.t, func() error {
		g := &gslbv1beta1.Gslb{}
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g); err != nil {
			return err
		}
		change(g)
		return s.api.Update(s.t.Context(), g)
	})
}

// Manifests that checks are made of.
const (
	aService = `apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: podinfo}
spec: {selector: {app: podinfo}, ports: [{name: http, port: 80}]}`

	readySlice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: podinfo}}`

	emptySlice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: []`
)

// anIngress leads $HOST to a Service; status is that of its load balancer, as YAML.
func anIngress(annotations, service, status string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: $NS, name: podinfo, annotations: {%s}}
spec:
  rules:
  - host: $HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}
status: {loadBalancer: {ingress: [%s]}}`, annotations, service, status)
}

// aGslb refers to the Ingress; more are further fields of the spec, as YAML.
func aGslb(more string) string {
	return `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {namespace: $NS, name: podinfo}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: podinfo}
  ` + strings.TrimSpace(more)
}

var (
	coreV1      = schema.GroupVersion{Version: "v1"}
	discoveryV1 = schema.GroupVersion{Group: "discovery.k8s.io", Version: "v1"}
)

const roundRobin = "strategy: {type: roundRobin}"

// setSlice makes the first endpoint of an EndpointSlice ready, or not.
func (s *site) setSlice(ns, name string, ready bool) {
	s.t.Helper()
	obj := named(discoveryV1, "EndpointSlice", ns, name)
	patch := fmt.Sprintf(`[{"op": "replace", "path": "/endpoints/0/conditions/ready", "value": %t}]`, ready)
	require.NoError(s.t, s.api.Patch(s.t.Context(), obj, client.RawPatch("application/json-patch+json", []byte(patch))))
}
