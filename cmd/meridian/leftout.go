// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// leftOut tells of static records that the table could not take in: when there
// are some, when they become more or fewer, and when there are none again.
type leftOut struct {
	log   *slog.Logger
	gauge prometheus.Gauge
	count int
}

func newLeftOut(log *slog.Logger, reg prometheus.Registerer) (*leftOut, error) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "meridian_answers_records_left_out", Help: "Static records that are not served, because their data cannot be read or a message cannot hold them all.",
	})
	return &leftOut{log: log, gauge: gauge}, reg.Register(gauge)
}

// look looks at a new table.
func (l *leftOut) look(t *answers.Table) {
	left := t.LeftOut()
	if len(left) == l.count {
		return
	}
	l.count = len(left)
	l.gauge.Set(float64(l.count))
	if l.count == 0 {
		l.log.Info("all static records are served again")
		return
	}
	l.log.Warn("static records are left out", "count", l.count, "name", left[0].Name, "error", left[0].Why)
}
