// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
)

// newLogger makes the logger of the process.
func newLogger(s *config.Settings) *slog.Logger {
	o := &slog.HandlerOptions{Level: s.LogLevel}
	var h slog.Handler = slog.NewTextHandler(os.Stderr, o)
	if s.LogJSON {
		h = slog.NewJSONHandler(os.Stderr, o)
	}
	return slog.New(h).With("cluster", s.Self)
}

// worldCollector reads the numbers of the model when Prometheus asks.
type worldCollector struct {
	world                                    func() *gslb.World
	revision, age, hosts, cluster, mark, iso *prometheus.Desc
}

func newWorldCollector(world func() *gslb.World) *worldCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("meridian_gslb_"+name, help, labels, nil)
	}
	return &worldCollector{
		world:    world,
		revision: d("world_revision", "Number of the current World."),
		age:      d("world_age_seconds", "Time since the current World was made; a quiet system's rises."),
		hosts:    d("hosts", "Balanced names in the current World."),
		cluster:  d("cluster_liveness", "1 for the state that each cluster is in.", "geo_tag", "liveness"),
		mark:     d("mark", "How far this cluster's knowledge of its own objects goes."),
		iso:      d("isolated", "1 while this cluster is probably the one cut off."),
	}
}

// Describe lists the metrics.
func (c *worldCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.revision, c.age, c.hosts, c.cluster, c.mark, c.iso} {
		ch <- d
	}
}

// Collect reads the current World.
func (c *worldCollector) Collect(ch chan<- prometheus.Metric) {
	w := c.world()
	if w == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.revision, float64(w.Revision))
	gauge(c.age, time.Since(w.At).Seconds())
	gauge(c.hosts, float64(w.Len()))
	gauge(c.mark, float64(w.Local.Mark))
	isolated := 0.0
	if !w.Isolated.IsZero() {
		isolated = 1
	}
	gauge(c.iso, isolated)
	for i := range w.Clusters {
		gauge(c.cluster, 1, string(w.Clusters[i].Tag), w.Clusters[i].Liveness.String())
	}
}

// metricsHandler serves /metrics and /explain.
func metricsHandler(reg *prometheus.Registry, world func() *gslb.World) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.Handle("GET /explain", explain.Handler(world))
	return mux
}

// probeHandler serves /healthz, which says that the process runs, and /readyz,
// which says that it answers for its zones. Neither depends on the API, a peer
// or the edge once the first World was made.
func probeHandler(ready func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "ok") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(rw, "not ready: objects were not read completely, or a peer is still waited for", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(rw, "ok")
	})
	return mux
}

// webServer is one HTTP listener, bound before anything runs so that a port in
// use is an error of the start.
type webServer struct {
	ln  net.Listener
	srv *http.Server
}

// listenWeb binds addr; it gives nil for an empty one.
func listenWeb(ctx context.Context, flag, addr string, h http.Handler) (*webServer, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--%s: cannot listen on %s: %w; choose another address or stop what uses it", flag, addr, err)
	}
	return &webServer{ln, &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}}, nil
}

// run serves until ctx ends.
func (s *webServer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.srv.Close() }) // closing is all that is left to do
	defer stop()
	if err := s.srv.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
