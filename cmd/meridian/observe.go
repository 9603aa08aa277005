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
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
	"github.com/meridian-gslb/meridian/internal/observe"
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

// registerCommon registers the metrics of the process as a whole.
func (p *process) registerCommon() error {
	s := p.settings
	source := "kubernetes"
	if s.Manifests != "" {
		source = "files"
	}
	edge := config.ProviderNone
	switch {
	case s.ExternalDNS:
		edge = config.ProviderExternalDNS
	case len(s.EdgeServers) > 0:
		edge = config.ProviderRFC2136
	}
	constant := func(name, help string, labels prometheus.Labels) prometheus.Collector {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
		g.Set(1)
		return g
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		constant("meridian_build_info", "1; the labels say what was built.", prometheus.Labels{
			"version": version, "go_version": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
		}),
		constant("meridian_config_info", "1; the labels say how this process is set up.", prometheus.Labels{
			"geo_tag": string(s.Self), "source": source, "edge_provider": edge, "instance_id": p.instance,
			"entry_check": strconv.FormatBool(s.EntryCheck), "peer_key": strconv.FormatBool(len(s.PeerKeys) > 0),
		}),
		observe.NewWorld(p.currentWorld),
	} {
		errs = append(errs, p.registry.Register(c))
	}
	return errors.Join(errs...)
}

// listenWebs binds the listeners of metrics and probes, and runs them.
func (p *process) listenWebs(ctx context.Context) error {
	probes, err := p.addHealth()
	if err != nil {
		return err
	}
	for _, l := range []struct {
		flag, addr string
		handler    http.Handler
	}{
		{"metrics-listen", p.settings.MetricsListen, metricsHandler(p.registry, p.currentWorld, p.aboutZone)},
		{"probe-listen", p.settings.ProbeListen, probes},
	} {
		w, err := listenWeb(ctx, l.flag, l.addr, l.handler)
		if err != nil {
			return err
		}
		if w != nil {
			p.run("web server", w.run)
		}
	}
	return nil
}

// metricsHandler serves /metrics and /explain.
func metricsHandler(reg *prometheus.Registry, world func() *gslb.World, about func(gslb.Name) []string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.Handle("GET /explain", explain.Handler(world, about))
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
