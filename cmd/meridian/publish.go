// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	dnsupdate "github.com/meridian-gslb/meridian/dnsserver/update"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/observe"
)

// publisher packs each World and hands it to the DNS server; what cannot be
// packed leaves the last good table.
func (p *process) publisher() (func(*gslb.World), error) {
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "meridian_answers_build_seconds", Help: "Time to build and publish a table.", Buckets: prometheus.ExponentialBuckets(1e-5, 4, 10),
	})
	stale := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "meridian_answers_table_stale", Help: "1 while the newest World could not be made a table; the last good one is served.",
	})
	convergence, err := observe.NewConvergence(p.registry)
	left, err2 := newLeftOut(p.log, p.registry)
	if err := errors.Join(err, err2, p.registry.Register(seconds), p.registry.Register(stale)); err != nil {
		return nil, err
	}
	var table *answers.Table
	failing := false
	return func(w *gslb.World) {
		begin := time.Now()
		next, err := answers.Builder{NoLocalTargets: !p.settings.K8gb}.Build(table, w)
		if err != nil {
			stale.Set(1)
			convergence.Failed(w)
			if !failing {
				p.log.Error("the table cannot be built; the last one goes on serving", "revision", w.Revision, "error", err)
			}
			failing = true
			return
		}
		table = next
		left.look(table)
		if p.transfers != nil { // first: who sees the new serial can have it
			p.transfers.Publish(table)
		}
		p.dns.Publish(table)
		if p.updates != nil {
			p.updates.Publish(w, servedBy(table))
		}
		seconds.Observe(time.Since(begin).Seconds())
		convergence.Published(w)
		stale.Set(0)
		if failing {
			p.log.Info("the table is built again", "revision", w.Revision)
		}
		failing = false
	}, nil
}

// servedBy gives what stands at a name by a table, for updates.
func servedBy(t *answers.Table) dnsupdate.Served {
	return func(name gslb.Name) iter.Seq2[uint16, [][]byte] {
		return func(yield func(uint16, [][]byte) bool) {
			for _, set := range t.NameRRsets(name) {
				if !yield(set.Type, set.RData) {
					return
				}
			}
		}
	}
}
