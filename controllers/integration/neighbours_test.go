// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/hostnames"
	"github.com/meridian-gslb/meridian/internal/kplane"
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
	still  sync.WaitGroup // what looks for a minute

	mu   sync.Mutex
	uses map[string]int // of each host's first label
}

// fresh gives a host that begins with a code, and that no check had before: neither another
// one, nor the same when it runs once more in this process.
func fresh(code string) string {
	beside.mu.Lock()
	defer beside.mu.Unlock()
	if beside.uses == nil {
		beside.uses = map[string]int{}
	}
	beside.uses[code]++
	if n := beside.uses[code]; n > 1 {
		code = fmt.Sprintf("%s-%d", code, n)
	}
	return code + ".cloud.example.com"
}

// label gives the first label of a host: what a check has beside it is named after it.
func label(host string) string {
	first, _, _ := strings.Cut(host, ".")
	return first
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
		n.still.Wait()
		n.life.stop()
	}
	return n.seen.err()
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
	ns := label(host)
	require.NoError(s.t, s.api.Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	applyAll(s.t, s.api, ns, strings.ReplaceAll(strings.Join(documents, "\n---\n"), "$HOST", host))
	return ns
}

// remove deletes what outlives a namespace or a check, also after the test's end.
func (s *site) remove(obj client.Object) {
	s.t.Helper()
	require.NoError(s.t, client.IgnoreNotFound(s.api.Delete(context.WithoutCancel(s.t.Context()), obj)))
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

// setSlice makes the first endpoint of an EndpointSlice ready, or not.
func (s *site) setSlice(ns, name string, ready bool) {
	s.t.Helper()
	obj := named(discoveryV1, "EndpointSlice", ns, name)
	patch := fmt.Sprintf(`[{"op": "replace", "path": "/endpoints/0/conditions/ready", "value": %t}]`, ready)
	require.NoError(s.t, s.api.Patch(s.t.Context(), obj, client.RawPatch("application/json-patch+json", []byte(patch))))
}
