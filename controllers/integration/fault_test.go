// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
)

// wire is a TCP proxy before an API server. It can be cut, so that nothing connects any
// more, and frozen, so that all is silence.
type wire struct {
	to       string
	listener net.Listener

	mu     sync.Mutex
	cut    bool
	frozen chan struct{} // nil: it flows; closed when it thaws
	conns  map[net.Conn]struct{}
}

// newWire gives a wire to an API server, and the credentials to use through it.
func newWire(t testing.TB, cfg *rest.Config) (*wire, *rest.Config) {
	t.Helper()
	to, err := url.Parse(cfg.Host)
	require.NoError(t, err)
	host := to.Host
	if host == "" { // HOST:PORT alone
		host = cfg.Host
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{to: host, listener: l, conns: make(map[net.Conn]struct{})}
	var group sync.WaitGroup
	group.Go(func() { w.accept(&group) })
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		w.thaw()
		w.setCut(true)
		group.Wait()
	})
	through := rest.CopyConfig(cfg)
	through.Host = "https://" + l.Addr().String()
	return w, through
}

func (w *wire) accept(group *sync.WaitGroup) {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		if !w.keep(client) {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", w.to)
		if err != nil || !w.keep(server) {
			w.drop(client)
			continue
		}
		group.Go(func() { w.pump(client, server) })
		group.Go(func() { w.pump(server, client) })
	}
}

func (w *wire) pump(from, to net.Conn) {
	defer w.drop(from)
	defer w.drop(to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		frozen := w.frozen
		w.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return false
	}
	w.conns[c] = struct{}{}
	return true
}

func (w *wire) drop(c io.Closer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if conn, ok := c.(net.Conn); ok {
		delete(w.conns, conn)
	}
	_ = c.Close()
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for c := range w.conns {
		if cut {
			_ = c.Close()
		}
	}
}

func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = make(chan struct{})
}

func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen != nil {
		close(w.frozen)
		w.frozen = nil
	}
}

// blind waits until the site says that it cannot read its objects, or that it can.
func (s *site) blind(want bool) {
	s.t.Helper()
	eventually(s.t, func() error {
		if w := s.store.World(); w == nil || w.Local.Blind.IsZero() == want {
			return notYet("blind is not %t", want)
		}
		return nil
	})
}

func impatient(c *controllers.Config) { c.BlindAfter = 500 * time.Millisecond }

func TestSiteThatLosesTheAPIServesOnAndRecovers(t *testing.T) {
	for name, fault := range map[string]struct{ hurt, heal func(*wire) }{
		"the API refuses connections": {func(w *wire) { w.setCut(true) }, func(w *wire) { w.setCut(false) }},
		"the API is silent":           {(*wire).freeze, (*wire).thaw},
	} {
		t.Run(name, func(t *testing.T) {
			w, through := newWire(t, server)
			s := newSite(t, through, impatient)
			s.api = newClient(t, server) // the test's own hand is not cut off
			ns := namespace(t, s.api, nil)
			app(t, s.api, ns, "shop", true)
			ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
			require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
			s.answers("shop.cloud.example.com", "192.0.2.1")
			s.leads(1)

			fault.hurt(w)
			s.blind(true)
			s.leads(0)
			setReady(t, s.api, ns, "shop", false)
			s.answers("shop.cloud.example.com", "192.0.2.1")
			assert.True(t, s.store.World().Ready, "it stays ready")

			fault.heal(w)
			s.blind(false)
			s.answers("shop.cloud.example.com")
			s.leads(1)
		})
	}
}

func TestSiteStartsWithoutTheAPI(t *testing.T) {
	w, through := newWire(t, server)
	w.setCut(true)
	api := newClient(t, server)
	ns := namespace(t, api, nil)
	app(t, api, ns, "shop", true)
	ingress(t, api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))

	_, err := controllers.ClusterID(t.Context(), asMeridian(through))
	require.ErrorContains(t, err, "kube-system")
	identity := make(chan string, 1)
	go func() {
		id, _ := controllers.WaitClusterID(t.Context(), asMeridian(through), logger(t))
		identity <- id
	}()
	s := newSiteWithID(t, through, "id", impatient)
	s.blind(true)
	assert.False(t, s.store.World().Ready, "it knows nothing yet, and says so")
	w.setCut(false)
	s.answers("shop.cloud.example.com", "192.0.2.1")
	s.blind(false)
	id, err := controllers.ClusterID(t.Context(), asMeridian(server))
	require.NoError(t, err)
	assert.Equal(t, id, <-identity)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = controllers.WaitClusterID(ended, asMeridian(through), logger(t))
	assert.ErrorIs(t, err, context.Canceled)
}

// deaf lets watches of EndpointSlices go on, and swallows what they tell.
type deaf struct {
	mu    sync.Mutex
	ears  map[*ear]struct{}
	plugs int
}

func (d *deaf) wrap(next http.RoundTripper) http.RoundTripper { return hearsNothing{d, next} }

type hearsNothing struct {
	*deaf
	next http.RoundTripper
}

// WrappedRoundTripper is how client-go finds what it can cancel requests with.
func (h hearsNothing) WrappedRoundTripper() http.RoundTripper { return h.next }

func (h hearsNothing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/endpointslices") && r.URL.Query().Get("watch") != "" {
		e := &ear{ReadCloser: resp.Body}
		resp.Body = e
		h.mu.Lock()
		h.ears[e] = struct{}{}
		h.mu.Unlock()
	}
	return resp, err
}

// plug makes the watches that there are deaf, and no later ones.
func (d *deaf) plug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for e := range d.ears {
		e.plugged.Store(true)
		d.plugs++
	}
}

type ear struct {
	io.ReadCloser
	plugged atomic.Bool
}

func (e *ear) Read(p []byte) (int, error) {
	for {
		n, err := e.ReadCloser.Read(p)
		if err != nil || !e.plugged.Load() {
			return n, err
		}
	}
}

func TestWatchThatSkipsEventsIsNoticed(t *testing.T) {
	d := &deaf{ears: make(map[*ear]struct{})}
	often := func(c *controllers.Config) {
		c.VerifyEvery = 200 * time.Millisecond
		c.Rest.Wrap(d.wrap)
	}
	s := newSite(t, server, often)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers("shop.cloud.example.com", "192.0.2.1")

	d.plug()
	require.NotZero(t, d.plugs)
	setReady(t, s.api, ns, "shop", false)
	s.answers("shop.cloud.example.com")
	drift, err := s.metrics.Gather()
	require.NoError(t, err)
	var kinds []string
	for _, f := range drift {
		if f.GetName() == "meridian_controllers_drift_total" {
			for _, m := range f.GetMetric() {
				if m.GetCounter().GetValue() > 0 {
					kinds = append(kinds, m.GetLabel()[0].GetValue())
				}
			}
		}
	}
	assert.Equal(t, []string{"EndpointSlice"}, kinds, "what was heard of did not drift")
}
