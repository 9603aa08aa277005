// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

// patience bounds a test that waits for something that never comes.
const patience = time.Minute

// harness is a Source on a real folder with a real Store.
type harness struct {
	t      *testing.T
	dir    string
	source *files.Source
	store  *gslb.Store
	box    *gslb.Mailbox
	logs   chan slog.Record
	stop   func() // ends it before the test does

	mu     sync.Mutex
	worlds []*gslb.World // all that were published
}

// start runs a Source on dir until the test ends.
func start(t *testing.T, dir string) *harness {
	t.Helper()
	return startAs(t, dir, gslb.Config{}, nil)
}

// startAs is start with a Store and a Source that adjust, if it is there, changed.
func startAs(t *testing.T, dir string, store gslb.Config, adjust func(*files.Config)) *harness {
	t.Helper()
	h := &harness{t: t, dir: dir, logs: make(chan slog.Record, 1000)}
	var err error
	store.Self, store.ClusterID = "eu", "id-eu"
	h.store, err = gslb.NewStore(store)
	require.NoError(t, err)
	h.box = h.store.Mailbox()
	h.store.OnWorld(func(w *gslb.World) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.worlds = append(h.worlds, w)
	})
	config := files.Config{
		Dir: dir, Store: h.store, Self: "eu",
		Zones:  []gslb.ZoneIntent{{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"), NegTTL: 30}},
		Addrs:  []netip.Addr{netip.MustParseAddr("192.0.2.53")},
		Logger: slog.New(recorder{h.logs}), Registerer: prometheus.NewRegistry(), Asker: lb{},
	}
	if adjust != nil {
		adjust(&config)
	}
	h.source, err = files.New(config)
	require.NoError(t, err)
	if adjust != nil {
		h.source.LookOnly()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, h.store.Run(ctx)) })
	running.Go(func() { assert.NoError(t, h.source.Run(ctx)) })
	h.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(h.stop)
	return h
}

// until waits for a World that is as it should be.
func (h *harness) until(why string, ok func(*gslb.World) bool) *gslb.World {
	h.t.Helper()
	if w := h.store.World(); w != nil && ok(w) {
		return w
	}
	end := time.After(patience)
	for {
		select {
		case w := <-h.box.C():
			if ok(w) {
				return w
			}
		case <-end:
			require.FailNow(h.t, "it never came: "+why, "%v", h.source.Problems())
		}
	}
}

// untilAddrs waits until app.cloud.example.com has these healthy addresses.
func (h *harness) untilAddrs(why string, addrs ...string) *gslb.World {
	h.t.Helper()
	return h.until(why, func(w *gslb.World) bool { return fmt.Sprint(healthy(w)) == fmt.Sprint(addrs) })
}

func healthy(w *gslb.World) []string {
	var addrs []string
	host := w.Host(gslb.MustName("app.cloud.example.com"))
	if host == nil {
		return nil
	}
	for _, e := range host.Part("eu").Entries {
		if e.Tier == gslb.TierHealthy {
			addrs = append(addrs, e.Addr.String())
		}
	}
	return addrs
}

// untilLog waits for a message, and gives its attributes in one line.
func (h *harness) untilLog(message string) string {
	h.t.Helper()
	end := time.After(patience)
	for {
		select {
		case r := <-h.logs:
			if r.Message == message {
				return attributes(r)
			}
		case <-end:
			require.FailNow(h.t, "never logged: "+message)
		}
	}
}

func attributes(r slog.Record) string {
	var all []string
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, a.String())
		return true
	})
	return strings.Join(all, " ")
}

// published gives every World so far.
func (h *harness) published() []*gslb.World {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*gslb.World(nil), h.worlds...)
}

// write saves a file as a careful program does: under another name first.
func (h *harness) write(name, text string) { write(h.t, h.dir, name, text) }

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	temporary := filepath.Join(dir, "."+name+".tmp")
	require.NoError(t, os.WriteFile(temporary, []byte(text), 0o600))
	require.NoError(t, os.Rename(temporary, filepath.Join(dir, name)))
}

func (h *harness) remove(name string) {
	h.t.Helper()
	require.NoError(h.t, os.Remove(filepath.Join(h.dir, name)))
}

// recorder is a log handler that keeps records for a test.
type recorder struct{ to chan slog.Record }

func (recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r recorder) Handle(_ context.Context, record slog.Record) error {
	r.to <- record
	return nil
}
func (r recorder) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r recorder) WithGroup(string) slog.Handler      { return r }

// The manifests of the tests.

func gslbYAML(host string) string {
	return `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app}
spec:
  ingress:
    rules:
    - host: ` + host + `
      http:
        paths:
        - {path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
  strategy: {type: roundRobin}
`
}

func ingressYAML(name string, addrs ...string) string {
	text := `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ` + name + `}
spec:
  rules:
  - host: app.cloud.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
status:
  loadBalancer:
    ingress:
`
	for _, a := range addrs {
		text += "    - ip: " + a + "\n"
	}
	return text
}

func serviceYAML() string {
	return `apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  ports: [{port: 80}]
`
}

func sliceYAML(ready bool) string {
	return fmt.Sprintf(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.1], conditions: {ready: %t}}
`, ready)
}

// application fills a folder with everything that app.cloud.example.com needs.
func application(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "gslb.yaml", gslbYAML("app.cloud.example.com"))
	write(t, dir, "ingress.yaml", ingressYAML("app", "192.0.2.10"))
	write(t, dir, "backend.yaml", serviceYAML()+"---\n"+sliceYAML(true))
}

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }
