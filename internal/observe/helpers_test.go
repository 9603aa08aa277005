// SPDX-License-Identifier: Apache-2.0

package observe_test

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/observe"
)

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.TrimSpace(string(b)))
	return len(b), nil
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.all = nil }()
	return l.all
}

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "revision" || a.Key == "component" {
			return slog.Attr{}
		}
		return a
	}}))
}

// site is a Store of cluster eu with everything that observes it, in a bubble.
type site struct {
	t     *testing.T
	store *gslb.Store
	reg   *prometheus.Registry
	log   lines
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, reg: prometheus.NewRegistry()}
	var err error
	s.store, err = gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id"})
	require.NoError(t, err)
	s.observe()
	return s
}

// observe makes and runs everything around the Store.
func (s *site) observe() {
	s.t.Helper()
	t := s.t
	changes, err := observe.NewChanges(logger(&s.log), s.reg)
	require.NoError(t, err)
	convergence, err := observe.NewConvergence(s.reg)
	require.NoError(t, err)
	s.reg.MustRegister(observe.NewWorld(s.store.World))
	s.store.OnWorld(convergence.Published)
	box := s.store.Mailbox().C()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { _ = s.store.Run(ctx) }()
	go func() { _ = changes.Run(ctx, box) }()
	s.store.SetZones([]gslb.ZoneIntent{{Zone: gslb.MustName("example.com"), EdgeZone: gslb.MustName("com")}})
}

func offer(host string, addrs ...string) *gslb.Offer {
	o := &gslb.Offer{Host: gslb.MustName(host), Source: gslb.Source{Kind: "Gslb", Name: host}, Policy: gslb.Policy{Strategy: gslb.RoundRobin}}
	for _, a := range addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: netip.MustParseAddr(a), Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	return o
}

func (s *site) set(host string, addrs ...string) {
	o := offer(host, addrs...)
	s.store.SetObject(o.Source, []*gslb.Offer{o})
}

// value reads a metric; the labels are name=value.
func (s *site) value(name string, labels ...string) float64 {
	s.t.Helper()
	families, err := s.reg.Gather()
	require.NoError(s.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var own []string
			for _, l := range m.GetLabel() {
				own = append(own, l.GetName()+"="+l.GetValue())
			}
			if f.GetName() == name && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(own, l) }) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return -1
}
