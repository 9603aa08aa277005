// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
)

// patience bounds every wait for what must come; it is long for busy machines, and
// nothing asserts how long it took.
const patience = time.Minute

// site is one process of Meridian without DNS: a store and its controllers.
type site struct {
	t       testing.TB
	api     client.WithWatch // the test's own, past every cache
	store   *gslb.Store
	box     *gslb.Mailbox
	metrics *prometheus.Registry
	writes  *counter
	stop    func() // ends the controllers, and waits for them
}

// option changes the configuration of a site.
type option func(*controllers.Config)

// withSaved has a site begin with a World that was kept.
func withSaved(t testing.TB, saved *gslb.Saved) option {
	t.Helper()
	store, err := gslb.NewStore(gslb.Config{Self: saved.Self, ClusterID: saved.ClusterID, RemovalHold: gslb.DefaultRemovalHold, Saved: saved})
	require.NoError(t, err)
	return func(c *controllers.Config) { c.Store = store }
}

// zone is the one that every site serves by its flags.
func zone() *gslb.ZoneIntent {
	return &gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), NegTTL: 30}
}

// newSite starts a site on an API server; it ends with the test.
func newSite(t testing.TB, cfg *rest.Config, options ...option) *site {
	t.Helper()
	id, err := controllers.ClusterID(t.Context(), asMeridian(cfg))
	require.NoError(t, err)
	s := newSiteWithID(t, cfg, id, options...)
	s.api = newClient(t, cfg)
	return s
}

// newSiteWithID is newSite where the API server need not answer.
func newSiteWithID(t testing.TB, cfg *rest.Config, id string, options ...option) *site {
	t.Helper()
	return newSiteAs(t, cfg, "eu", id, options...)
}

// newSiteAs is newSiteWithID of a cluster with another geo tag.
func newSiteAs(t testing.TB, cfg *rest.Config, tag gslb.GeoTag, id string, options ...option) *site {
	t.Helper()
	s := &site{t: t, metrics: prometheus.NewRegistry(), writes: newCounter()}
	own := asMeridian(cfg)
	var err error
	s.store, err = gslb.NewStore(gslb.Config{Self: tag, ClusterID: id, RemovalHold: gslb.DefaultRemovalHold})
	require.NoError(t, err)
	s.box = s.store.Mailbox()

	own.Wrap(s.writes.wrap)
	c := controllers.Config{
		Rest: own, Store: s.store, Self: tag, Zone: zone(), PeerKey: true,
		Namespace: "meridian", Instance: "one",
		Lease:      controllers.LeaseTiming{Duration: 3 * time.Second, Renew: 2 * time.Second, Retry: 100 * time.Millisecond},
		Logger:     logger(t),
		Registerer: s.metrics,
	}
	for _, o := range options {
		o(&c)
	}
	if other, ok := c.Store.(*gslb.Store); ok && other != s.store {
		s.store, s.box = other, other.Mailbox()
	}
	ctrl, err := controllers.New(c)
	require.NoError(t, err)
	s.run(ctrl)
	return s
}

func (s *site) run(ctrl *controllers.Controllers) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	var group sync.WaitGroup
	var err error
	group.Go(func() { err = ctrl.Run(ctx) })
	group.Go(func() { _ = s.store.Run(ctx) })
	s.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
		require.NoError(s.t, err)
	})
	s.t.Cleanup(s.stop)
}

// logger writes to the test's output if it fails or is verbose.
func logger(t testing.TB) *slog.Logger {
	level := slog.LevelInfo
	if os.Getenv("MERIDIAN_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
}

func newClient(t testing.TB, cfg *rest.Config) client.WithWatch {
	t.Helper()
	scheme, err := controllers.NewScheme()
	require.NoError(t, err)
	require.NoError(t, coordinationv1.AddToScheme(scheme))
	fast := rest.CopyConfig(cfg)
	fast.QPS = -1
	c, err := client.NewWithWatch(fast, client.Options{Scheme: scheme, Log: logr.FromSlogHandler(slog.DiscardHandler)})
	require.NoError(t, err)
	return c
}

// counter counts the requests that write, by method and resource; the Lease is counted
// apart.
type counter struct {
	mu     sync.Mutex
	writes []string
	leases int
}

func newCounter() *counter { return &counter{} }

func (c *counter) wrap(next http.RoundTripper) http.RoundTripper { return counting{c, next} }

type counting struct {
	*counter
	next http.RoundTripper
}

// WrappedRoundTripper is how client-go finds what it can cancel requests with.
func (c counting) WrappedRoundTripper() http.RoundTripper { return c.next }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		c.mu.Lock()
		if strings.Contains(r.URL.Path, "/leases") {
			c.leases++
		} else {
			c.writes = append(c.writes, r.Method+" "+r.URL.Path)
		}
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

func (c *counter) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.writes...)
}

func (c *counter) renewals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leases
}

// eventually tries until check gives no error.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			require.NoError(t, err, "gave up waiting")
		case <-tick.C:
		}
	}
}

// quiet waits until nothing is on its way any more, and gives what was written while
// several renewals of the Lease went by.
func (s *site) quiet() []string {
	s.t.Helper()
	s.renewals(8)
	before := len(s.writes.list())
	s.renewals(6)
	return s.writes.list()[before:]
}

func (s *site) renewals(n int) {
	s.t.Helper()
	until := s.writes.renewals() + n
	eventually(s.t, func() error {
		if have := s.writes.renewals(); have < until {
			return notYet("renewals of the Lease: %d of %d", have, until)
		}
		return nil
	})
}

// translations counts the Gslbs that were translated.
func (s *site) translations() int { return s.metric("meridian_controllers_translations_total") }

// metric gives the value of a metric without labels.
func (s *site) metric(name string) int {
	s.t.Helper()
	families, err := s.metrics.Gather()
	require.NoError(s.t, err)
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
		}
	}
	require.Failf(s.t, "no such metric", "%s", name)
	return 0
}
