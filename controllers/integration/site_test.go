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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
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
	t       *testing.T
	api     client.Client // the test's own, past every cache
	store   *gslb.Store
	box     *gslb.Mailbox
	metrics *prometheus.Registry
	writes  *counter
	stop    func() // ends the controllers, and waits for them
}

// option changes the configuration of a site.
type option func(*controllers.Config)

// zone is the one that every site serves by its flags.
func zone() *gslb.ZoneIntent {
	return &gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), NegTTL: 30}
}

// newSite starts a site on an API server; it ends with the test.
func newSite(t *testing.T, cfg *rest.Config, options ...option) *site {
	t.Helper()
	s := &site{t: t, api: newClient(t, cfg), metrics: prometheus.NewRegistry(), writes: newCounter()}
	id, err := controllers.ClusterID(t.Context(), cfg)
	require.NoError(t, err)
	s.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: id})
	require.NoError(t, err)
	s.box = s.store.Mailbox()

	own := rest.CopyConfig(cfg)
	own.Wrap(s.writes.wrap)
	c := controllers.Config{
		Rest: own, Store: s.store, Self: "eu", Zone: zone(), PeerKey: true,
		Namespace: "default", LeaseName: "meridian-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), Instance: "one",
		Lease:      controllers.LeaseTiming{Duration: 3 * time.Second, Renew: 2 * time.Second, Retry: 200 * time.Millisecond},
		Logger:     logger(t),
		Registerer: s.metrics,
	}
	c.LeaseName = strings.ReplaceAll(c.LeaseName, "_", "-")
	for _, o := range options {
		o(&c)
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
func logger(t *testing.T) *slog.Logger {
	level := slog.LevelInfo
	if os.Getenv("MERIDIAN_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
}

func newClient(t *testing.T, cfg *rest.Config) client.Client {
	t.Helper()
	scheme, err := controllers.NewScheme()
	require.NoError(t, err)
	require.NoError(t, eventsv1.AddToScheme(scheme))
	fast := rest.CopyConfig(cfg)
	fast.QPS = -1
	c, err := client.New(fast, client.Options{Scheme: scheme})
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
func eventually(t *testing.T, check func() error) {
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
	s.renewals(10)
	before := len(s.writes.list())
	s.renewals(10)
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
